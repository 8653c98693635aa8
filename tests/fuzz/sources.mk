# What each fuzz target is linked with, beside wire/: sources of ours, and of
# the libraries tss2 and bearssl. What is not here the target itself provides.

FUZZ_SRC_request = src/service/dispatch.c
FUZZ_SRC_options = src/service/options.c src/service/log.c
FUZZ_SRC_ek_cert = src/crypto/cert_key.c
FUZZ_LIB_ek_cert = bearssl
# Not salt.c, heap.c and tpm.c, for which the target has its own.
FUZZ_SRC_tpm = $(addprefix src/tpm/,aik.c capability.c credential.c ek.c job.c key.c link.c nv.c rc.c \
	tctildr.c template.c) $(addprefix src/crypto/,callbacks.c cert_key.c cipher.c digest.c)
FUZZ_LIB_tpm = tss2 bearssl
