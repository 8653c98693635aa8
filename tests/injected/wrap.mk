# The functions whose calls go to tests/injected/NAME.c: WRAP_NAME
WRAP_faults = heap_malloc heap_calloc heap_free port_now_ms tpm_look_again
WRAP_sandbox = port_state
