/* Mutexes: pthread_mutex_lock and its relatives (POSIX, System Interfaces: pthread_mutex_lock, pthread_mutex_timedlock).
 *
 * Plain ones are in plain_mutex.h. Of all others glibc's own trylock and unlock keep the state: robustness, priority protocol,
 * recursion. They read the owner from the TCB, which each green thread has of its own. glibc never sees a waiter, so its
 * unlock makes no futex call; the locked instruction in it is the barrier that park_may_have_waiters asks for.
 *
 * Process-shared mutexes are left to glibc, on an offload thread. Priority inheritance has nothing to inherit among green
 * threads, which have no priorities, and the kernel does not know their ids: its mutexes wait like the others. */
#include "preload/mutex.h"

#include <linux/futex.h>

#include "preload/lock.h"
#include "preload/plain_mutex.h"

bool mutex_is_shared(const pthread_mutex_t *m)
{
    return m->__data.__kind & MUTEX_SHARED;
}

int mutex_check_owner(const pthread_mutex_t *m)
{
    bool owner_is_word = m->__data.__kind & (MUTEX_ROBUST | MUTEX_INHERIT);
    if (!owner_is_word && !plain_knows_owner(m))
        return 0;
    int owner = owner_is_word ? m->__data.__lock & FUTEX_TID_MASK : m->__data.__owner;
    return owner == mutex_own_tid() ? 0 : EPERM;
}

/* ---- all others ---- */

/* What real trylock leaves to be put right. The kernel takes a robust PI mutex of a dead owner for the kernel thread that asked;
 * the owner is the green thread. And glibc 2.36 takes an unrecoverable mutex and keeps it, where its lock does not. */
