/* What the files signal_*.c share.
 *
 * One spin lock guards dispositions, pending sets, other threads' masks and the counts. Its holder is inside the runtime, so that
 * the wrapper never finds it held by the thread that it interrupted; a thread that is not green has no such mark and blocks all
 * signals meanwhile. What the wrapper cannot settle without the lock it leaves as a note (signal_queue.c). */
#pragma once

#include "asm/x86_64/signal_frame.h"
#include "runtime/hub.h"
#include "runtime/signal.h"

/* Ours, and below the program's SIGRTMIN: glibc keeps 32 for the cancellation and timers of its own threads, which green ones
 * have no use for, and 33 for setuid in all threads, which we leave alone. */
#define SIGNAL_KICK 32
#define SIGNAL_SETXID 33

static inline uint64_t signal_bit(int sig)
{
    return 1ull << (sig - 1);
}

#define SET2(a, b) (signal_bit(a) | signal_bit(b))
#define SIGNALS_UNBLOCKABLE SET2(SIGKILL, SIGSTOP)
#define SIGNALS_RESERVED SET2(SIGNAL_KICK, SIGNAL_SETXID)
/* Raised by the instruction that runs. Linux delivers pending ones of these first (SYNCHRONOUS_MASK). */
#define SIGNALS_FAULT (SET2(SIGSEGV, SIGBUS) | SET2(SIGILL, SIGFPE) | SET2(SIGTRAP, SIGSYS))
/* Sent by the kernel to the kernel thread whose write failed: they belong to the green thread that ran. */
#define SIGNALS_WRITER SET2(SIGPIPE, SIGXFSZ)
#define SIGNALS_IGNORED_BY_DEFAULT (SET2(SIGCHLD, SIGCONT) | SET2(SIGURG, SIGWINCH))
#define SIGNALS_ALL UINT64_MAX
/* What workers other than 0 keep blocked. */
#define SIGNALS_ELSEWHERE (~(SIGNALS_FAULT | SIGNALS_RESERVED | SIGNALS_WRITER))

static inline bool signal_is_valid(int sig)
{
    return sig > 0 && sig < _NSIG && !(signal_bit(sig) & SIGNALS_RESERVED);
}

#define SA_RESTORER 0x04000000ul /* asm/signal.h, which glibc's signal.h excludes */
#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31) /* linux/signal.h */
#endif

/* As the kernel lays it out (struct kernel_sigaction). */
struct kernel_action {
    void (*handler)(int, siginfo_t *, void *);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

/* ---- the lock ---- */

/* What signal_unlock needs. */
struct signal_hold {
    uint64_t kernel_mask; /* of a thread that is no worker */
};

static inline uint64_t signal_swap_kernel_mask(uint64_t mask)
{
    uint64_t before = 0;
    sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &mask, &before, sizeof(mask));
    return before;
}

extern struct spin signal_spin;

static inline struct signal_hold signal_lock(void)
{
    struct signal_hold hold = {0};
    if (unlikely(!worker_hub))
        hold.kernel_mask = signal_swap_kernel_mask(SIGNALS_ALL);
    runtime_depth++;
    atomic_signal_fence(memory_order_seq_cst);
    spin_lock(&signal_spin);
    return hold;
}

/* Alerts wait for the next runtime_leave of the caller, which is inside the runtime itself or in the wrapper. */
static inline void signal_unlock(struct signal_hold hold)
{
    spin_unlock(&signal_spin);
    runtime_leave_quietly();
    if (unlikely(!worker_hub))
        signal_swap_kernel_mask(hold.kernel_mask);
}

/* ---- signal_action.c: dispositions ---- */

extern struct kernel_action signal_actions[_NSIG]; /* as the program set them; index by signal */

/* Fills signal_actions from the kernel once. */
void signal_load_actions(void);
/* Under the lock. Gives the kernel what the program's disposition and the virtual set ask for. */
void signal_install(int sig);
/* Under the lock. What would happen to an unblocked signal. */
bool signal_is_ignored(int sig);
bool signal_is_handled(int sig);
/* Carries out the default action of sig on the process; returns when it stops nothing and kills nobody. Not under the lock. */
void signal_act_by_default(int sig, const siginfo_t *info);
/* The next instruction that faults shall kill the process as it does natively. */
void signal_make_fatal(int sig);

