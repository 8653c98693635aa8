/*
 * The files that options name: authorisation values and the EK's certificate.
 */
#ifndef LINUX_OPTION_FILES_H
#define LINUX_OPTION_FILES_H

#include <stddef.h>
#include <stdint.h>

/*
 * Reads the files of --endorsement-auth, --owner-auth and --ek-cert, where they
 * are given, while the process may still open them. -ERR_USAGE: one does not
 * have the size that it may have; -ERR_IO: it cannot be read. Logged.
 */
int option_files_read(void);

/* The same for the first call; later calls return the result of that one. */
int option_files_read_once(void);

/* ---- for auth_value.c and ek_cert.c ------------------------------------ */

/* Reads to the file's end, or until buf is full. -1, with errno. */
int option_file_read(int fd, uint8_t *buf, size_t cap, size_t *len);
/* Logs "WHAT PATH: REASON" (log_reason) and returns `result`. */
int option_file_failed(const char *what, const char *path, int e, int result);

#endif
