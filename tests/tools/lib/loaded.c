/*
 * Which handles a client has loaded.
 */
#include "loaded.h"

static const uint32_t loading[] = {
	0x131, /* CreatePrimary */
	0x157, /* Load */
	0x15B, /* HMAC_Start */
	0x161, /* ContextLoad */
	0x167, /* LoadExternal */
	0x176, /* StartAuthSession */
	0x186, /* HashSequenceStart */
	0x191, /* CreateLoaded */
};

bool loads(uint32_t cc)
{
	for (size_t i = 0; i < sizeof loading / sizeof *loading; i++)
		if (loading[i] == cc)
			return true;
	return false;
}

void loaded_add(struct loaded *l, uint32_t handle)
{
	if (l->count < sizeof l->handles / sizeof *l->handles)
		l->handles[l->count++] = handle;
}

void loaded_remove(struct loaded *l, uint32_t handle)
{
	for (size_t i = 0; i < l->count; i++) {
		if (l->handles[i] == handle) {
			l->handles[i] = l->handles[--l->count];
			return;
		}
	}
}
