/*
 * Root that acts as the user of --user for a while, before it becomes that user.
 */
#ifndef LINUX_ACT_AS_USER_H
#define LINUX_ACT_AS_USER_H

#include <stdbool.h>

/*
 * Until act_as_self the process has that user's permissions. Nothing is
 * borrowed, nor given back, once it has become that user (sandbox.h). False
 * with errno: it stays who it is.
 */
bool act_as_user(void);
void act_as_self(void);

#endif
