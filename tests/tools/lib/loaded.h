/*
 * What one client has loaded into the TPM: transient objects and sessions.
 */
#ifndef TOOLS_LOADED_H
#define TOOLS_LOADED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loaded {
	uint32_t handles[32];
	size_t count;
};

void loaded_add(struct loaded *l, uint32_t handle);
void loaded_remove(struct loaded *l, uint32_t handle);

/* Returns whether a successful response to this command begins with such a handle. */
bool loads(uint32_t cc);

#endif
