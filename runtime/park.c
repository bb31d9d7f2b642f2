/* The parking lot. A waiter is a record on the waiting thread's stack; it is in the bucket's list exactly while it waits. All
 * of its members but `turn` are guarded by the lock of the bucket it is in. */
#include "runtime/park.h"

#include <limits.h>
#include <linux/futex.h>

struct park_bucket park_buckets[PARK_BUCKETS]; /* a list that was never used is all zero */

struct waiter {
    struct link link;
    const void *key;
    uint32_t bits;
    struct green *green;                  /* NULL: a foreign thread, which sleeps on turn */
    _Atomic uint32_t turn;                /* foreign: 1 once woken */
    _Atomic(struct park_bucket *) bucket; /* where it is queued; NULL once nobody but the waiter touches the record */
};

static void lock_bucket(struct park_bucket *b)
{
    spin_lock(&b->lock);
    if (unlikely(!b->waiters.next))
        link_init(&b->waiters);
}

/* Only changed under the lock, so going down needs no locked instruction. */
static void uncount(struct park_bucket *b)
{
    atomic_store_explicit(&b->count, atomic_load_explicit(&b->count, memory_order_relaxed) - 1, memory_order_relaxed);
}

static void enqueue(struct park_bucket *b, struct waiter *w)
{
    atomic_store_explicit(&w->bucket, b, memory_order_relaxed);
    link_push_back(&b->waiters, &w->link);
}

/* The last touch of a record by anybody but its waiter, which waits for it in withdraw. */
static void dequeue(struct park_bucket *b, struct waiter *w)
{
    link_remove(&w->link);
    uncount(b);
    atomic_store_explicit(&w->bucket, NULL, memory_order_release);
}

/* Green threads that were claimed under a bucket lock, to be made runnable when it is dropped: one that is woken on another CPU
 * must not find the lock taken. */
struct claimed {
    struct green *first, **last;
};

/* Under the bucket's lock, with w still queued. False when a deadline or an alert has already woken the waiter: then the wake-up
 * belongs to the next one. */
static bool claim_waiter(struct waiter *w, struct claimed *claimed)
{
    struct green *g = w->green;
    if (g) {
        if (!hub_claim(g, WAKE_UP))
            return false;
        g->next = NULL;
        *claimed->last = g;
        claimed->last = &g->next;
        return true;
    }
    uint32_t not_yet = 0;
    if (!atomic_compare_exchange_strong(&w->turn, &not_yet, 1))
        return false;
    sys_call(SYS_futex, &w->turn, FUTEX_WAKE_PRIVATE, 1);
    return true;
}

static void release_all(struct claimed *claimed)
{
    for (struct green *g = claimed->first, *next; g; g = next) {
        next = g->next;
        hub_release(g);
    }
}

/* Removes the waiter from whatever bucket it is in by now. */
static void withdraw(struct waiter *w)
{
    struct park_bucket *b;
    while ((b = atomic_load_explicit(&w->bucket, memory_order_acquire))) {
        lock_bucket(b);
        if (atomic_load_explicit(&w->bucket, memory_order_relaxed) == b)
            dequeue(b, w);
        spin_unlock(&b->lock);
    }
}

static int foreign_sleep(struct waiter *w, int64_t deadline_ns)
{
    if (deadline_ns < 0)
        deadline_ns = 0;
    struct timespec until = {.tv_sec = deadline_ns / 1000000000, .tv_nsec = deadline_ns % 1000000000};
    struct timespec *timeout = deadline_ns == DEADLINE_NEVER ? NULL : &until;
    while (!atomic_load_explicit(&w->turn, memory_order_acquire)) {
        /* FUTEX_WAIT_BITSET takes an absolute CLOCK_MONOTONIC deadline. */
        long r = sys_call(SYS_futex, &w->turn, FUTEX_WAIT_BITSET_PRIVATE, 0, timeout, NULL, FUTEX_BITSET_MATCH_ANY);
        uint32_t not_yet = 0;
        if (r == -ETIMEDOUT && atomic_compare_exchange_strong(&w->turn, &not_yet, 2))
            return WAKE_TIMEOUT;
        if (r == -EINTR && atomic_compare_exchange_strong(&w->turn, &not_yet, 2))
            return WAKE_SIGNAL;
    }
    return WAKE_UP;
}

