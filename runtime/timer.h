/* Deadlines: absolute nanoseconds of CLOCK_MONOTONIC, and each hub's heap of them.
 *
 * libev rounds its timers up to a millisecond, so the hub keeps its own heap and gives the nearest deadline to the
 * kernel in nanoseconds. It is a pairing heap whose nodes are embedded in what waits: arming a timer cannot fail. A heap
 * belongs to one hub: only code that runs on that hub's worker touches it. */
#pragma once

#include <stdint.h>
#include <time.h>

#include "runtime/base.h"

#define DEADLINE_NEVER INT64_MAX

/* Armed while `linked`. back is the parent for a first child, else the left sibling. */
struct timer {
    int64_t deadline_ns;
    uint64_t order; /* of arming: equal deadlines expire first come, first served */
    struct timer *child, *next, *back;
    bool linked;
};

struct timer_heap {
    struct timer *root;
    uint64_t last_order;
};

/* Now, on CLOCK_MONOTONIC. */
int64_t deadline_now(void);

/* now + timespec, saturating. The caller has validated tv_nsec. */
int64_t deadline_after(const struct timespec *relative);
int64_t deadline_after_ns(int64_t relative_ns);

/* The moment at which `clock` shows `absolute`. For CLOCK_REALTIME (and TAI) it is computed from the present offset. */
int64_t deadline_at(clockid_t clock, const struct timespec *absolute);

/* What is left until deadline_ns, never negative. */
struct timespec deadline_left(int64_t deadline_ns);

/* POSIX: tv_nsec outside 0..999999999 is EINVAL for every timed call. */
static inline bool timespec_is_valid(const struct timespec *t)
{
    return (unsigned long)t->tv_nsec < 1000000000UL;
}

/* All never switch. */
void timer_add(struct timer_heap *heap, struct timer *timer, int64_t deadline_ns);
void timer_remove(struct timer_heap *heap, struct timer *timer); /* no-op when not armed */
static inline struct timer *timer_first(const struct timer_heap *heap)
{
    return heap->root;
}
