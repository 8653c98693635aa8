/*
 * Root that acts as the user of --user for a while, before it becomes that user.
 */
#ifndef LINUX_BORROW_H
#define LINUX_BORROW_H

#include <stdbool.h>

/*
 * Until user_return the process has that user's permissions. Nothing is
 * borrowed, nor given back, once it has become that user (sandbox.h). False
 * with errno: it stays who it is.
 */
bool user_borrow(void);
void user_return(void);

#endif
