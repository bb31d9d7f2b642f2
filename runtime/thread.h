/* Green threads: one for each pthread of the program.
 *
 * A green thread is a stack, a TCB with its TLS block, and this struct. All three live in one mapping (stack.h draws it) and
 * are pooled together, so a pthread_t once handed out stays readable for ever: a stale one is found out by its state, never by
 * a fault. The main thread is a green thread too, on the stack and TCB that the kernel and ld.so gave it.
 *
 * Who may touch a member is said beside it: "own" is the green thread itself or, while it is parked, the hub it belongs to. */
#pragma once

#include <pthread.h>
#include <resolv.h>
#include <signal.h>

#include "runtime/base.h"
#include "runtime/signal_state.h"
#include "runtime/timer.h"

struct hub;
struct carrier;
struct schedule;

/* Why a parked green thread runs again. */
enum wake {
    WAKE_UP,      /* somebody unparked it */
    WAKE_TIMEOUT, /* its deadline passed */
    WAKE_SIGNAL,  /* a signal is pending for it: deliver, then EINTR or restart */
    WAKE_CANCEL,  /* pthread_cancel: only in waits that are cancellation points */
    WAKE_CLOSED,  /* the descriptor it waited for was closed under it */
};

/* What a green thread waits for; for reports. */
enum wait_kind {
    WAIT_NONE,
    WAIT_SLEEP,
    WAIT_FD,
    WAIT_MUTEX,
    WAIT_COND,
    WAIT_RWLOCK,
    WAIT_BARRIER,
    WAIT_SEMAPHORE,
    WAIT_ONCE,
    WAIT_JOIN,
    WAIT_FUTEX,
    WAIT_LIBC_LOCK,
    WAIT_SIGNAL,
    WAIT_OFFLOAD,
    WAIT_CHILD,
    WAIT_END, /* main after pthread_exit: for the last thread to end */
};

enum green_state {
    GREEN_FREE,  /* in the pool */
    GREEN_LIVE,  /* created, not ended */
    GREEN_ENDED, /* ended, joinable, not joined yet */
};

struct green {
    struct green *next;       /* own: run queue or inbox of its hub, or the pool */
    fcontext_t context;       /* own: where it was left; valid while it is not running */
    void *tcb;                /* fixed: FS base, also its pthread_t */
    struct hub *hub;          /* the hub it belongs to; fixed while it lives */
    _Atomic uint32_t waiting; /* 1: parked or about to park and not woken yet. Who takes it 1→0 owns the wake-up. */
    _Atomic uint32_t alerts;  /* ALERT_* bits that any thread or signal handler may set */
    uint8_t wake;             /* enum wake: written by who took `waiting`, read by own */
    uint8_t wait_kind;        /* enum wait_kind, for reports */
    uint8_t wait_flags;       /* HUB_PARK_*: which alerts may end the present wait */
    uint8_t is_main : 1;
    uint8_t is_user_stack : 1; /* runs on memory of pthread_attr_setstack; the mapping holds TLS and this struct only */
    uint8_t exit_called : 1;   /* result is pthread_exit's; otherwise unwinding means PTHREAD_CANCELED */
    uint64_t wait_object;      /* address or descriptor, for reports */
    struct timer timer;        /* own: in hub's heap while parked with a deadline */

    void *(*start)(void *);
    void *argument;
    void *result;
    _Atomic uint32_t state;         /* enum green_state */
    _Atomic uint32_t claim;         /* CLAIM_*: who gives it back when it has ended */
    _Atomic(struct green *) joiner; /* who joins it */
    uint64_t serial;                /* 1 is main; names the thread in reports */
    int tid;                        /* what gettid() says: the pid for main, else a number no kernel thread can have */

    struct signal_state signal; /* mask, pending signals, alternate stack */

    char *stack_low; /* usable stack: [stack_low, stack_low + stack_size_bytes) */
    size_t stack_size_bytes;
    size_t guard_size_bytes; /* as the program asked; what is mapped may be more */
    char *map_low;           /* the whole mapping with stack, TLS and this struct; NULL for main */
    size_t map_size_bytes;
    struct green *alert_next;            /* in its hub's list of alerted threads while ALERT_LISTED */
    _Atomic(struct schedule *) schedule; /* what it wishes of the scheduler (schedule.h), or NULL */
    struct carrier *carrier;             /* own: the offload thread that carries it, NULL on its worker */
    _Atomic int stoppable_tid; /* own: its kernel thread id while it makes a call that alerts may end (offload_call) */
    _Atomic uint32_t stop;     /* set by its hub to end that call */
    char name[16];             /* PR_SET_NAME; empty: as the process */
    struct __res_state resolver; /* what libc's __resp points to in this thread */
};