static void put_right(pthread_mutex_t *m, int result)
{
    uint32_t *word = (uint32_t *)&m->__data.__lock, tid = (uint32_t)mutex_own_tid();
    if (result == EOWNERDEAD && m->__data.__kind & MUTEX_INHERIT)
        __atomic_store_n(word, (__atomic_load_n(word, __ATOMIC_RELAXED) & ~FUTEX_TID_MASK) | tid, __ATOMIC_RELAXED);
    if (result != ENOTRECOVERABLE || (__atomic_load_n(word, __ATOMIC_RELAXED) & FUTEX_TID_MASK) != tid)
        return;
    if (__atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST) & FUTEX_WAITERS)
        sys_call(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static int special_try(pthread_mutex_t *m)
{
    int result = REAL(pthread_mutex_trylock)(m);
    if (unlikely(result == EOWNERDEAD || result == ENOTRECOVERABLE))
        put_right(m, result);
    return result;
}

/* ---- waiting ---- */

static int try_as_waiter(void *mutex)
{
    return mutex_is_plain(mutex) ? plain_try_as_waiter(mutex) : special_try(mutex);
}

static int call_real(const struct lock_call *call)
{
    pthread_mutex_t *m = call->object;
    return call->deadline ? REAL(pthread_mutex_clocklock)(m, call->clock, call->deadline) : REAL(pthread_mutex_lock)(m);
}

/* What comes after EBUSY. deadline may be NULL. */
static int wait_for(pthread_mutex_t *m, clockid_t clock, const struct timespec *deadline)
{
    struct lock_call call = {.function = call_real, .object = m, .clock = clock, .deadline = deadline};
    if (!lock_is_ours())
        return call_real(&call);
    if (mutex_is_shared(m) && !(m->__data.__kind & MUTEX_INHERIT))
        return lock_call_blocking(&call);
    if (mutex_type(m) == PTHREAD_MUTEX_ERRORCHECK_NP && mutex_check_owner(m) == 0)
        return EDEADLK;
    if (deadline && !timespec_is_valid(deadline))
        return EINVAL;
    return lock_wait(&(struct lock_wait){
        .try = try_as_waiter,
        .object = m,
        .kind = WAIT_MUTEX,
        .waiter = LOCK_WAITER,
        .flags = HUB_PARK_SIGNAL,
        .deadline_ns = deadline ? deadline_at(clock, deadline) : DEADLINE_NEVER,
    });
}

/* Somebody found the mutex unrecoverable: that took and released it, unseen by the lot, and nobody will ever unlock it again. */
static int settled(pthread_mutex_t *m, int result)
{
    if (unlikely(result == ENOTRECOVERABLE))
        lock_wake_one_and_go_on(m, LOCK_WAITER);
    return result;
}

static inline int lock(pthread_mutex_t *m, clockid_t clock, const struct timespec *deadline)
{
    int result = mutex_is_plain(m) ? plain_try(m) : special_try(m);
    if (unlikely(result == EBUSY))
        result = wait_for(m, clock, deadline);
    return likely(result == 0) ? 0 : settled(m, result);
}

/* The caller has released m, which may be gone: only its address is used. */
static void wake_next(pthread_mutex_t *m, int was, bool may_yield)
{
    if (may_yield)
        lock_wake_one(m, LOCK_WAITER);
    else
        lock_wake_one_and_go_on(m, LOCK_WAITER);
    if (was == MUTEX_KERNEL_WAITS)
        sys_call(SYS_futex, m, FUTEX_WAKE_PRIVATE, 1);
}

static inline int unlock(pthread_mutex_t *m, bool may_yield)
{
    int result, was;
    if (mutex_is_plain(m)) {
        result = plain_release(m, &was);
    } else {
        result = REAL(pthread_mutex_unlock)(m);
        was = park_may_have_waiters(m) ? MUTEX_LOT_WAITS : MUTEX_TAKEN;
    }
    if (unlikely(was > MUTEX_TAKEN))
        wake_next(m, was, may_yield);
    else if (may_yield)
        lock_breathe();
    return result;
}

int mutex_lock(pthread_mutex_t *m)
{
    return lock(m, CLOCK_REALTIME, NULL);
}

int mutex_unlock_and_go_on(pthread_mutex_t *m)
{
    return unlock(m, false);
}

/* ---- hooks ---- */

/* POSIX pthread_mutex_lock: 0, EAGAIN (recursion limit), EDEADLK (error-checking), EINVAL (priority ceiling), EOWNERDEAD,
 * ENOTRECOVERABLE. Not a cancellation point; resumed after a signal handler. */
HOOK_EXPORT int pthread_mutex_lock(pthread_mutex_t *m)
{
    return lock(m, CLOCK_REALTIME, NULL);
}

/* POSIX pthread_mutex_trylock: as lock, and EBUSY. */
HOOK_EXPORT int pthread_mutex_trylock(pthread_mutex_t *m)
{
    int result = mutex_is_plain(m) ? plain_try(m) : special_try(m);
    if (likely(result == 0))
        return 0;
    return settled(m, lock_tried(result == EDEADLK && mutex_is_plain(m) ? EBUSY : result));
}

/* POSIX pthread_mutex_timedlock: as lock, ETIMEDOUT, and EINVAL for bad nanoseconds when it would wait. */
HOOK_EXPORT int pthread_mutex_timedlock(pthread_mutex_t *m, const struct timespec *deadline)
{
    return lock(m, CLOCK_REALTIME, deadline);
}

/* pthread_mutex_clocklock (glibc 2.30, POSIX 2024): as timedlock, and EINVAL for another clock. */
HOOK_EXPORT int pthread_mutex_clocklock(pthread_mutex_t *m, clockid_t clock, const struct timespec *deadline)
{
    if (!lock_knows_clock(clock))
        return EINVAL;
    return lock(m, clock, deadline);
}

/* POSIX pthread_mutex_unlock: 0, EPERM. The mutex may be gone once it is unlocked: only its address is used after that. */
HOOK_EXPORT int pthread_mutex_unlock(pthread_mutex_t *m)
{
    return unlock(m, true);
}

struct ceiling {
    int wanted, *old;
};

static int call_setprioceiling(const struct lock_call *call)
{
    const struct ceiling *ceiling = call->second;
    return REAL(pthread_mutex_setprioceiling)(call->object, ceiling->wanted, ceiling->old);
}

/* POSIX pthread_mutex_setprioceiling locks the mutex, inside libc: the kernel waits for it. 0, EINVAL, EPERM. */
HOOK_EXPORT int pthread_mutex_setprioceiling(pthread_mutex_t *m, int wanted, int *old)
{
    struct ceiling ceiling = {wanted, old};
    return lock_call_blocking(&(struct lock_call){.function = call_setprioceiling, .object = m, .second = &ceiling});
}

HOOK_ALIAS(__pthread_mutex_lock, pthread_mutex_lock);
HOOK_ALIAS(__pthread_mutex_trylock, pthread_mutex_trylock);
HOOK_ALIAS(__pthread_mutex_unlock, pthread_mutex_unlock);
