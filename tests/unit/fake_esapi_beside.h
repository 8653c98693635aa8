/* The rest of fake_esapi.h's TPM: keys, the other operations, the link and the port. */

/* ---- keys: other tests are about templates, and how keys are found ------- */

void key_init(struct tpm *t)
{
	fake.tpm = t;
	for (unsigned k = 0; k < KEYS; k++) {
		t->keys[k].persistent = t->keys[k].loaded = ESYS_TR_NONE;
	}
}

void key_drop(struct key *key)
{
	key->saved = NULL;
}

ESYS_TR key_object(const struct tpm *t, enum key_index id)
{
	return t->keys[id].persistent != ESYS_TR_NONE ? t->keys[id].persistent : t->keys[id].loaded;
}

bool key_is_stale(const struct tpm *t, TSS2_RC rc)
{
	return rc_is_tpm(rc) &&
	       (rc_is_no_handle(rc) || (!t->client_data_sent && rc_error(rc) == -ERR_TPM_RC));
}

TSS2_RC key_load_start(struct tpm *t)
{
	if (key_object(t, t->target) != ESYS_TR_NONE) {
		return STEP_SKIP; /* it is persistent, or stays loaded */
	}
	return send(t->target == KEY_EK ? 'K' : 'A');
}

TSS2_RC key_load_finish(struct tpm *t)
{
	bool full = count(OBJECT, OBJECT) == SLOTS;
	TSS2_RC rc = answer(fake.at_work, full ? TPM2_RC_OBJECT_MEMORY : TSS2_RC_SUCCESS);

	if (rc == TSS2_RC_SUCCESS) {
		t->keys[t->target].loaded = load(OBJECT);
	}
	return rc;
}

void ek_prepare_salt(const struct tpm *t)
{
	(void)t;
}

/* ---- the other operations ----------------------------------------------------- */

static TSS2_RC no_step(struct tpm *t)
{
	(void)t;
	return STEP_SKIP;
}

#define FINDER(name, fact, letter)                                         \
	static int conclude_##name(struct tpm *t, TSS2_RC rc, bool *stale) \
	{                                                                  \
		(void)rc, (void)stale;                                     \
		note(letter);                                              \
		t->facts |= (fact);                                        \
		if ((fact) == FACT_CLEAN) {                                \
			memset(fake.loaded, 0, sizeof fake.loaded);        \
		}                                                          \
		if ((fact) == FACT_EK && fake.persistent) {                \
			t->keys[KEY_EK].persistent = HANDLES;              \
		}                                                          \
		for (unsigned k = 0; k < KEYS && fake.holds; k++) {        \
			if (t->keys[k].loaded == ESYS_TR_NONE) {           \
				t->keys[k].loaded = HANDLES;               \
			}                                                  \
		}                                                          \
		return 0;                                                  \
	}                                                                  \
	static const struct step steps_##name[] = {{no_step, NULL, 0, 0}}; \
	const struct operation name##_operation = {STEPS(steps_##name), .conclude = conclude_##name}
FINDER(flush_stale, FACT_CLEAN, 'o');
FINDER(info, FACT_INFO, 'i');
FINDER(ek, FACT_EK, 'e');
FINDER(cert, FACT_CERT, 'i');
FINDER(chain, FACT_CHAIN, 'i');
FINDER(aik_ecc, FACT_AIK_ECC, 'i');
FINDER(aik_rsa, FACT_AIK_RSA, 'i');
FINDER(aik_certify, 0, 'i');

static TSS2_RC quote_start(struct tpm *t)
{
	(void)t;
	return send('Q');
}

static TSS2_RC quote_finish(struct tpm *t)
{
	TSS2_RC rc = answer('Q', TSS2_RC_SUCCESS);

	t->answered = rc == TSS2_RC_SUCCESS;
	return rc;
}

static int quote_conclude(struct tpm *t, TSS2_RC rc, bool *stale)
{
	*stale = key_is_stale(t, rc);
	return rc == TSS2_RC_SUCCESS ? 0 : rc_error(rc);
}

static const struct step quote_steps[] = {
	{key_load_start, key_load_finish, TPM_COMMAND_MS, TARGET_AIK},
	{quote_start, quote_finish, TPM_COMMAND_MS, 0},
};
const struct operation quote_operation = {STEPS(quote_steps), .conclude = quote_conclude};

/* ---- the link and the port ----------------------------------------------------- */

int link_open(const char **device)
{
	*device = "/dev/fake";
	assert_false(fake.open);
	fake.open = true;
	fake.opens++;
	fake.at_work = 0;
	return 0;
}

/* A resource manager then flushes all that was loaded through it. */
void link_close(void)
{
	fake.open = false;
	if (!fake.bare) {
		memset(fake.loaded, 0, sizeof fake.loaded);
	}
}

ESYS_CONTEXT *link_esys(void)
{
	return (ESYS_CONTEXT *)(void *)&fake;
}

int link_fault(void)
{
	return -ERR_TPM_UNAVAILABLE;
}

uint32_t link_commands(void)
{
	return fake.commands;
}

void link_wipe(void)
{
}

void salt_wipe(void)
{
}

uint64_t port_now_ms(void)
{
	return fake.now;
}

bool port_tpm_is_bare(void)
{
	return fake.bare;
}

bool port_tpm_holds_keys(void)
{
	return fake.holds;
}

int port_tpm_refusal(void)
{
	return 0;
}

int port_tpm_arm(void)
{
	return fake.blocks ? -ERR_NOTSUP : 0;
}

int port_random(uint8_t *buf, size_t n)
{
	memset(buf, 0x5a, n);
	return 0;
}

int port_endorsement_auth(uint8_t *buf, size_t *len)
{
	*len = fake.has_auth ? 4 : 0;
	memset(buf, 'a', *len);
	return 0;
}
