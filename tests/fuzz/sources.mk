# What each fuzz target is linked with, beside wire/: attestd's sources, the libraries
# tss2 and bearssl, and the functions that it wraps (as tests/injected does).
# The target itself defines whatever is still missing.

FUZZ_SRC_request = src/service/dispatch.c
FUZZ_SRC_command_line = src/service/command_line.c src/service/log_lines.c
FUZZ_SRC_call_request = src/service/call_request.c src/service/command_line.c src/service/log_lines.c
FUZZ_SRC_store_element = port/common/store_element.c
FUZZ_SRC_options_linux = port/linux/options.c port/linux/sandbox_paths.c
# salt.c, heap.c and tpm.c are missing: the target replaces them.
FUZZ_SRC_tpm = $(addprefix src/tpm/,aik.c capability.c cert.c certify.c chain.c activate_credential.c ek.c esapi.c \
	evict_control.c info.c job.c primary_key.c link.c nv_read.c flush_stale.c prepare.c persist_ek.c quote.c response_code.c ready_session.c session.c sign.c tctildr.c template.c tpm2b.c) \
	tests/instrumented/malloc_heap.c \
	$(addprefix src/crypto/,callbacks.c cipher.c digest.c ek_url.c)
FUZZ_WRAP_tpm = digest_hash_finish digest_hmac_finish
FUZZ_LIB_tpm = tss2 bearssl
