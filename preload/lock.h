/* What the families of locks share: when our rules hold, the one loop in which they wait, and whom an unlock wakes.
 *
 * A lock's own try function keeps its state; waiting is always in the parking lot, for green and for foreign threads alike,
 * because an unlock by a green thread wakes the lot and not the kernel. An uncontended operation never gets here.
 *
 * Waking does not hand the lock over: the woken thread tries again, and whoever runs at that moment may be faster. On one
 * worker that would starve it for ever (lock, sleep, unlock in a loop always re-locks before the woken thread runs), so one
 * that was overtaken is marked, comes first at the next unlock, and that unlock lets it run. */
#pragma once

#include "preload/hook.h"
#include "runtime/glibc.h"
#include "runtime/offload.h"
#include "runtime/park.h"
#include "runtime/signal.h"

/* Kinds of waiters of one object, for lock_wake. */
#define LOCK_WAITER 1u
#define LOCK_READER 2u
#define LOCK_WRITER 4u

struct lock_wait {
    /* 0 or an error number; EBUSY: not now. Called under the bucket lock too: must not block. */
    int (*try)(void *object);
    void *object;
    enum wait_kind kind;
    uint32_t waiter; /* LOCK_* */
    unsigned flags;  /* HUB_PARK_*: whether a signal or cancellation may interrupt; locks are resumed after a signal */
    int64_t deadline_ns;
    bool may_interrupt; /* a handler without SA_RESTART ends the wait with EINTR (semaphores) */
};

/* Waits until try() no longer says EBUSY. Returns what it said, ETIMEDOUT, EINTR or ECANCELED (the caller then calls
 * pthread_testcancel). May switch. */
int lock_wait(const struct lock_wait *wait);

/* After the object's word was changed: wakes one waiter of these kinds. Any thread. May switch, when the waiter had been
 * overtaken before. */
bool lock_wake_one(const void *object, uint32_t waiter);
/* The same for all of them. May switch. */
bool lock_wake_all(const void *object, uint32_t waiter);
/* For callers that must not or need not yield: they are about to park. Never switches. */
void lock_wake_one_and_go_on(const void *object, uint32_t waiter);

/* After WAKE_SIGNAL: runs the handlers. True when the call must end with EINTR, if it is one that handlers interrupt: unlike what
 * signal(7) says of futexes, the kernel restarts those without a deadline only. May switch. */
bool lock_interrupted(int64_t deadline_ns);

/* A try that failed lets others run: a loop around it must not starve the holder. May switch. */
int lock_tried(int result);

/* After an operation that woke nobody. A loop of them waits for something that another thread will do (while (!done) { lock; look;
 * unlock; }), which native threads do at the same time: every so often the others run. May switch. */
void lock_breathe_now(void);
extern __thread unsigned lock_breath __attribute__((tls_model("initial-exec")));
#define LOCK_BREATH 1024u

static inline void lock_breathe(void)
{
    if (unlikely(++lock_breath % LOCK_BREATH == 0))
        lock_breathe_now();
}

/* True when waiting happens in the lot. Both families are needed: with native threads native locks are right; and the runtime must
 * have started. */
static inline bool lock_is_ours(void)
{
    const uint32_t families = 1u << FAMILY_lock | 1u << FAMILY_thread;
    return (hook_families & families) == families && !in_vfork_child && glibc.tid_offset;
}

/* For an object shared with other processes: their unlock wakes the kernel's waiters only. Runs `call`, a libc function that
 * blocks, where it may: on an offload thread for a green thread, in place for others. May switch. */
struct lock_call {
    int (*function)(const struct lock_call *call);
    void *object, *second;
    clockid_t clock;
    const struct timespec *deadline; /* NULL: no limit */
};
int lock_call_blocking(const struct lock_call *call);

/* glibc: futex_abstimed_supported_clockid. */
static inline bool lock_knows_clock(clockid_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC;
}
