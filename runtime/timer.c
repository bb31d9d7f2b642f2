/* Deadline arithmetic and the pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986): insert O(1), remove O(log n) amortised. */
#include "runtime/timer.h"

#define NS 1000000000LL

static int64_t saturating(int64_t seconds, int64_t ns)
{
    int64_t total;
    if (__builtin_mul_overflow(seconds, NS, &total) || __builtin_add_overflow(total, ns, &total))
        return seconds < 0 ? INT64_MIN : DEADLINE_NEVER;
    return total;
}

static int64_t read_clock(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * NS + t.tv_nsec;
}

int64_t deadline_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t deadline_after_ns(int64_t relative_ns)
{
    int64_t sum;
    return __builtin_add_overflow(deadline_now(), relative_ns, &sum) ? DEADLINE_NEVER : sum;
}

int64_t deadline_after(const struct timespec *relative)
{
    return deadline_after_ns(saturating(relative->tv_sec, relative->tv_nsec));
}

int64_t deadline_at(clockid_t clock, const struct timespec *absolute)
{
    int64_t when = saturating(absolute->tv_sec, absolute->tv_nsec);
    if (clock == CLOCK_MONOTONIC || when == DEADLINE_NEVER)
        return when;
    int64_t left;
    if (__builtin_sub_overflow(when, read_clock(clock), &left))
        return when < 0 ? INT64_MIN : DEADLINE_NEVER;
    return deadline_after_ns(left);
}

struct timespec deadline_left(int64_t deadline_ns)
{
    int64_t now = deadline_now(), left = deadline_ns > now ? deadline_ns - now : 0;
    return (struct timespec){.tv_sec = left / NS, .tv_nsec = left % NS};
}

static struct timer *meld(struct timer *a, struct timer *b)
{
    if (!a)
        return b;
    if (!b)
        return a;
    if (b->deadline_ns < a->deadline_ns || (b->deadline_ns == a->deadline_ns && b->order < a->order)) {
        struct timer *swap = a;
        a = b;
        b = swap;
    }
    b->next = a->child;
    if (b->next)
        b->next->back = b;
    b->back = a;
    a->child = b;
    a->next = a->back = NULL;
    return a;
}

/* Two passes over the children: pair left to right, then fold right to left. */
static struct timer *meld_children(struct timer *first)
{
    struct timer *pairs = NULL;
    while (first) {
        struct timer *a = first, *b = a->next;
        first = b ? b->next : NULL;
        a->next = a->back = NULL;
        if (b)
            b->next = b->back = NULL;
        struct timer *pair = meld(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    struct timer *root = NULL;
    while (pairs) {
        struct timer *rest = pairs->next;
        pairs->next = NULL;
        root = meld(pairs, root);
        pairs = rest;
    }
    return root;
}

void timer_add(struct timer_heap *heap, struct timer *timer, int64_t deadline_ns)
{
    *timer = (struct timer){.deadline_ns = deadline_ns, .order = ++heap->last_order, .linked = true};
    heap->root = meld(heap->root, timer);
}

void timer_remove(struct timer_heap *heap, struct timer *timer)
{
    if (!timer->linked)
        return;
    timer->linked = false;
    struct timer *rest = meld_children(timer->child);
    if (heap->root == timer) {
        heap->root = rest;
        return;
    }
    if (timer->back->child == timer)
        timer->back->child = timer->next;
    else
        timer->back->next = timer->next;
    if (timer->next)
        timer->next->back = timer->back;
    heap->root = meld(heap->root, rest);
}
