/*
 * A command line: taken apart, and put together. Windows passes a program one
 * text; how that is to be read is the convention of its C library.
 */
#ifndef WINDOWS_ARGUMENTS_H
#define WINDOWS_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The process's arguments in UTF-8, as main has them: *argv ends with a NULL.
 * Their number, or -ERR_USAGE: too many, or not UTF-16.
 */
int arguments_take(char ***argv);

/*
 * Adds an argument to the command line in buf, ended by a NUL, whose length
 * is *n. False if there is no room.
 */
bool arguments_add(char *buf, size_t cap, size_t *n, const char *argument);

#endif
