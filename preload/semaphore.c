/* Semaphores (POSIX: sem_wait, sem_timedwait, sem_post).
 *
 * glibc's sem_trywait and sem_post keep the value; the locked instruction in sem_post is the barrier that
 * park_may_have_waiters asks for. sem_post is async-signal-safe: a handler never runs inside the runtime
 * (runtime_enter), so it never finds a bucket locked by the thread it interrupted.
 *
 * Who waits for a named or process-shared one does so in the kernel as glibc does, counted in the upper half of the value so
 * that sem_post in any process wakes it; a green thread sleeps there on an offload thread. */
#include <linux/futex.h>

#include "preload/lock.h"

#define ONE_WAITER (1ull << 32)

/* nptl/internaltypes.h struct new_sem: 8 bytes of value and waiters, then 0 for private or 128. */
static bool is_shared(const sem_t *s)
{
    return ((const int *)s)[2] != 0;
}

static int try(void *semaphore)
{
    return REAL(sem_trywait)(semaphore) == 0 ? 0 : EBUSY;
}

static int call_real(const struct lock_call *call)
{
    return call->deadline ? REAL(sem_clockwait)(call->object, call->clock, call->deadline)
                          : REAL(sem_wait)(call->object);
}

static int wait_in_lot(sem_t *s, clockid_t clock, const struct timespec *deadline)
{
    return lock_wait(&(struct lock_wait){
        .try = try,
        .object = s,
        .kind = WAIT_SEMAPHORE,
        .waiter = LOCK_WAITER,
        .flags = HUB_PARK_SIGNAL | HUB_PARK_CANCEL,
        .deadline_ns = deadline ? deadline_at(clock, deadline) : DEADLINE_NEVER,
        .may_interrupt = true,
    });
}

/* One sleep, counted as a waiter: 0 when it got a token, EBUSY to go on, EINTR (perhaps for nothing), ETIMEDOUT. */
static int sleep_in_kernel(sem_t *s, clockid_t clock, const struct timespec *deadline)
{
    _Atomic uint64_t *data = (_Atomic uint64_t *)s;
    int operation = FUTEX_WAIT_BITSET | (clock == CLOCK_REALTIME ? FUTEX_CLOCK_REALTIME : 0);
    const long arguments[6] = {(long)s, operation, 0, (long)deadline, 0, FUTEX_BITSET_MATCH_ANY};
    uint64_t seen = atomic_fetch_add(data, ONE_WAITER) + ONE_WAITER;
    long result = (uint32_t)seen ? 0 : offload_call(SYS_futex, arguments, HUB_PARK_SIGNAL | HUB_PARK_CANCEL);
    atomic_fetch_sub(data, ONE_WAITER);
    if (REAL(sem_trywait)(s) == 0)
        return 0;
    return result == -EINTR ? EINTR : result == -ETIMEDOUT ? ETIMEDOUT : EBUSY;
}

static int wait_shared(sem_t *s, clockid_t clock, const struct timespec *deadline)
{
    for (;;) {
        int result = sleep_in_kernel(s, clock, deadline);
        if (result == 0 || result == ETIMEDOUT)
            return result;
        if (result == EINTR) {
            pthread_testcancel();
            if (lock_interrupted(deadline ? 0 : DEADLINE_NEVER))
                return EINTR;
        }
    }
}

/* What comes after sem_trywait said no; deadline may be NULL. */
static int wait_for(sem_t *s, clockid_t clock, const struct timespec *deadline)
{
    struct lock_call call = {.function = call_real, .object = s, .clock = clock, .deadline = deadline};
    if (!lock_is_ours())
        return call_real(&call);
    if (is_shared(s) && !hook_green(FAMILY_lock))
        return call_real(&call);
    int result = is_shared(s) ? wait_shared(s, clock, deadline) : wait_in_lot(s, clock, deadline);
    if (result == 0)
        return 0;
    if (result == ECANCELED) {
        pthread_testcancel();
        result = EINTR; /* a handler disabled cancellation meanwhile */
    }
    errno = result;
    return -1;
}

static int wait_on(sem_t *s, clockid_t clock, const struct timespec *deadline)
{
    int error = errno;
    pthread_testcancel();
    if (likely(REAL(sem_trywait)(s) == 0))
        return 0;
    errno = error;
    return wait_for(s, clock, deadline);
}

/* POSIX sem_wait: EINTR. A cancellation point, whether it blocks or not. */
HOOK_EXPORT int sem_wait(sem_t *s)
{
    return wait_on(s, CLOCK_REALTIME, NULL);
}

/* POSIX sem_trywait: EAGAIN. */
HOOK_EXPORT int sem_trywait(sem_t *s)
{
    if (likely(REAL(sem_trywait)(s) == 0))
        return 0;
    lock_tried(EBUSY);
    errno = EAGAIN;
    return -1;
}

static int wait_until(sem_t *s, clockid_t clock, const struct timespec *deadline)
{
    /* As in glibc, before it tries. */
    if (!lock_knows_clock(clock) || !timespec_is_valid(deadline)) {
        errno = EINVAL;
        return -1;
    }
    return wait_on(s, clock, deadline);
}

/* POSIX sem_timedwait: EINTR, ETIMEDOUT, EINVAL. A cancellation point. */
HOOK_EXPORT int sem_timedwait(sem_t *restrict s, const struct timespec *restrict deadline)
{
    return wait_until(s, CLOCK_REALTIME, deadline);
}

/* sem_clockwait (glibc 2.30, POSIX 2024): as sem_timedwait on the caller's clock. */
HOOK_EXPORT int sem_clockwait(sem_t *restrict s, clockid_t clock, const struct timespec *restrict deadline)
{
    return wait_until(s, clock, deadline);
}

/* POSIX sem_post: EOVERFLOW. The semaphore may be gone once it is posted: only its address is used after that. */
HOOK_EXPORT int sem_post(sem_t *s)
{
    int result = REAL(sem_post)(s);
    if (likely(!park_may_have_waiters(s)) || !lock_wake_one(s, LOCK_WAITER))
        lock_breathe();
    return result;
}
