# WRAP_NAME: the functions that tests/injected/NAME.c replaces
WRAP_faults = heap_malloc heap_calloc heap_free port_now_ms tpm_look_again
WRAP_sandbox = port_state
