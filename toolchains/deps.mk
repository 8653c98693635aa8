# Which files of tpm2-tss and BearSSL are compiled, and the flags for them and for our own
# sources. Variables only.

# Our compilers' warnings are errors. Another compiler may warn of more.
OWN_CFLAGS = -std=c11 -Wall -Wextra $(if $(GIVEN),,-Werror) -Wshadow -Wvla -Wconversion \
	-Wmissing-prototypes -Wundef -Iinclude -Isrc -isystem $(TSS)/include \
	-isystem $(TSS)/include/tss2 -isystem $(BEARSSL)/inc -isystem $(DEPS)/jsmn \
	$(if $(filter $(addprefix src/tpm/,esapi.c evict_control.c prepare.c),$<),-isystem $(TSS)/src \
		$(addprefix -isystem $(TSS)/src/,tss2-esys tss2-sys)) \
	-DATTESTD_VERSION='"$(VERSION)"'

TSS_TCTI_linux = tss2-tcti/tcti-device.c
TSS_TCTI_windows = tss2-tcti/tcti-tbs.c
# The commands that attestd uses. FlushContext is not among them, because after an error in
# it ESAPI has nothing to clean up.
ESAPI_COMMANDS = ActivateCredential Certify CertifyCreation ContextLoad ContextSave \
	CreatePrimary GetCapability NV_Read NV_ReadPublic PCR_Read PolicySecret Quote ReadPublic \
	StartAuthSession
# The functions of SAPI that ESAPI and the TCTI call, beside the commands.
SAPI = Execute Finalize GetCommandCode GetContextSize GetCpBuffer GetDecryptParam GetEncryptParam \
	GetRpBuffer GetRspAuths GetTctiContext Initialize SetCmdAuths SetDecryptParam SetEncryptParam
# Only the files whose functions are called. The linker would leave out the other hundreds,
# but each of a dozen builds would compile them. MU's functions for TPM2Bs are in
# src/tpm/tpm2b.c instead.
TSS_SOURCES := $(sort $(foreach c,$(ESAPI_COMMANDS) FlushContext,tss2-esys/api/Esys_$c.c tss2-sys/api/Tss2_Sys_$c.c) \
	tss2-sys/api/Tss2_Sys_EvictControl.c $(SAPI:%=tss2-sys/api/Tss2_Sys_%.c) tss2-sys/sysapi_util.c \
	$(addprefix tss2-esys/esys_,context.c crypto.c free.c iutil.c mu.c tr.c) \
	$(addprefix tss2-mu/,base-types.c tpma-types.c tpml-types.c tpms-types.c tpmt-types.c tpmu-types.c) \
	tss2-tcti/tcti-common.c $(TSS_TCTI_$(PORT)))
TSS_SOURCES := $(TSS_SOURCES:%=$(TSS)/src/%)
# ESAPI has no log, and no crypto library but our callbacks. Its memory comes from
# src/tpm/heap.c, which wipes it when it is freed, because it holds secrets.
TSS_CFLAGS = -std=gnu11 -w -fno-strict-aliasing -DMAXLOGLEVEL=0 \
	-Dmalloc=heap_malloc -Dcalloc=heap_calloc -Drealloc=heap_realloc -Dfree=heap_free \
	-I$(TSS) -I$(TSS)/src -I$(TSS)/include -I$(TSS)/include/tss2 \
	$(addprefix -I$(TSS)/src/,tss2-mu tss2-sys tss2-esys tss2-tcti util util-io) \
	$(if $(filter %/Tss2_Sys_GetCapability.c,$<),$(CAPABILITY)) \
	$(if $(filter %/sysapi_util.c,$<),-DCommonPreparePrologue=unused_CommonPreparePrologue) \
	$(if $(filter $(ESAPI_COMMANDS:%=Esys_%.c),$(<F)),-Isrc '-DESAPI_COMMAND=goto error_cleanup' -include tpm/esapi.h) \
	$(if $(filter Esys_FlushContext.c,$(<F)),-Isrc '-DESAPI_COMMAND=return r' -include tpm/esapi.h) \
	$(if $(filter esys_iutil.c,$(<F)),-Isrc -DESAPI_CORE -include tpm/esapi.h) \
	$(if $(filter esys_tr.c,$(<F)),-Isrc -DESAPI_OBJECTS -include tpm/esapi.h)
# Our own function is smaller: src/tpm/capability.h.
CAPABILITY = -DTss2_MU_TPMS_CAPABILITY_DATA_Unmarshal=capability_unmarshal

# The same for BearSSL. BEARSSL_TESTS are files that only tests use.
BEARSSL_SOURCES := $(addprefix $(BEARSSL)/src/,$(addsuffix .c,$(sort \
	$(addprefix codec/,ccopy dec32be dec64be enc32be enc64be) \
	$(addprefix hash/,mgf1 sha1 sha2big sha2small) mac/hmac \
	$(addprefix int/,$(addprefix i31_,add bitlen decmod decode encode fmont modpow2 montmul \
		muladd ninv31 sub tmont) i32_div32) \
	$(addprefix rsa/rsa_,i31_oaep_encrypt i31_pub oaep_pad) \
	$(addprefix symcipher/aes_ct,_ctr _enc) symcipher/aes_ct x509/x509_decoder \
	$(BEARSSL_TESTS))))
# Only BearSSL's portable code, so that one path is tested on all CPUs. Its clock and random
# sources are off: the port has those.
BEARSSL_CFLAGS = -std=gnu11 -w -fno-strict-aliasing -I$(BEARSSL)/inc -I$(BEARSSL)/src \
	-DBR_AES_X86NI=0 -DBR_SSE2=0 -DBR_POWER8=0 -DBR_RDRAND=0 -DBR_USE_URANDOM=0 \
	-DBR_USE_UNIX_TIME=0 -DBR_USE_WIN32_RAND=0 -DBR_USE_WIN32_TIME=0
