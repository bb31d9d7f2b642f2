/* The parking lot: nothing is lost, nobody is woken who does not wait. */
#include "tests/unit/runtime.h"

#include "runtime/park.h"

static _Atomic int word, woken;

static bool word_is_zero(void *unused)
{
    (void)unused;
    return atomic_load(&word) == 0;
}

static int wait_on(const void *key, int64_t deadline_ns)
{
    struct park_request r = {.key = key, .kind = WAIT_FUTEX, .deadline_ns = deadline_ns, .validate = word_is_zero};
    return park_wait(&r);
}

static void *waiter(void *unused)
{
    int reason = wait_on(&word, DEADLINE_NEVER);
    if (reason == WAKE_UP)
        atomic_fetch_add(&woken, 1);
    return unused;
}

/* Until n wait for key. */
static void until_waiting(const void *key, unsigned n)
{
    while (park_count(key, 0) < n)
        hub_yield();
}

Test(park, validation_calls_the_wait_off)
{
    runtime_start(1);
    atomic_store(&word, 1);
    cr_assert_eq(wait_on(&word, DEADLINE_NEVER), PARK_INVALID);
    cr_assert_not(park_may_have_waiters(&word));
}

Test(park, wakes_as_many_as_asked_in_order)
{
    runtime_start(1);
    pthread_t t[3];
    for (int i = 0; i < 3; i++)
        t[i] = go(waiter, NULL);
    until_waiting(&word, 3);
    cr_assert_eq(park_wake(&word, 2, 0), 2);
    end_of(t[0]);
    end_of(t[1]);
    cr_assert_eq(park_count(&word, 0), 1);
    cr_assert_eq(park_wake(&word, 5, 0), 1);
    end_of(t[2]);
    cr_assert_eq(woken, 3);
}

Test(park, deadline_ends_the_wait_and_leaves_no_trace)
{
    runtime_start(1);
    cr_assert_eq(wait_on(&word, deadline_after_ns(1000000)), WAKE_TIMEOUT);
    cr_assert_eq(park_wake(&word, 1, 0), 0);
    cr_assert_not(park_may_have_waiters(&word));
}

static void *bit_waiter(void *bits)
{
    struct park_request r = {.key = &word, .bits = (uint32_t)(uintptr_t)bits, .deadline_ns = DEADLINE_NEVER};
    return (void *)(intptr_t)park_wait(&r);
}

Test(park, bits_select)
{
    runtime_start(1);
    pthread_t one = go(bit_waiter, (void *)1), two = go(bit_waiter, (void *)2);
    until_waiting(&word, 2);
    cr_assert_eq(park_wake(&word, 5, 2), 1);
    end_of(two);
    cr_assert_eq(park_wake(&word, 5, 0), 1);
    end_of(one);
}

Test(park, requeued_waiters_wake_on_the_other_key)
{
    static int other;
    runtime_start(1);
    pthread_t t[3];
    for (int i = 0; i < 3; i++)
        t[i] = go(waiter, NULL);
    until_waiting(&word, 3);
    cr_assert_eq(park_requeue(&word, 1, &other, 5, NULL, NULL), 3);
    end_of(t[0]);
    cr_assert_eq(park_wake(&word, 5, 0), 0);
    cr_assert_eq(park_wake(&other, 5, 0), 2);
    end_of(t[1]);
    end_of(t[2]);
}

static void *foreign_waiter(void *unused)
{
    atomic_store(&woken, wait_on(&word, DEADLINE_NEVER) == WAKE_UP);
    return unused;
}

Test(park, foreign_threads_wait_and_wake_too)
{
    runtime_start(1);
    pthread_t foreign;
    cr_assert_eq(pthread_create(&foreign, NULL, foreign_waiter, NULL), 0);
    until_waiting(&word, 1);
    cr_assert_eq(park_wake(&word, 1, 0), 1);
    pthread_join(foreign, NULL);
    cr_assert_eq(woken, 1);
}

/* A counting gate: each pass takes one. Many takers and givers on several workers; a lost wake-up hangs. */
static _Atomic int tokens;

static bool no_token(void *unused)
{
    (void)unused;
    return atomic_load(&tokens) == 0;
}

#define PASSES 20000

static void *taker(void *unused)
{
    for (int i = 0; i < PASSES; i++)
        for (;;) {
            int n = atomic_load(&tokens);
            if (n > 0 && atomic_compare_exchange_strong(&tokens, &n, n - 1))
                break;
            struct park_request r = {.key = &tokens,
                                     .validate = no_token,
                                     .deadline_ns = i % 3 ? DEADLINE_NEVER : deadline_after_ns(20000)};
            park_wait(&r);
        }
    return unused;
}

static void *giver(void *unused)
{
    for (int i = 0; i < PASSES; i++) {
        atomic_fetch_add(&tokens, 1);
        if (park_may_have_waiters(&tokens))
            park_wake(&tokens, 1, 0);
        if (i % 16 == 0)
            hub_yield();
    }
    return unused;
}

static void stress(int workers)
{
    runtime_start(workers);
    pthread_t t[8];
    for (int i = 0; i < 8; i++)
        t[i] = go(i % 2 ? giver : taker, NULL);
    for (int i = 0; i < 8; i++)
        end_of(t[i]);
    cr_assert_eq(tokens, 0);
}

Test(park, no_wake_up_is_lost_with_one_worker, .timeout = 60)
{
    stress(1);
}

Test(park, no_wake_up_is_lost_with_two_workers, .timeout = 60)
{
    stress(2);
}
