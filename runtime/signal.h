/* Signals, virtual for each green thread: masks, pending sets, handlers, waits.
 *
 * A green thread is to the program what a thread is to signal(7): it has a mask, a set of pending signals and an alternate
 * stack; the process has dispositions and pending signals that any thread may take. The kernel knows only our kernel threads.
 * Asynchronous signals arrive on worker 0; its kernel mask holds what every live green thread blocks, so such signals stay
 * pending in the kernel, as they would natively. All handlers of the program are called through one wrapper, which
 * finds the right receiver: it calls the handler at once when it has interrupted that thread outside the runtime, and otherwise
 * leaves a note and alerts it.
 *
 * A handler always runs on a frame that the kernel made for its thread: a receiver that must act on a note sends its own
 * kernel thread SIGNAL_KICK, and the wrapper runs the handler in that frame. So ucontext, siginfo, alternate stacks and
 * siglongjmp are what they are natively, and a handler may park. */
#pragma once

#include <signal.h>

#include "runtime/thread.h"

/* ---- waits that a signal may end ---- */

enum signal_restart {
    SIGNAL_RESTARTS,       /* the call goes on after handlers that were set with SA_RESTART */
    SIGNAL_NEVER_RESTARTS, /* signal(7): poll, sleep, sigsuspend, calls with a socket timeout… */
};

/* By whoever ends a wait of the calling green thread because of a signal: handlers that run from here on count for the next
 * signal_deliver, also those that a runtime_leave on the way there runs. */
static inline void signal_ends_wait(struct green *g)
{
    g->signal.owed = (struct signal_verdict){false, false};
    g->signal.owes_verdict = true;
}

/* For the caller of a wait that ended with WAKE_SIGNAL, after it has withdrawn itself from all that could wake it and holds
 * nothing: runs the handlers of all signals that it may take. True when the call must fail with EINTR. May switch. */
bool signal_deliver(enum signal_restart restart);

/* The mask that ppoll, pselect, epoll_pwait and sigsuspend set for their duration. From begin to end the caller is inside the
 * runtime (handlers wait, so that none runs between the call's test and its sleep), and its parks are ended by what this mask
 * lets through. Upon WAKE_SIGNAL it calls signal_deliver: handlers run, and see the former mask restored when they
 * return. Never switches. */
void signal_with_mask_begin(const sigset_t *mask);
/* Restores the former mask. Errno is kept. May run handlers. */
void signal_with_mask_end(void);

/* sigtimedwait: takes a pending signal of set, or waits for one. The signal, -EINTR after a handler, or -EAGAIN at the deadline;
 * -ECANCELED when a cancellation request ended it. info may be NULL. May switch. */
int signal_wait(const sigset_t *set, siginfo_t *info, int64_t deadline_ns);
/* sigsuspend: -EINTR after a handler, or -ECANCELED. May switch. */
int signal_suspend(const sigset_t *mask);

/* ---- sending ---- */

/* pthread_kill, pthread_sigqueue, tgkill: directs sig to g with that siginfo (NULL: as pthread_kill fills it). 0, or EAGAIN when
 * too many are queued. A signal to the caller is delivered before it returns. May run handlers. */
int signal_send(struct green *g, int sig, const siginfo_t *info);

/* The same from the only thread to itself: the kernel does it, until there are several threads. */
int signal_send_alone(int sig, const siginfo_t *info);

/* kill and sigqueue to the own process from a thread that shall see its handler run before the call returns (POSIX kill). */
int signal_send_process(int sig, const siginfo_t *info);

/* Does the runtime, not the kernel, decide what becomes of sig? Then signal_send_process serves for kill. */
bool signal_is_ours_to_send(int sig);

/* Makes g, where it computes on another worker, look at its alerts. Never switches. */
void signal_interrupt(struct green *g);

/* ---- masks and dispositions; all return 0 or a negated errno, and never switch, but may run handlers ---- */

int signal_change_mask(int how, const sigset_t *set, sigset_t *old);
void signal_swap_context_mask(sigset_t *save, const sigset_t *load);
int signal_change_action(int sig, const struct sigaction *action, struct sigaction *old);
int signal_change_altstack(const stack_t *stack, stack_t *old);
void signal_pending(sigset_t *out);

/* sigaction as libc and as the kernel lay it out. */
struct kernel_action;
void signal_to_kernel(struct kernel_action *to, const struct sigaction *from);
void signal_to_libc(struct sigaction *to, const struct kernel_action *from);

/* These signals must stay pending in the kernel when all block them: a signalfd reads them there. */
void signal_keep_in_kernel(const sigset_t *set);

/* ---- for the runtime ---- */

/* Interrupts what a kernel thread of ours does, to look at its alerts. Signal-safe. Never switches. */
void signal_kick(int kernel_tid);
/* On an offload thread, which blocks all signals: lets that one through, or not. */
void signal_allow_kick(bool is_allowed);

/* On the main thread, once thread_init has made it green. */
void signal_init(void);
/* On each worker's kernel thread before its hub runs: alternate stack and kernel mask. */
void signal_worker_init(void);
/* Before g runs for the first time; mask NULL: as the creator's. */
void signal_thread_start(struct green *g, const sigset_t *mask);
/* By g itself, inside the runtime, when no code of the program will run in it again. */
void signal_thread_end(struct green *g);
/* In a hub, at each poll: gives away what arrived while nobody could take it. */
void signal_give_out(void);
/* Gives the kernel thread the mask of the calling green thread for fork, exec and spawn, whose child inherits it; pending signals go
 * back to the kernel before an exec. The caller is inside the runtime until end. */
void signal_native_begin(bool for_exec);
void signal_native_end(void);
void signal_after_fork(void);
/* Around the making of a kernel thread of our own: it shall take no asynchronous signals. */
void signal_helper_begin(void);
void signal_helper_end(void);
/* Is that code of libc's malloc? */
bool signal_is_in_malloc(const void *address);
/* Could a signal still run a handler of the program (which may post a semaphore): the program has set one for an asynchronous
 * signal, or waits for one? Then a process in which everybody waits is not dead. */
bool signal_may_arrive(void);
