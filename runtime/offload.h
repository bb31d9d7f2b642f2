/* Calls that block and have no readiness (fsync, waitpid(-1), process-shared locks, …).
 *
 * Between offload_begin and offload_end the calling green thread is carried, with its stack and TLS, by a kernel thread of a
 * small pool: any native code may block there without freezing a worker, and arguments, results and errno need no marshalling.
 * The pool grows on demand to GREENRUN_OFFLOAD threads, named "green-offload"; further callers wait their turn in FIFO order. */
#pragma once

#include "runtime/hub.h"

/* May switch; returns on an offload thread. -1 when no thread can be had (then the caller is where it was).
 * Not from inside the runtime, nor nested. */
int offload_begin(void);
/* May switch; returns on the caller's own worker. Preserves errno. */
void offload_end(void);

/* The same pair for a wait that only another thread or process can end (a process-shared lock): those it waits for may need to
 * wait too, so it gets a kernel thread beyond the limit. */
int offload_begin_wait(void);
void offload_end_wait(void);

/* The same for a libc function that is a cancellation point (a process-shared condition variable). libc sets the asynchronous
 * type while it sleeps, so a request unwinds it from the kick, and the caller's cleanup must call the end. */
int offload_begin_cancelable(void);
void offload_end_cancelable(void);
/* In the handler of a kick. */
bool offload_may_unwind(const struct green *g);

/* Makes a system call that only another thread or process ends. An alert that flags (HUB_PARK_*) allows ends it with -EINTR, which
 * may be for nothing: the caller acts on its alerts and repeats the call. May switch. */
long offload_call(long number, const long arguments[6], unsigned flags);

/* In g's hub: ends its offload_call if its alerts ask for that. Never switches. */
void offload_alert(struct green *g);

void offload_init(int max_threads);
int offload_thread_count(void);
void offload_after_fork(void);