/* ---- signal_mask.c: masks of green threads and of kernel threads ---- */

extern bool signal_has_green_stacks; /* under the lock: from now on a fault may be an overflow of a stack of ours */
extern uint32_t signal_live;         /* green threads that take part; under the lock */
extern uint64_t
    signal_virtual; /* under the lock: signals that the kernel never holds back while there are several threads */
extern uint64_t signal_kept_in_kernel;      /* under the lock to change: never virtual, because a signalfd reads them */
extern _Atomic uint64_t signal_kernel_mask; /* what worker 0's kernel thread shall block */

/* Under the lock. */
void signal_set_blocked(struct green *g, uint64_t blocked);
void signal_refresh_kernel_mask(uint64_t changed);
void signal_make_virtual(uint64_t set);
/* Makes worker 0 adopt signal_kernel_mask. Not under the lock. */
void signal_apply_kernel_mask(void);
void signal_mask_after_fork(void);
/* On a worker other than 0: takes pending signals of set that the kernel holds back for worker 0. Inside the runtime. */
void signal_fetch_from_kernel(uint64_t set);
/* Gives the kernel thread of the calling worker the mask it shall have. */
void signal_adopt_mask_here(void);
/* The same in a frame, for when its handler returns. All signals are blocked. */
void signal_adopt_mask_in(ucontext_t *context);

/* ---- signal_queue.c: pending signals ---- */

struct signal_note {
    struct signal_note *next;
    struct green *target; /* NULL: the process */
    int sig;
    siginfo_t info;
    _Atomic uint32_t used;
};

extern uint64_t signal_process_pending; /* under the lock to change */

/* Signal-safe, without the lock: leaves sig for signal_drain. False when there is no room. */
bool signal_leave_note(int sig, const siginfo_t *info, struct green *target);
bool signal_has_notes(void);
/* Room is short: real-time signals had better wait in the kernel. */
bool signal_is_congested(void);
/* Under the lock: gives each note to its receiver; returns the signals whose default action is due. */
uint64_t signal_drain(void);
/* Under the lock: queues for target (NULL: the process) unless an equal standard signal is pending. False: no room. */
bool signal_queue(int sig, const siginfo_t *info, struct green *target);
/* Under the lock: takes the first pending signal of set that g may have; 0 for none. */
int signal_take(struct green *g, uint64_t set, siginfo_t *info);
/* Under the lock: forgets pending signals, of the process and all threads. */
void signal_discard(int sig);
void signal_discard_of(struct green *g);
void signal_queue_after_fork(void);

/* ---- signal_route.c: who receives ---- */

/* Under the lock: the green thread that should take a signal for the process, or NULL when all block it. */
struct green *signal_choose(int sig);
/* Under the lock: sends sig on its way; true when its default action is due instead. */
bool signal_accept(int sig, const siginfo_t *info, struct green *target);
/* Under the lock: pending signals of the process that g will no longer take find somebody else. */
void signal_retarget(uint64_t set);
void signal_alert(struct green *g);
/* The process's pending signals, without those that the main thread is to take when g is not it. */
uint64_t signal_pending_for(const struct green *g);
/* Something is pending that g does not block. */
bool signal_is_due(const struct green *g);
/* Takes in notes; carries out default actions. Inside the runtime. */
void signal_settle(void);
/* The main green thread. */
extern struct green *signal_main;

/* ---- signal_preempt.c: switching out a thread that computes ---- */

void signal_preempt_init(void);
void signal_preempt_after_fork(void);
/* May the thread that was interrupted at address be switched out? */
bool signal_may_switch_at(const void *address);
/* Interrupts the calling worker again, once, after less than a second. */
void signal_kick_later(long delay_ns);
#define SIGNAL_OUT_OF_MALLOC_NS 20000
#define SIGNAL_OUT_OF_LIBC_NS 1000000

/* ---- signal_wrapper.c ---- */

void signal_wrapper(int sig, siginfo_t *info, void *context);
/* The forking thread's worker is worker 0 of the child, with the alternate stack that it had. */
void signal_wrapper_after_fork(void);
