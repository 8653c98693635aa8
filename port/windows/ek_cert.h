/*
 * The EK's certificate from a file, or from the stores in Windows' registry.
 */
#ifndef WINDOWS_EK_CERT_H
#define WINDOWS_EK_CERT_H

/*
 * --ek-cert: reads that file, now. -ERR_USAGE: it cannot be read, is empty or
 * has more than CERT_FILE_MAX bytes.
 */
int ek_cert_file(const char *path);

#endif
