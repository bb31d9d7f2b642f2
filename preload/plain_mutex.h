/* The state of plain mutexes: private to the process, not robust, without a priority protocol; normal, adaptive,
 * recursive or error-checking. That is nearly all of them, and the fast path of every server.
 *
 * The words are glibc's (owner, recursion count, users), kept as glibc keeps them, so its init, destroy and trylock go on
 * working. Only the waiting differs, and so a value of __lock that glibc does not have:
 *
 *     0 free   1 taken   2 taken, somebody waits in the kernel (glibc's own lock)   3 taken, somebody may wait in the parking lot
 *
 * With glibc's unlock the unlocking hook would have to ask the lot each time, and with thousands of parked threads there is
 * always somebody in the bucket. */
#pragma once

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sys/single_threaded.h>

#include "runtime/base.h"
#include "runtime/glibc.h"

enum { MUTEX_FREE, MUTEX_TAKEN, MUTEX_KERNEL_WAITS, MUTEX_LOT_WAITS };

/* Bits of __kind (nptl/pthreadP.h). */
#define MUTEX_TYPE 3
#define MUTEX_ROBUST 16
#define MUTEX_INHERIT 32
#define MUTEX_PROTECT 64
#define MUTEX_SHARED 128
#define MUTEX_ELISION 256

/* Before the runtime has started (another library's constructor) we cannot know our thread id: then glibc does it. */
static inline bool mutex_is_plain(const pthread_mutex_t *m)
{
    const int special = MUTEX_ROBUST | MUTEX_INHERIT | MUTEX_PROTECT | MUTEX_SHARED | MUTEX_ELISION;
    return likely(!(m->__data.__kind & special) && glibc.tid_offset);
}

static inline int mutex_type(const pthread_mutex_t *m)
{
    return m->__data.__kind & MUTEX_TYPE;
}

/* The caller's thread id as glibc writes it into mutexes. */
static inline int mutex_own_tid(void)
{
    return *(const int *)((const char *)context_thread_pointer() + glibc.tid_offset);
}

static inline void plain_taken(pthread_mutex_t *m)
{
    m->__data.__owner = mutex_own_tid();
    m->__data.__nusers++;
    if (mutex_type(m) == PTHREAD_MUTEX_RECURSIVE_NP)
        m->__data.__count = 1;
}

static inline bool plain_is_mine(const pthread_mutex_t *m)
{
    return __atomic_load_n(&m->__data.__owner, __ATOMIC_RELAXED) == mutex_own_tid();
}

/* The recursive and the error-checking kind when the caller has it already: 0, EAGAIN, EDEADLK. */
static inline int plain_again(pthread_mutex_t *m)
{
    if (mutex_type(m) == PTHREAD_MUTEX_ERRORCHECK_NP)
        return EDEADLK;
    if (m->__data.__count == UINT_MAX)
        return EAGAIN;
    m->__data.__count++;
    return 0;
}

static inline bool plain_knows_owner(const pthread_mutex_t *m)
{
    return mutex_type(m) == PTHREAD_MUTEX_RECURSIVE_NP || mutex_type(m) == PTHREAD_MUTEX_ERRORCHECK_NP;
}

/* 0, EBUSY, or what plain_again says. As in glibc the first thread of a process needs no locked instruction. */
static inline int plain_try(pthread_mutex_t *m)
{
    int *word = &m->__data.__lock, is_free = MUTEX_FREE;
    if (unlikely(plain_knows_owner(m)) && plain_is_mine(m))
        return plain_again(m);
    if (__libc_single_threaded && *word == MUTEX_FREE)
        *word = MUTEX_TAKEN;
    else if (!__atomic_compare_exchange_n(word, &is_free, MUTEX_TAKEN, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return EBUSY;
    plain_taken(m);
    return 0;
}

/* For one who is about to wait or was woken: 0, or EBUSY and the owner knows. Others may wait too, so it is taken as waited for. */
static inline int plain_try_as_waiter(pthread_mutex_t *m)
{
    int *word = &m->__data.__lock, seen = __atomic_load_n(word, __ATOMIC_RELAXED);
    do
        if (seen == MUTEX_LOT_WAITS || seen == MUTEX_KERNEL_WAITS)
            return EBUSY;
    while (!__atomic_compare_exchange_n(word, &seen, MUTEX_LOT_WAITS, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
    if (seen != MUTEX_FREE)
        return EBUSY;
    plain_taken(m);
    return 0;
}

/* 0 or EPERM; *was is what the word said before. After it the mutex may be gone. */
static inline int plain_release(pthread_mutex_t *m, int *was)
{
    *was = MUTEX_TAKEN;
    if (unlikely(plain_knows_owner(m))) {
        if (!plain_is_mine(m) || m->__data.__lock == MUTEX_FREE)
            return EPERM;
        if (mutex_type(m) == PTHREAD_MUTEX_RECURSIVE_NP && --m->__data.__count)
            return 0;
    }
    m->__data.__owner = 0;
    m->__data.__nusers--;
    if (__libc_single_threaded)
        m->__data.__lock = MUTEX_FREE;
    else
        *was = __atomic_exchange_n(&m->__data.__lock, MUTEX_FREE, __ATOMIC_RELEASE);
    return 0;
}
