/*
 * Takes a command line apart, and puts one together. Windows passes a program one
 * text; its C library's rules say how arguments are quoted in it.
 */
#ifndef WINDOWS_ARGUMENTS_H
#define WINDOWS_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The process's arguments in UTF-8, as main gets them: *argv ends with a NULL.
 * Returns their number, or -ERR_USAGE: too many, or not valid UTF-16.
 */
int arguments_take(char ***argv);

/*
 * Adds an argument to the command line in buf, whose length without its NUL is
 * *n. False if there is no room.
 */
bool arguments_add(char *buf, size_t cap, size_t *n, const char *argument);

#endif
