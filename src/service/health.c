#include "service/health.h"

#include <stddef.h>

#include "tpm/tpm.h"
#include "wire/reply.h"

/* TPM_PT_MANUFACTURER is four characters, padded with NULs or spaces. */
static void put_manufacturer(struct text *reply, uint32_t id)
{
	char text[5] = {0};
	size_t n = 0;

	for (uint32_t rest = id; n < 4 && rest != 0; rest <<= 8) {
		char c = (char)(rest >> 24);

		text[n++] = c < ' ' || c > '~' || c == '"' || c == '\\' ? '?' : c;
	}
	while (n > 0 && text[n - 1] == ' ') {
		text[--n] = '\0';
	}
	reply_text(reply, "manufacturer", id == 0 ? NULL : text);
}

/* The two 32-bit versions as four numbers, as Windows and fwupd write them. */
static void put_firmware(struct text *reply, const struct identity *id)
{
	char buf[4 * sizeof "65535"];
	struct text text = text_in(buf, sizeof buf - 1);

	for (unsigned i = 0; i < 4; i++) {
		text_str(&text, i == 0 ? "" : ".");
		text_dec(&text, id->firmware[i / 2] >> (i % 2 == 0 ? 16 : 0) & 0xffff, 1);
	}
	buf[text.len] = '\0';
	reply_text(reply, "firmware", id->firmware[0] == 0 && id->firmware[1] == 0 ? NULL : buf);
}

static const char *aiks(void)
{
	bool ecc = tpm_knows(FACT_AIK_ECC), rsa = tpm_knows(FACT_AIK_RSA);

	return ecc && rsa ? "ecc,rsa" : ecc ? "ecc" : rsa ? "rsa" : NULL;
}

void health_reply(const struct health *health, struct text *reply)
{
	const struct identity *id = tpm_identity();

	if (health->err == 0) {
		reply_ok(reply);
	} else {
		reply_error(reply, health->err, "", NULL, health->tpm_rc);
	}
	reply_text(reply, "version", ATTESTD_VERSION);
	reply_text(reply, "device", tpm_device());
	put_manufacturer(reply, id->manufacturer);
	put_firmware(reply, id);
	reply_text(reply, "ek",
		   !tpm_knows(FACT_EK) ? NULL
		   : id->ek_persistent ? "persistent"
				       : "created");
	reply_text(reply, "ek_cert_source", id->ek_cert_source);
	reply_text(reply, "aik", aiks());
	reply_number(reply, "uptime_s", health->uptime_s);
	reply_number(reply, "requests", health->requests);
	reply_number(reply, "tpm_commands", tpm_commands());
	reply_end(reply);
}
