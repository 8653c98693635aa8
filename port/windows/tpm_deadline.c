#include "tpm_deadline.h"

#include "bounds.h"
#include "port.h"
#include "timer.h"

/* If a command does not end although it was cancelled, it is cancelled again. */
#define CANCEL_AGAIN_MS 1000

/* A command blocks the thread that sends it, so another thread has to cancel it. */
static struct {
	SRWLOCK lock;
	PTP_TIMER timer;
	TBS_HCONTEXT running; /* where a command runs, or NULL */
	uint64_t late; /* port_now_ms(): when it is cancelled */
	uint64_t stop; /* the same for every command, once the program shall end */
	bool cancelling; /* on_timer is calling TBS, without the lock */
	bool has_cancelled; /* on_timer has done so for this command */
	CONDITION_VARIABLE cancelled;
} watch = {.lock = SRWLOCK_INIT, .stop = PORT_NEVER, .cancelled = CONDITION_VARIABLE_INIT};

static void CALLBACK on_timer(PTP_CALLBACK_INSTANCE instance, PVOID unused, PTP_TIMER timer)
{
	(void)instance;
	(void)unused;
	(void)timer;
	AcquireSRWLockExclusive(&watch.lock);
	/* This may come late, when another command already runs. */
	if (watch.running != NULL && !watch.cancelling && port_now_ms() >= watch.late) {
		TBS_HCONTEXT handle = watch.running;

		/* TBS may take long, and tpm_deadline_stop must not wait for that. */
		watch.cancelling = true;
		watch.has_cancelled = true;
		ReleaseSRWLockExclusive(&watch.lock);
		(void)Tbsip_Cancel_Commands(handle);
		AcquireSRWLockExclusive(&watch.lock);
		watch.cancelling = false;
		WakeAllConditionVariable(&watch.cancelled);
	}
	ReleaseSRWLockExclusive(&watch.lock);
}

/* The running command is cancelled at `late`, or when the program has to end. */
static void set_late(uint64_t now, uint64_t late)
{
	watch.late = late < watch.stop ? late : watch.stop;
	timer_set(watch.timer, watch.late > now ? watch.late - now : 0, CANCEL_AGAIN_MS);
}

void tpm_deadline_stop(void)
{
	uint64_t now = port_now_ms();

	AcquireSRWLockExclusive(&watch.lock);
	if (watch.stop == PORT_NEVER) {
		watch.stop = now + STOP_MS;
		if (watch.running != NULL) {
			set_late(now, watch.late);
		}
	}
	ReleaseSRWLockExclusive(&watch.lock);
}

void tpm_deadline_begin(TBS_HCONTEXT handle, uint32_t ms)
{
	uint64_t now = port_now_ms();

	AcquireSRWLockExclusive(&watch.lock);
	if (watch.timer == NULL) {
		watch.timer = CreateThreadpoolTimer(on_timer, NULL, NULL);
	}
	watch.running = handle;
	watch.has_cancelled = false;
	set_late(now, now + ms);
	ReleaseSRWLockExclusive(&watch.lock);
}

bool tpm_deadline_end(void)
{
	bool has_cancelled;

	AcquireSRWLockExclusive(&watch.lock);
	watch.running = NULL;
	if (watch.timer != NULL) {
		SetThreadpoolTimer(watch.timer, NULL, 0, 0);
	}
	while (watch.cancelling) { /* or it would cancel the next command */
		(void)SleepConditionVariableSRW(&watch.cancelled, &watch.lock, INFINITE, 0);
	}
	has_cancelled = watch.has_cancelled;
	ReleaseSRWLockExclusive(&watch.lock);
	return has_cancelled;
}
