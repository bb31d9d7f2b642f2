/* Read-write locks (POSIX: pthread_rwlock_rdlock, pthread_rwlock_wrlock).
 *
 * glibc's own try functions and unlock keep the state, here is the waiting. glibc's kinds (pthread_rwlockattr_setkind_np) differ
 * in who goes first: by default readers, with a WRITER kind writers; and PREFER_WRITER_NONRECURSIVE makes a new reader
 * wait as soon as a writer does. glibc sees no waiting writer, so it is counted in __pad3, which glibc zeroes and never uses.
 *
 * Process-shared ones are left to glibc, on an offload thread. */
#include "preload/lock.h"

/* Writers that wait, or woke and have not got it yet. Any thread, atomically. */
static _Atomic unsigned *writers_of(pthread_rwlock_t *l)
{
    return (_Atomic unsigned *)&l->__data.__pad3;
}

static bool puts_writers_first(const pthread_rwlock_t *l)
{
    return l->__data.__flags != PTHREAD_RWLOCK_PREFER_READER_NP;
}

static bool own_as_writer(const pthread_rwlock_t *l)
{
    return l->__data.__cur_writer == *(const int *)((const char *)context_thread_pointer() + glibc.tid_offset);
}

static int try_read(void *lock)
{
    pthread_rwlock_t *l = lock;
    if (l->__data.__flags == PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP && atomic_load(writers_of(l)))
        return EBUSY;
    return REAL(pthread_rwlock_tryrdlock)(l);
}

static int try_write(void *lock)
{
    return REAL(pthread_rwlock_trywrlock)(lock);
}

static int call_read(const struct lock_call *call)
{
    return call->deadline ? REAL(pthread_rwlock_clockrdlock)(call->object, call->clock, call->deadline)
                          : REAL(pthread_rwlock_rdlock)(call->object);
}

static int call_write(const struct lock_call *call)
{
    return call->deadline ? REAL(pthread_rwlock_clockwrlock)(call->object, call->clock, call->deadline)
                          : REAL(pthread_rwlock_wrlock)(call->object);
}

/* Called for the unlocked lock at l, which may be gone: only its address is used. */
static void pass_on(pthread_rwlock_t *l, bool writers_first)
{
    if (writers_first && lock_wake_one(l, LOCK_WRITER))
        return;
    if (!lock_wake_all(l, LOCK_READER) && !writers_first)
        lock_wake_one(l, LOCK_WRITER);
}

static int park(pthread_rwlock_t *l, bool is_writer, int64_t deadline_ns)
{
    return lock_wait(&(struct lock_wait){
        .try = is_writer ? try_write : try_read,
        .object = l,
        .kind = WAIT_RWLOCK,
        .waiter = is_writer ? LOCK_WRITER : LOCK_READER,
        .flags = HUB_PARK_SIGNAL,
        .deadline_ns = deadline_ns,
    });
}

/* A writer that gives up may have been the last one for whose sake readers waited. */
static int park_writer(pthread_rwlock_t *l, int64_t deadline_ns)
{
    atomic_fetch_add(writers_of(l), 1);
    int result = park(l, true, deadline_ns);
    if (atomic_fetch_sub(writers_of(l), 1) == 1 && result != 0)
        lock_wake_all(l, LOCK_READER);
    return result;
}

/* What comes after EBUSY; deadline may be NULL. */
static int wait_for(pthread_rwlock_t *l, bool is_writer, clockid_t clock, const struct timespec *deadline)
{
    struct lock_call call = {is_writer ? call_write : call_read, l, NULL, clock, deadline};
    if (!lock_is_ours())
        return call.function(&call);
    if (l->__data.__shared)
        return lock_call_blocking(&call);
    if (own_as_writer(l))
        return EDEADLK;
    int64_t deadline_ns = deadline ? deadline_at(clock, deadline) : DEADLINE_NEVER;
    return is_writer ? park_writer(l, deadline_ns) : park(l, false, deadline_ns);
}

static int lock(pthread_rwlock_t *l, bool is_writer, clockid_t clock, const struct timespec *deadline)
{
    if (deadline && (!lock_knows_clock(clock) || !timespec_is_valid(deadline)))
        return EINVAL;
    int result = is_writer ? try_write(l) : try_read(l);
    return likely(result != EBUSY) ? result : wait_for(l, is_writer, clock, deadline);
}

/* POSIX pthread_rwlock_rdlock: 0, EAGAIN (too many readers), EDEADLK (own write lock). */
HOOK_EXPORT int pthread_rwlock_rdlock(pthread_rwlock_t *l)
{
    return lock(l, false, CLOCK_REALTIME, NULL);
}

/* POSIX pthread_rwlock_wrlock: 0, EDEADLK. */
HOOK_EXPORT int pthread_rwlock_wrlock(pthread_rwlock_t *l)
{
    return lock(l, true, CLOCK_REALTIME, NULL);
}

/* POSIX pthread_rwlock_tryrdlock: as rdlock, and EBUSY. */
HOOK_EXPORT int pthread_rwlock_tryrdlock(pthread_rwlock_t *l)
{
    return lock_tried(try_read(l));
}

/* POSIX pthread_rwlock_trywrlock: 0, EBUSY. */
HOOK_EXPORT int pthread_rwlock_trywrlock(pthread_rwlock_t *l)
{
    return lock_tried(try_write(l));
}

/* POSIX pthread_rwlock_timedrdlock: as rdlock, ETIMEDOUT, EINVAL. glibc checks the deadline before it tries. */
HOOK_EXPORT int pthread_rwlock_timedrdlock(pthread_rwlock_t *restrict l, const struct timespec *restrict deadline)
{
    return lock(l, false, CLOCK_REALTIME, deadline);
}

/* POSIX pthread_rwlock_timedwrlock: as wrlock, ETIMEDOUT, EINVAL. */
HOOK_EXPORT int pthread_rwlock_timedwrlock(pthread_rwlock_t *restrict l, const struct timespec *restrict deadline)
{
    return lock(l, true, CLOCK_REALTIME, deadline);
}

/* glibc 2.30, POSIX 2024: as timedrdlock on the caller's clock. */
HOOK_EXPORT int pthread_rwlock_clockrdlock(pthread_rwlock_t *restrict l, clockid_t clock,
                                           const struct timespec *restrict deadline)
{
    return lock(l, false, clock, deadline);
}

/* glibc 2.30, POSIX 2024: as timedwrlock on the caller's clock. */
HOOK_EXPORT int pthread_rwlock_clockwrlock(pthread_rwlock_t *restrict l, clockid_t clock,
                                           const struct timespec *restrict deadline)
{
    return lock(l, true, clock, deadline);
}

/* POSIX pthread_rwlock_unlock: 0. */
HOOK_EXPORT int pthread_rwlock_unlock(pthread_rwlock_t *l)
{
    bool writers_first = puts_writers_first(l);
    int result = REAL(pthread_rwlock_unlock)(l);
    if (unlikely(park_may_have_waiters(l)))
        pass_on(l, writers_first);
    else
        lock_breathe();
    return result;
}

HOOK_ALIAS(__pthread_rwlock_rdlock, pthread_rwlock_rdlock);
HOOK_ALIAS(__pthread_rwlock_wrlock, pthread_rwlock_wrlock);
HOOK_ALIAS(__pthread_rwlock_tryrdlock, pthread_rwlock_tryrdlock);
HOOK_ALIAS(__pthread_rwlock_trywrlock, pthread_rwlock_trywrlock);
HOOK_ALIAS(__pthread_rwlock_unlock, pthread_rwlock_unlock);
