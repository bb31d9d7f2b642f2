/* Mutexes: pthread_mutex_lock and its relatives (POSIX, System Interfaces: pthread_mutex_lock, pthread_mutex_timedlock).
 *
 * glibc's own trylock and unlock keep the state: kind, owner, recursion, robustness, priority ceiling. They read the owner from
 * the TCB, which each green thread has of its own. Here is only the waiting. glibc never sees a waiter, so its unlock makes no
 * futex call; the exchange in it is the full barrier that park_may_have_waiters asks for.
 *
 * Process-shared mutexes are left to glibc, on an offload thread. Priority inheritance has nothing to inherit among green
 * threads, which have no priorities; its mutexes wait like the others. */
#include "preload/mutex.h"

#include <linux/futex.h>

#include "preload/lock.h"
#include "runtime/glibc.h"

/* Bits of __kind: sysdeps/nptl/bits/struct_mutex.h, nptl/pthreadP.h. */
#define KIND_MASK 3
#define KIND_ROBUST 16
#define KIND_INHERIT 32
#define KIND_PROTECT 64

static int own_tid(void)
{
    return *(const int *)((const char *)context_thread_pointer() + glibc.tid_offset);
}

static bool is_errorcheck(const pthread_mutex_t *m)
{
    return (m->__data.__kind & KIND_MASK) == PTHREAD_MUTEX_ERRORCHECK_NP;
}

int mutex_check_owner(const pthread_mutex_t *m)
{
    int kind = m->__data.__kind;
    bool knows_owner = kind & (KIND_ROBUST | KIND_INHERIT) || (kind & KIND_MASK) == PTHREAD_MUTEX_RECURSIVE_NP ||
                       (kind & KIND_MASK) == PTHREAD_MUTEX_ERRORCHECK_NP;
    if (!knows_owner)
        return 0;
    int owner = kind & (KIND_ROBUST | KIND_INHERIT) ? m->__data.__lock & FUTEX_TID_MASK : m->__data.__owner;
    return owner == own_tid() ? 0 : EPERM;
}

/* What real trylock leaves to be put right. The kernel takes a robust PI mutex of a dead owner for the kernel thread that asked; the
 * owner is the green thread. And glibc up to 2.36 at least takes an unrecoverable mutex and keeps it, though its lock does not. */
static void put_right(pthread_mutex_t *m, int result)
{
    uint32_t *word = (uint32_t *)&m->__data.__lock, tid = (uint32_t)own_tid();
    if (result == EOWNERDEAD && m->__data.__kind & KIND_INHERIT)
        __atomic_store_n(word, (__atomic_load_n(word, __ATOMIC_RELAXED) & ~FUTEX_TID_MASK) | tid, __ATOMIC_RELAXED);
    if (result != ENOTRECOVERABLE || (__atomic_load_n(word, __ATOMIC_RELAXED) & FUTEX_TID_MASK) != tid)
        return;
    if (__atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST) & FUTEX_WAITERS)
        sys_call(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static inline int try_quickly(pthread_mutex_t *m)
{
    int result = REAL(pthread_mutex_trylock)(m);
    if (unlikely(result == EOWNERDEAD || result == ENOTRECOVERABLE))
        put_right(m, result);
    return result;
}

static int try(void *mutex)
{
    return try_quickly(mutex);
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
    if (mutex_is_shared(m) && !(m->__data.__kind & KIND_INHERIT))
        return lock_call_blocking(&call);
    if (is_errorcheck(m) && m->__data.__owner == own_tid())
        return EDEADLK;
    if (deadline && !timespec_is_valid(deadline))
        return EINVAL;
    return lock_wait(&(struct lock_wait){
        .try = try,
        .object = m,
        .kind = WAIT_MUTEX,
        .waiter = LOCK_WAITER,
        .flags = HUB_PARK_SIGNAL,
        .deadline_ns = deadline ? deadline_at(clock, deadline) : DEADLINE_NEVER,
    });
}

/* Finding the mutex unrecoverable takes and releases it, unseen by the lot; and nobody will ever unlock it again. */
static int settled(pthread_mutex_t *m, int result)
{
    if (unlikely(result == ENOTRECOVERABLE))
        lock_wake_one_and_go_on(m, LOCK_WAITER);
    return result;
}

static inline int lock(pthread_mutex_t *m, clockid_t clock, const struct timespec *deadline)
{
    int result = try_quickly(m);
    if (unlikely(result == EBUSY))
        result = wait_for(m, clock, deadline);
    return likely(result == 0) ? 0 : settled(m, result);
}

int mutex_lock(pthread_mutex_t *m)
{
    return lock(m, CLOCK_REALTIME, NULL);
}

int mutex_unlock_and_go_on(pthread_mutex_t *m)
{
    int result = REAL(pthread_mutex_unlock)(m);
    if (unlikely(park_may_have_waiters(m)))
        lock_wake_one_and_go_on(m, LOCK_WAITER);
    return result;
}

/* POSIX pthread_mutex_lock: 0, EAGAIN (recursion limit), EDEADLK (error-checking), EINVAL (priority ceiling), EOWNERDEAD,
 * ENOTRECOVERABLE. Not a cancellation point; resumed after a signal handler. */
HOOK_EXPORT int pthread_mutex_lock(pthread_mutex_t *m)
{
    return lock(m, CLOCK_REALTIME, NULL);
}

/* POSIX pthread_mutex_trylock: as lock, and EBUSY. */
HOOK_EXPORT int pthread_mutex_trylock(pthread_mutex_t *m)
{
    return settled(m, lock_tried(try(m)));
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
    int result = REAL(pthread_mutex_unlock)(m);
    if (unlikely(park_may_have_waiters(m)))
        lock_wake_one(m, LOCK_WAITER);
    return result;
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
