#include <windows.h>

#include "log.h"
#include "port.h"
#include "stop.h"
#include "timer.h"
#include "tpm_deadline.h"
#include "wait.h"

static void (*tell_overdue)(void);

static void CALLBACK on_overdue(PTP_CALLBACK_INSTANCE instance, PVOID unused, PTP_TIMER timer)
{
	(void)instance;
	(void)unused;
	(void)timer;
	log_reason(PORT_LOG_ERROR, "the TPM's driver does not return; ended without it", NULL, 0);
	log_flush();
	if (tell_overdue != NULL) {
		tell_overdue();
	}
	(void)TerminateProcess(GetCurrentProcess(), 1);
}

void stop_begin(uint32_t most_ms, void (*overdue)(void))
{
	static volatile LONG begun;

	wait_stop();
	tpm_deadline_stop();
	if (InterlockedExchange(&begun, 1) == 0) {
		tell_overdue = overdue;
		/* Without a timer, the program is expected to end by itself. */
		timer_set(CreateThreadpoolTimer(on_overdue, NULL, NULL), most_ms, 0);
	}
}
