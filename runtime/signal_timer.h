/* POSIX timers that the kernel cannot serve as they are: SIGEV_THREAD, and SIGEV_THREAD_ID with the id of a green thread.
 *
 * The kernel's timer sends SIGNAL_KICK to worker 0, with the record's number as its value. The wrapper counts the expiry and alerts
 * a green thread of ours, which starts the notification thread or directs the signal. It lives from the first such timer on, as
 * glibc's own helper thread does. */
#pragma once

#include <signal.h>
#include <time.h>

/* timer_create(2): 0 and the kernel's timer id, or a negated errno. May switch. */
int signal_timer_create(clockid_t clock, const struct sigevent *event, int *id);

/* After the kernel's timer is gone; unknown ids are none of ours. Never switches. */
void signal_timer_forget(int id);

/* In the wrapper: an expiry. Signal-safe. */
void signal_timer_fired(const siginfo_t *info);

void signal_timer_after_fork(void);
