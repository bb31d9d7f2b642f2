/* The parking lot: the one place where anything waits for a word in memory.
 *
 * A hash of addresses to buckets; each bucket is a spin lock, a count of its waiters and a FIFO of them. Waiters are green
 * threads (hub_park) or foreign kernel threads (futex on their own stack). Who waits validates under the bucket lock after
 * it is counted, who wakes changes the word before it looks at the count: whatever the number of workers, either the waiter
 * sees the change or the waker sees the waiter.
 *
 * All process-private synchronisation ends here: mutex, condvar, rwlock, barrier, semaphore, once, join, libc's own locks and
 * the futex system call. */
#pragma once

#include "runtime/hub.h"

struct park_request {
    const void *key;          /* the address waited for; only its value is used */
    uint32_t bits;            /* wakers match any common bit (futex bitsets); 0 means all */
    enum wait_kind kind;      /* for reports */
    unsigned flags;           /* HUB_PARK_* */
    int64_t deadline_ns;      /* DEADLINE_NEVER or absolute */
    bool (*validate)(void *); /* under the bucket lock: false calls the wait off. NULL: always wait */
    void (*queued)(void *);   /* after the bucket lock is dropped, before sleeping (cond_wait unlocks its mutex here) */
    void *argument;           /* of both */
};

#define PARK_INVALID (-1) /* validate said no */

/* Waits. Returns PARK_INVALID or an enum wake. FIFO among waiters of a key. May switch. */
int park_wait(const struct park_request *request);

/* Wakes up to max waiters of key whose bits match, in order; returns how many. From any thread. Never switches. */
unsigned park_wake(const void *key, unsigned max, uint32_t bits);

/* Wakes up to max waiters of key and moves up to max_moved of the rest to the tail of other's queue. validate (may be NULL) runs
 * under both bucket locks; false → -1. Returns woken + moved. (FUTEX_REQUEUE, FUTEX_CMP_REQUEUE.) Never switches. */
int park_requeue(const void *key, unsigned max, const void *other, unsigned max_moved, bool (*validate)(void *),
                 void *argument);

/* Waiters of key at this moment whose bits match. Never switches. */
unsigned park_count(const void *key, uint32_t bits);

/* In the child of fork: forgets all waiters. */
void park_after_fork(void);

#define PARK_BUCKETS 4096
struct park_bucket {
    struct spin lock;
    _Atomic uint32_t count;
    struct link waiters;
} __attribute__((aligned(32)));
extern struct park_bucket park_buckets[PARK_BUCKETS];

static inline struct park_bucket *park_bucket_of(const void *key)
{
    return &park_buckets[((uintptr_t)key >> 3) * 0x9E3779B97F4A7C15ull >> 52];
}

/* Cheap "nobody can be waiting for key"; the caller's change of the word must be a full barrier (any locked
 * instruction) before it. */
static inline bool park_may_have_waiters(const void *key)
{
    return atomic_load_explicit(&park_bucket_of(key)->count, memory_order_relaxed) != 0;
}
