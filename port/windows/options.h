/*
 * The values of this port's options, as port_options' setters leave them.
 */
#ifndef WINDOWS_OPTIONS_H
#define WINDOWS_OPTIONS_H

#include <windows.h>

#define PIPE_PREFIX "\\\\.\\pipe\\"
#define DEFAULT_PIPE PIPE_PREFIX "TpmWrapperPipe"

/* A pipe's own name in UTF-16 units; with its prefix Windows allows 256. */
#define PIPE_NAME_LEN 200
#define PIPE_PREFIX_LEN (sizeof(PIPE_PREFIX) - 1)

struct windows_options {
	const wchar_t *pipe; /* --pipe, with its prefix */
	const char *pipe_text; /* the same for the log, as it was given */
	PSECURITY_DESCRIPTOR security; /* --sddl; NULL: the default */
	PSECURITY_DESCRIPTOR quote; /* --allow-quote, mapped; NULL: whoever is in */
};
extern struct windows_options windows_options;

#endif
