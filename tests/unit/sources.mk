# What each unit test is linked with, beside wire/: attestd's sources, and the
# libraries tss2 and bearssl. The test itself defines whatever is still missing.

TPM_LINK = $(addprefix src/tpm/,link.c heap.c tctildr.c capability.c esapi.c prepare.c tpm2b.c) $(wildcard src/crypto/*.c)

UNIT_SRC_test_response_code = src/tpm/response_code.c
UNIT_SRC_test_capability = src/tpm/capability.c src/tpm/heap.c src/tpm/tpm2b.c
UNIT_LIB_test_capability = tss2
UNIT_SRC_test_heap = src/tpm/heap.c
UNIT_SRC_test_tpm2b = src/tpm/tpm2b.c src/tpm/heap.c
UNIT_LIB_test_tpm2b = tss2

UNIT_SRC_test_digest = src/crypto/digest.c
UNIT_LIB_test_digest = bearssl
UNIT_SRC_test_cipher = src/crypto/cipher.c src/crypto/digest.c
UNIT_LIB_test_cipher = bearssl
UNIT_SRC_test_salt = src/crypto/salt.c src/crypto/cipher.c src/crypto/digest.c
UNIT_LIB_test_salt = bearssl
UNIT_SRC_test_ek_url = src/crypto/ek_url.c
UNIT_LIB_test_ek_url = bearssl

UNIT_SRC_test_template = src/tpm/template.c src/tpm/heap.c src/tpm/tpm2b.c
UNIT_LIB_test_template = tss2
UNIT_SRC_test_link = $(TPM_LINK)
UNIT_LIB_test_link = tss2 bearssl
UNIT_SRC_test_link_esapi = $(TPM_LINK)
UNIT_LIB_test_link_esapi = tss2 bearssl
TPM_SRC = $(addprefix src/tpm/,tpm.c work.c own_jobs.c second_chance.c facts.c connect.c ready_session.c response_code.c)
UNIT_SRC_test_tpm = $(TPM_SRC)
UNIT_SRC_test_work = $(TPM_SRC)
READY_SRC = $(TPM_SRC) $(addprefix src/tpm/,activate_credential.c job.c session.c)
UNIT_SRC_test_ready = $(READY_SRC)
UNIT_SRC_test_ready_faults = $(READY_SRC)
UNIT_SRC_test_session = src/tpm/session.c
UNIT_SRC_test_job = src/tpm/job.c src/tpm/response_code.c
UNIT_SRC_test_job_retry = src/tpm/job.c src/tpm/response_code.c

UNIT_SRC_test_command_line = src/service/command_line.c src/service/log_lines.c
UNIT_SRC_test_command_line_call = src/service/command_line.c src/service/log_lines.c
UNIT_SRC_test_call_request = src/service/call_request.c src/service/log_lines.c
UNIT_SRC_test_log_lines = src/service/log_lines.c
UNIT_SRC_test_provision = src/service/provision.c src/service/log_lines.c
UNIT_SRC_test_dispatch = src/service/dispatch.c
UNIT_SRC_test_dispatch_sign = src/service/dispatch.c
UNIT_SRC_test_health = src/service/health.c
TEST_SERVER = $(addprefix src/service/,server.c cert_retry.c client.c dispatch.c health.c log_lines.c respond.c tpm_queue.c)
UNIT_SRC_test_server = $(TEST_SERVER)
UNIT_SRC_test_server_clients = $(TEST_SERVER)
UNIT_SRC_test_server_commands = $(TEST_SERVER)
UNIT_SRC_test_server_health = $(TEST_SERVER)
UNIT_SRC_test_server_lines = $(TEST_SERVER)
UNIT_SRC_test_server_once = $(TEST_SERVER)
UNIT_SRC_test_server_stop = $(TEST_SERVER)

UNIT_SRC_test_store_element = port/common/store_element.c
UNIT_SRC_test_port_linux = $(wildcard port/common/*.c port/linux/*.c)
UNIT_SRC_test_port_linux_calm = $(wildcard port/common/*.c port/linux/*.c)
UNIT_SRC_test_port_linux_faults = $(wildcard port/common/*.c port/linux/*.c)
FAULTY = accept4 clock_now epoll_create1 epoll_ctl fchownat fcntl \
	getrandom getsockopt listen lstat open poll read send signalfd socket syscall unlink write
UNIT_WRAP_test_port_linux_faults = $(FAULTY)
UNIT_SRC_test_port_linux_refused = $(wildcard port/common/*.c port/linux/*.c)
UNIT_WRAP_test_port_linux_refused = $(FAULTY)
UNIT_SRC_test_port_linux_socket_folder = $(wildcard port/common/*.c port/linux/*.c)
UNIT_SRC_test_port_linux_option_files = $(wildcard port/common/*.c port/linux/*.c)
UNIT_SRC_test_port_linux_io = $(wildcard port/common/*.c port/linux/*.c)
UNIT_SRC_test_port_linux_tpm = $(wildcard port/common/*.c port/linux/*.c)
UNIT_WRAP_test_port_linux_tpm = open stat
UNIT_SRC_test_port_linux_listen = $(wildcard port/common/*.c port/linux/*.c)
UNIT_SRC_test_port_linux_passed = $(wildcard port/common/*.c port/linux/*.c)
UNIT_SRC_test_port_linux_peer = $(wildcard port/common/*.c port/linux/*.c)
UNIT_SRC_test_port_linux_rivals = $(wildcard port/common/*.c port/linux/*.c)
UNIT_WRAP_test_port_linux_rivals = bind chmod fchownat syscall umask unlink
WINDOWS_SLOT_SRC = $(addprefix port/windows/,slot.c slot_io.c connection.c)
UNIT_SRC_test_windows_slot = $(WINDOWS_SLOT_SRC) $(wildcard port/common/*.c)
UNIT_SRC_test_windows_slot_order = $(WINDOWS_SLOT_SRC) $(wildcard port/common/*.c)

# Under valgrind only (tests/instrumented).
UNIT_SRC_test_constant_time = src/crypto/cipher.c src/crypto/digest.c
UNIT_LIB_test_constant_time = bearssl
