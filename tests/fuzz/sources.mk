# What each fuzz target is linked with, beside wire/: sources of ours, and of
# the libraries tss2 and bearssl, and functions that it stands before (as with
# tests/probe). What is not here the target itself provides.

FUZZ_SRC_request = src/service/dispatch.c
FUZZ_SRC_options = src/service/options.c src/service/log.c
FUZZ_SRC_call = src/service/call.c src/service/options.c src/service/log.c
FUZZ_SRC_store_element = port/common/store_element.c
FUZZ_SRC_options_linux = port/linux/options.c port/linux/paths.c port/common/line.c
# Not salt.c, heap.c and tpm.c, for which the target has its own.
FUZZ_SRC_tpm = $(addprefix src/tpm/,aik.c capability.c cert.c certify.c chain.c credential.c ek.c esapi.c \
	evict.c info.c job.c key.c link.c nv.c orphan.c prepare.c provision.c quote.c rc.c ready.c session.c sign.c tctildr.c template.c tpm2b.c) \
	tests/checked/heap.c \
	$(addprefix src/crypto/,callbacks.c cipher.c digest.c ek_url.c)
FUZZ_WRAP_tpm = digest_hash_finish digest_hmac_finish
FUZZ_LIB_tpm = tss2 bearssl
