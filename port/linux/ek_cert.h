/*
 * The EK's certificate, from the file of --ek-cert.
 */
#ifndef LINUX_EK_CERT_H
#define LINUX_EK_CERT_H

/* For option_files_read, which says what it returns. */
int ek_cert_read(void);

#endif
