#include <limits.h>
#include <windows.h>

#include "utf16.h"

static int room(size_t cap)
{
	return cap < INT_MAX ? (int)cap : INT_MAX;
}

/* With a size of 0 both of the system's functions would count instead of convert. */
size_t utf16_from_utf8(const char *s, wchar_t *to, size_t cap)
{
	int n = 0;

	if (cap > 0) {
		n = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, s, -1, to, room(cap));
		if (n <= 0) {
			to[0] = L'\0';
		}
	}
	return n > 0 ? (size_t)n : 0;
}

size_t utf16_to_utf8(const wchar_t *s, char *to, size_t cap)
{
	int n = 0;

	if (cap > 0) {
		n = WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, s, -1, to, room(cap), NULL,
					NULL);
		if (n <= 0) {
			to[0] = '\0';
		}
	}
	return n > 0 ? (size_t)n : 0;
}
