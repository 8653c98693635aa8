#include <windows.h>

#include "log.h"
#include "port.h"
#include "service.h"
#include "stop.h"
#include "tpm_device.h"
#include "wait.h"

static void CALLBACK on_overdue(PTP_CALLBACK_INSTANCE instance, PVOID unused, PTP_TIMER timer)
{
	(void)instance;
	(void)unused;
	(void)timer;
	log_reason(PORT_LOG_ERROR, "the TPM's driver does not let go; ended without it", NULL, 0);
	log_flush();
	service_abandon();
	(void)TerminateProcess(GetCurrentProcess(), 1);
}

static void set_limit(uint32_t ms)
{
	PTP_TIMER timer = CreateThreadpoolTimer(on_overdue, NULL, NULL);
	const uint64_t due = 0 - (uint64_t)ms * 10000; /* from now on */
	FILETIME time = {(DWORD)due, (DWORD)(due >> 32)};

	if (timer == NULL) {
		return; /* what remains is that it will end by itself */
	}
	SetThreadpoolTimer(timer, &time, 0, 0);
}

void stop_begin(uint32_t most_ms)
{
	static volatile LONG begun;

	wait_stop();
	tpm_stop();
	if (InterlockedExchange(&begun, 1) == 0) {
		set_limit(most_ms);
	}
}
