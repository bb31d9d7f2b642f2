/* Deadlines and the heap. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "runtime/timer.h"

#define COUNT 1000

Test(timer, comes_out_in_order_of_deadline)
{
    struct timer_heap heap = {0};
    static struct timer timers[COUNT];
    srand(1);
    for (int i = 0; i < COUNT; i++)
        timer_add(&heap, &timers[i], rand() % 500);
    int64_t last = -1;
    for (int i = 0; i < COUNT; i++) {
        struct timer *first = timer_first(&heap);
        cr_assert_geq(first->deadline_ns, last);
        last = first->deadline_ns;
        timer_remove(&heap, first);
    }
    cr_assert_null(timer_first(&heap));
}

Test(timer, any_may_be_removed)
{
    struct timer_heap heap = {0};
    static struct timer timers[COUNT];
    srand(2);
    for (int i = 0; i < COUNT; i++)
        timer_add(&heap, &timers[i], rand() % 500);
    for (int i = 0; i < COUNT; i += 2)
        timer_remove(&heap, &timers[i]);
    timer_remove(&heap, &timers[0]);
    int left = 0;
    for (struct timer *t; (t = timer_first(&heap)); left++) {
        cr_assert_eq((t - timers) % 2, 1);
        timer_remove(&heap, t);
    }
    cr_assert_eq(left, COUNT / 2);
}

Test(timer, equal_deadlines_come_out_as_they_went_in)
{
    struct timer_heap heap = {0};
    struct timer timers[3];
    for (int i = 0; i < 3; i++)
        timer_add(&heap, &timers[i], 7);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(timer_first(&heap), &timers[i]);
        timer_remove(&heap, &timers[i]);
    }
}

Test(deadline, saturates)
{
    struct timespec far = {.tv_sec = INT64_MAX, .tv_nsec = 5};
    cr_assert_eq(deadline_after(&far), DEADLINE_NEVER);
    cr_assert_eq(deadline_at(CLOCK_REALTIME, &far), DEADLINE_NEVER);
    struct timespec past = {.tv_sec = INT64_MIN, .tv_nsec = 5};
    cr_assert_lt(deadline_at(CLOCK_REALTIME, &past), deadline_now());
}

Test(deadline, what_is_left_is_never_negative)
{
    const int64_t past[] = {deadline_now() - 1000000000, 0, INT64_MIN};
    for (int i = 0; i < 3; i++) {
        struct timespec left = deadline_left(past[i]);
        cr_assert_eq(left.tv_sec, 0);
        cr_assert_eq(left.tv_nsec, 0);
    }
}

Test(deadline, realtime_becomes_monotonic)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec += 10;
    int64_t away = deadline_at(CLOCK_REALTIME, &now) - deadline_now();
    cr_assert(away > 9000000000 && away <= 10000000000);
}
