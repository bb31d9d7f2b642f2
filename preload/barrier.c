/* Barriers (POSIX: pthread_barrier_wait, pthread_barrier_destroy).
 *
 * pthread_barrier_init is glibc's and writes the count; the other words of its structure are ours in a barrier that is private
 * to the process. They change under the lot's bucket lock, where each arrival is counted: the last one of a round opens the
 * next before it wakes the others, so the barrier may be used again at once. pthread_barrier_destroy waits until all have left, so
 * the thread that got PTHREAD_BARRIER_SERIAL_THREAD may destroy it.
 *
 * Process-shared ones are left to glibc, on an offload thread. */
#include "preload/lock.h"

/* nptl/internaltypes.h struct pthread_barrier, whose `in` and `out` we count otherwise. */
struct barrier {
    unsigned arrived;         /* in this round; bucket lock */
    unsigned round;           /* bucket lock to write, anybody reads */
    unsigned count;           /* fixed */
    int shared;               /* fixed; 0 for private */
    _Atomic unsigned leaving; /* of rounds that are over, not yet out of pthread_barrier_wait */
};
_Static_assert(sizeof(struct barrier) <= sizeof(pthread_barrier_t), "our barrier fits into libc's");

struct visit {
    struct barrier *barrier;
    unsigned round;
    bool has_arrived, is_last;
};

/* Under the bucket lock. */
static bool must_wait(void *argument)
{
    struct visit *visit = argument;
    struct barrier *b = visit->barrier;
    if (visit->has_arrived)
        return b->round == visit->round;
    visit->has_arrived = true;
    visit->round = b->round;
    if (++b->arrived < b->count)
        return true;
    b->arrived = 0;
    atomic_fetch_add(&b->leaving, b->count - 1);
    __atomic_store_n(&b->round, b->round + 1, __ATOMIC_RELEASE);
    visit->is_last = true;
    return false;
}

static void park_while(const void *key, bool (*validate)(void *), void *argument)
{
    struct park_request request = {
        .key = key,
        .kind = WAIT_BARRIER,
        .flags = HUB_PARK_SIGNAL,
        .deadline_ns = DEADLINE_NEVER,
        .validate = validate,
        .argument = argument,
    };
    int reason;
    while ((reason = park_wait(&request)) != PARK_INVALID)
        if (reason == WAKE_SIGNAL)
            lock_interrupted(DEADLINE_NEVER);
}

static int wait_in_lot(struct barrier *b)
{
    struct visit visit = {.barrier = b};
    park_while(b, must_wait, &visit);
    if (visit.is_last) {
        park_wake(b, UINT32_MAX, 0);
        return PTHREAD_BARRIER_SERIAL_THREAD;
    }
    /* After this the barrier may be gone. */
    if (atomic_fetch_sub(&b->leaving, 1) == 1 && park_may_have_waiters(&b->leaving))
        park_wake(&b->leaving, UINT32_MAX, 0);
    return 0;
}

static int call_real(const struct lock_call *call)
{
    return REAL(pthread_barrier_wait)(call->object);
}

/* POSIX pthread_barrier_wait: 0, or PTHREAD_BARRIER_SERIAL_THREAD in one thread of a round. Not a cancellation point. */
HOOK_EXPORT int pthread_barrier_wait(pthread_barrier_t *barrier)
{
    struct barrier *b = (struct barrier *)barrier;
    if (!lock_is_ours())
        return REAL(pthread_barrier_wait)(barrier);
    if (b->shared)
        return lock_call_blocking(&(struct lock_call){.function = call_real, .object = barrier});
    return wait_in_lot(b);
}

static bool some_are_leaving(void *barrier)
{
    return atomic_load(&((struct barrier *)barrier)->leaving) != 0;
}

static int call_real_destroy(const struct lock_call *call)
{
    return REAL(pthread_barrier_destroy)(call->object);
}

/* POSIX pthread_barrier_destroy: 0, EBUSY while threads wait (glibc hangs there). */
HOOK_EXPORT int pthread_barrier_destroy(pthread_barrier_t *barrier)
{
    struct barrier *b = (struct barrier *)barrier;
    if (!lock_is_ours())
        return REAL(pthread_barrier_destroy)(barrier);
    if (b->shared)
        return lock_call_blocking(&(struct lock_call){.function = call_real_destroy, .object = barrier});
    if (__atomic_load_n(&b->arrived, __ATOMIC_RELAXED))
        return EBUSY;
    park_while(&b->leaving, some_are_leaving, b);
    return 0;
}