int park_wait(const struct park_request *r)
{
    struct park_bucket *b = park_bucket_of(r->key);
    /* Inside the runtime the kernel thread waits: others on it would find what is half changed there (libev's tables while it
     * waits for a lock of malloc's). */
    struct green *g = worker_hub && !runtime_depth ? self : NULL;
    struct waiter w = {.key = r->key, .bits = r->bits ? r->bits : UINT32_MAX, .green = g};

    runtime_enter();
    if (g)
        hub_prepare(g, r->kind, (uintptr_t)r->key, r->flags);
    lock_bucket(b);
    atomic_fetch_add(&b->count, 1);
    if (r->validate && !r->validate(r->argument)) {
        uncount(b);
        spin_unlock(&b->lock);
        if (g)
            hub_unprepare(g);
        runtime_leave();
        return PARK_INVALID;
    }
    enqueue(b, &w);
    spin_unlock(&b->lock);
    if (r->queued)
        r->queued(r->argument);

    int reason = g ? (int)hub_park(r->deadline_ns) : foreign_sleep(&w, r->deadline_ns);
    withdraw(&w);
    if (reason == WAKE_SIGNAL)
        runtime_leave_quietly();
    else
        runtime_leave();
    return reason;
}

unsigned park_wake(const void *key, unsigned max, uint32_t bits)
{
    struct park_bucket *b = park_bucket_of(key);
    uint32_t mask = bits ? bits : UINT32_MAX;
    unsigned woken = 0;
    struct claimed claimed = {NULL, &claimed.first};
    runtime_enter();
    lock_bucket(b);
    for (struct link *l = b->waiters.next, *next; l != &b->waiters && woken < max; l = next) {
        struct waiter *w = container_of(l, struct waiter, link);
        next = l->next;
        if (w->key != key || !(w->bits & mask))
            continue;
        woken += claim_waiter(w, &claimed);
        dequeue(b, w);
    }
    spin_unlock(&b->lock);
    release_all(&claimed);
    runtime_leave();
    return woken;
}

static void lock_two(struct park_bucket *a, struct park_bucket *b)
{
    lock_bucket(a < b ? a : b);
    if (a != b)
        lock_bucket(a < b ? b : a);
}

int park_requeue(const void *key, unsigned max, const void *other, unsigned max_moved, bool (*validate)(void *),
                 void *argument)
{
    struct park_bucket *from = park_bucket_of(key), *to = park_bucket_of(other);
    unsigned woken = 0, moved = 0;
    struct claimed claimed = {NULL, &claimed.first};
    runtime_enter();
    lock_two(from, to);
    bool is_valid = !validate || validate(argument);
    struct link *end = from->waiters.prev; /* what is moved within one bucket must not be met again */
    for (struct link *l = from->waiters.next, *next; is_valid && l != &from->waiters; l = next) {
        bool was_last = l == end;
        struct waiter *w = container_of(l, struct waiter, link);
        next = was_last ? &from->waiters : l->next;
        if (w->key != key)
            continue;
        if (woken < max) {
            woken += claim_waiter(w, &claimed);
            dequeue(from, w);
        } else if (moved < max_moved) {
            link_remove(&w->link);
            uncount(from);
            w->key = other;
            atomic_fetch_add(&to->count, 1);
            enqueue(to, w);
            moved++;
        } else {
            break;
        }
    }
    spin_unlock(&from->lock);
    if (from != to)
        spin_unlock(&to->lock);
    release_all(&claimed);
    runtime_leave();
    return is_valid ? (int)(woken + moved) : -1;
}

unsigned park_count(const void *key, uint32_t bits)
{
    struct park_bucket *b = park_bucket_of(key);
    uint32_t mask = bits ? bits : UINT32_MAX;
    unsigned count = 0;
    runtime_enter();
    lock_bucket(b);
    for (struct link *l = b->waiters.next; l != &b->waiters; l = l->next) {
        struct waiter *w = container_of(l, struct waiter, link);
        count += w->key == key && w->bits & mask;
    }
    spin_unlock(&b->lock);
    runtime_leave();
    return count;
}

void park_after_fork(void)
{
    for (struct park_bucket *b = park_buckets; b < park_buckets + PARK_BUCKETS; b++) {
        /* What was never used is not written: its page stays shared with the parent. */
        if (!atomic_load(&b->lock.locked) && !b->waiters.next)
            continue;
        atomic_store(&b->lock.locked, 0);
        atomic_store(&b->count, 0);
        link_init(&b->waiters);
    }
}
