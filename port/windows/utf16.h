/*
 * UTF-16, which Windows uses, and UTF-8, which attestd uses.
 */
#ifndef WINDOWS_UTF16_H
#define WINDOWS_UTF16_H

#include <stddef.h>
#include <wchar.h>

/*
 * Each converts a string with its NUL to `to`, and returns how many units that
 * took, with the NUL. 0, and an empty string if cap > 0: `s` is not well formed,
 * or there is not enough room.
 */
size_t utf16_from_utf8(const char *s, wchar_t *to, size_t cap);
size_t utf16_to_utf8(const wchar_t *s, char *to, size_t cap);

#endif
