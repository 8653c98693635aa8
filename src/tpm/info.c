#include "bounds.h"
#include "tpm/info.h"
#include "tpm/nv_read.h"

/* All properties from the first to the last that is needed are in one response. */
#define FIRST TPM2_PT_MANUFACTURER
#define LAST TPM2_PT_NV_BUFFER_MAX

static void begin(struct tpm *t)
{
	t->id.manufacturer = 0;
	t->id.firmware[0] = 0;
	t->id.firmware[1] = 0;
	t->nv_chunk = NV_CHUNK_MIN;
}

static TSS2_RC properties_start(struct tpm *t)
{
	return Esys_GetCapability_Async(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
					TPM2_CAP_TPM_PROPERTIES, FIRST, LAST - FIRST + 1);
}

static void take(struct tpm *t, const TPMS_TAGGED_PROPERTY *property)
{
	uint32_t value = property->value;

	if (property->property == TPM2_PT_MANUFACTURER) {
		t->id.manufacturer = value;
	} else if (property->property == TPM2_PT_FIRMWARE_VERSION_1) {
		t->id.firmware[0] = value;
	} else if (property->property == TPM2_PT_FIRMWARE_VERSION_2) {
		t->id.firmware[1] = value;
	} else if (property->property == TPM2_PT_NV_BUFFER_MAX) {
		/* ESAPI's own limit is the size of its buffer type. */
		t->nv_chunk = value < NV_CHUNK_MIN              ? NV_CHUNK_MIN
			      : value > TPM2_MAX_NV_BUFFER_SIZE ? TPM2_MAX_NV_BUFFER_SIZE
								: (uint16_t)value;
	}
}

static TSS2_RC properties_finish(struct tpm *t)
{
	TPMS_CAPABILITY_DATA *data = NULL;
	TPMI_YES_NO more;
	TSS2_RC rc = Esys_GetCapability_Finish(t->esys, &more, &data);

	/* The library does not check that the response is about this capability. */
	if (rc == TSS2_RC_SUCCESS && data->capability == TPM2_CAP_TPM_PROPERTIES) {
		const TPML_TAGGED_TPM_PROPERTY *list = &data->data.tpmProperties;

		for (uint32_t i = 0; i < list->count; i++) {
			take(t, &list->tpmProperty[i]);
		}
	}
	Esys_Free(data);
	return rc;
}

/* It does not matter much if the TPM refuses: NV is read in smaller pieces, and the
 * certificate's address is unknown. */
static int conclude(struct tpm *t, TSS2_RC rc, bool *stale)
{
	(void)rc;
	(void)stale;
	t->facts |= FACT_INFO;
	return 0;
}

static const struct step steps[] = {{properties_start, properties_finish, TPM_COMMAND_MS, 0}};

const struct operation info_operation = {STEPS(steps), .begin = begin, .conclude = conclude};
