/* Condition variables (POSIX: pthread_cond_wait, pthread_cond_signal).
 *
 * The waiters stand in the parking lot under the address of the pthread_cond_t; nothing is stored in it. Of glibc's state only
 * what pthread_cond_init wrote is read: the clock and whether it is shared with other processes. So one hook serves both of
 * libc's symbol versions (the pthread_cond_t of GLIBC_2.2.5 has the same size, and the same zeros when it is initialised
 * statically).
 *
 * The waiter is queued before it unlocks the mutex, so a signal sent under that mutex finds it. Whoever is woken touches the
 * condition variable no more: it may be destroyed right after a broadcast.
 *
 * One shared with other processes is glibc's affair, on an offload thread. With a mutex that is not shared all waiters are in
 * this process (POSIX: concurrent waits must use the same mutex), and the lot holds them. */
#include "preload/lock.h"
#include "preload/mutex.h"

/* nptl/pthread_cond_init.c: bits of __wrefs. */
#define COND_SHARED 1
#define COND_MONOTONIC 2

static bool is_shared(const pthread_cond_t *c)
{
    return c->__data.__wrefs & COND_SHARED;
}

static void release_mutex(void *mutex)
{
    mutex_unlock_and_go_on(mutex);
}

static int call_real(const struct lock_call *call)
{
    return call->deadline ? REAL(pthread_cond_clockwait)(call->object, call->second, call->clock, call->deadline)
                          : REAL(pthread_cond_wait)(call->object, call->second);
}

/* POSIX: a waiter that is cancelled or times out has not consumed a signal: the lot says who was first. A signal handler makes
 * it a spurious wake-up, because what was signalled meanwhile went to others. */
static int wait_in_lot(pthread_cond_t *c, pthread_mutex_t *m, int64_t deadline_ns)
{
    int result = mutex_check_owner(m);
    if (result)
        return result;
    /* As in glibc a waiter still uses the mutex: pthread_mutex_destroy says EBUSY. Guarded by the mutex itself. */
    m->__data.__nusers++;
    int reason = park_wait(&(struct park_request){
        .key = c,
        .kind = WAIT_COND,
        .flags = HUB_PARK_SIGNAL | HUB_PARK_CANCEL,
        .deadline_ns = deadline_ns,
        .queued = release_mutex,
        .argument = m,
    });
    if (unlikely(reason == WAKE_SIGNAL))
        lock_interrupted(DEADLINE_NEVER);
    /* POSIX 2.9.5.2: the mutex is re-taken before the cleanup handlers run. */
    result = mutex_lock(m);
    if (likely(result == 0 || result == EOWNERDEAD))
        m->__data.__nusers--;
    if (unlikely(reason == WAKE_CANCEL))
        pthread_testcancel();
    return result ? result : reason == WAKE_TIMEOUT ? ETIMEDOUT : 0;
}

static int wait_for(pthread_cond_t *c, pthread_mutex_t *m, clockid_t clock, const struct timespec *deadline)
{
    struct lock_call call = {.function = call_real, .object = c, .second = m, .clock = clock, .deadline = deadline};
    if (deadline && !timespec_is_valid(deadline))
        return EINVAL;
    if (!lock_is_ours())
        return call_real(&call);
    if (is_shared(c) && mutex_is_shared(m))
        return lock_call_blocking(&call);
    pthread_testcancel();
    return wait_in_lot(c, m, deadline ? deadline_at(clock, deadline) : DEADLINE_NEVER);
}

/* POSIX pthread_cond_wait: 0, EPERM, EOWNERDEAD, ENOTRECOVERABLE. A cancellation point. */
HOOK_EXPORT int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
    return wait_for(c, m, CLOCK_REALTIME, NULL);
}

/* POSIX pthread_cond_timedwait: as wait, ETIMEDOUT, EINVAL; the clock is the attribute's. A cancellation point. */
HOOK_EXPORT int pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *deadline)
{
    return wait_for(c, m, c->__data.__wrefs & COND_MONOTONIC ? CLOCK_MONOTONIC : CLOCK_REALTIME, deadline);
}

/* pthread_cond_clockwait (glibc 2.30, POSIX 2024): the clock is the caller's. A cancellation point. */
HOOK_EXPORT int pthread_cond_clockwait(pthread_cond_t *c, pthread_mutex_t *m, clockid_t clock,
                                       const struct timespec *deadline)
{
    if (!lock_knows_clock(clock))
        return EINVAL;
    return wait_for(c, m, clock, deadline);
}

/* POSIX pthread_cond_signal: 0. */
HOOK_EXPORT int pthread_cond_signal(pthread_cond_t *c)
{
    if (unlikely(is_shared(c) || !lock_is_ours()))
        REAL(pthread_cond_signal)(c);
    if (!park_may_have_waiters(c) || !park_wake(c, 1, 0))
        lock_breathe();
    return 0;
}

/* POSIX pthread_cond_broadcast: 0. */
HOOK_EXPORT int pthread_cond_broadcast(pthread_cond_t *c)
{
    if (unlikely(is_shared(c) || !lock_is_ours()))
        REAL(pthread_cond_broadcast)(c);
    if (!park_may_have_waiters(c) || !park_wake(c, UINT32_MAX, 0))
        lock_breathe();
    return 0;
}

/* POSIX pthread_cond_init. libc's old version would write only a pointer, and we would read what lay behind it before. */
HOOK_EXPORT int pthread_cond_init(pthread_cond_t *restrict c, const pthread_condattr_t *restrict attributes)
{
    return REAL(pthread_cond_init)(c, attributes);
}

/* POSIX pthread_cond_destroy. libc's old version would free the pointer that it does not find there. */
HOOK_EXPORT int pthread_cond_destroy(pthread_cond_t *c)
{
    return REAL(pthread_cond_destroy)(c);
}
