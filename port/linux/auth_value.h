/*
 * Authorisation values, from the files of --endorsement-auth and --owner-auth.
 */
#ifndef LINUX_AUTH_VALUE_H
#define LINUX_AUTH_VALUE_H

/* For option_files_read, which says what it returns. */
int auth_value_read(void);
/* Wipes them. */
void auth_value_wipe(void);

#endif