#define CLAIM_DETACHED 1u /* it does so itself */
#define CLAIM_JOINED 2u   /* a thread is joining it */
#define CLAIM_ENDED 4u    /* it has ended, and nothing but its claimant touches it any more */

#define ALERT_SIGNAL 1u /* a signal may be deliverable */
#define ALERT_CANCEL 2u /* pthread_cancel was called */
#define ALERT_LISTED 4u /* in its hub's list of alerted threads */

/* NULL in hubs, in foreign threads and before the runtime started. */
extern __thread struct green *self __attribute__((tls_model("initial-exec")));
/* >0 while the thread is inside the runtime: hooks pass through, signal handlers only take note. */
extern __thread int runtime_depth __attribute__((tls_model("initial-exec")));
/* 1 in the child of vfork or posix_spawn until it execs: it runs in its parent's memory and must not touch the runtime. */
extern __thread int in_vfork_child __attribute__((tls_model("initial-exec")));

/* The hub whose worker runs this code; NULL in foreign and offload threads. */
extern __thread struct hub *worker_hub __attribute__((tls_model("initial-exec")));

/* Green threads that have not ended, main included. */
extern _Atomic uint32_t thread_live_count;

/* Leaving acts on what arrived meanwhile; both nest. Leaving may run signal handlers. */
static inline void runtime_enter(void)
{
    runtime_depth++;
    atomic_signal_fence(memory_order_seq_cst);
}

void thread_act_on_alerts(void);

/* For a wait that ends with WAKE_SIGNAL: its caller delivers, because it must know whether to restart. */
static inline void runtime_leave_quietly(void)
{
    atomic_signal_fence(memory_order_seq_cst);
    runtime_depth--;
}

static inline void runtime_leave(void)
{
    atomic_signal_fence(memory_order_seq_cst);
    runtime_depth--;
    atomic_signal_fence(memory_order_seq_cst);
    const uint32_t any = ALERT_SIGNAL | ALERT_CANCEL;
    if (self && unlikely(atomic_load_explicit(&self->alerts, memory_order_relaxed) & any) && !runtime_depth)
        thread_act_on_alerts();
}

/* Is the caller g the only thread there is? Only main can be: its kernel thread is the one that receives signals, so they
 * interrupt its native calls as they should. */
static inline bool thread_is_alone(const struct green *g)
{
    return atomic_load_explicit(&thread_live_count, memory_order_relaxed) <= 1 && g->is_main;
}

/* The caller as a green thread, or NULL when a hook must go native: foreign thread, hub, inside the runtime, vfork
 * child, or nobody else to run (then a native wait is right, and cheapest). */
static inline struct green *hook_self(void)
{
    struct green *g = self;
    if (!g || runtime_depth || in_vfork_child)
        return NULL;
    return thread_is_alone(g) ? NULL : g;
}

/* The same without the last rule, for hooks that only keep books. */
static inline struct green *hook_self_or_alone(void)
{
    return runtime_depth || in_vfork_child ? NULL : self;
}

/* Takes over the calling kernel thread as the main green thread. Once; idempotent. Never switches. */
void thread_init(void);

/* pthread_create (POSIX): 0, EAGAIN, EINVAL. From a foreign thread too. Never switches. */
int thread_create(pthread_t *out, const pthread_attr_t *attr, void *(*start)(void *), void *argument);

/* A pthread_t that names a green thread which is not free; NULL otherwise. Does not fault on any value. */
struct green *thread_find(pthread_t thread);

/* pthread_join with a deadline: 0, ETIMEDOUT, EINVAL, ESRCH, EDEADLK. A cancellation point. May switch. */
int thread_join(pthread_t thread, void **result, int64_t deadline_ns);
/* pthread_tryjoin_np: 0, EBUSY, EINVAL, ESRCH, EDEADLK. Never switches. */
int thread_try_join(pthread_t thread, void **result);
/* pthread_detach: 0, EINVAL, ESRCH. Never switches. */
int thread_detach(pthread_t thread);

/* Runs main(argc, argv, envp) so that pthread_exit in it ends the main green thread only. */
int thread_run_main(int (*main_function)(int, char **, char **), int argc, char **argv, char **envp);

/* exit(2) in a thread: it is no more, and none of its handlers and destructors run; the last one takes the process with it. */
_Noreturn void thread_vanish(int status);

/* In the child of fork: only the caller lives on. Never switches. */
void thread_after_fork(void);

/* Calls visit for each green thread that is not free, under the registry's lock; visit must not switch or allocate. */
void thread_each(void (*visit)(struct green *, void *), void *argument);

/* pthread_setattr_default_np changed what attr == NULL means. */
void thread_set_default_attr(size_t stack_size_bytes, size_t guard_size_bytes);
