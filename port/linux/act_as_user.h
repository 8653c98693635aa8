/*
 * Root acts as the user of --user for a while, before it becomes that user.
 */
#ifndef LINUX_ACT_AS_USER_H
#define LINUX_ACT_AS_USER_H

#include <stdbool.h>

/*
 * Until act_as_self, the process has that user's permissions. Both do nothing
 * once it has become that user for good (sandbox.h). False with errno: it still
 * has its own permissions.
 */
bool act_as_user(void);
void act_as_self(void);

#endif
