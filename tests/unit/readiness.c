/* Waiting for descriptors and being carried by the offload pool. */
#include "tests/unit/runtime.h"

#include <sys/socket.h>
#include <unistd.h>

#include "runtime/readiness.h"

static int pair[2];

static void *wait_readable(void *unused)
{
    (void)unused;
    return (void *)(intptr_t)readiness_wait(pair[0], EV_READ, DEADLINE_NEVER, 0);
}

static void until_parked(pthread_t t)
{
    while (thread_find(t)->wait_kind != WAIT_FD)
        hub_yield();
}

static void open_pair(void)
{
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
}

Test(readiness, data_wakes_all_that_wait_for_it)
{
    runtime_start(1);
    open_pair();
    pthread_t a = go(wait_readable, NULL), b = go(wait_readable, NULL);
    until_parked(a);
    until_parked(b);
    cr_assert_eq(write(pair[1], "x", 1), 1);
    cr_assert_eq((intptr_t)end_of(a), WAKE_UP);
    cr_assert_eq((intptr_t)end_of(b), WAKE_UP);
}

Test(readiness, deadline)
{
    runtime_start(1);
    open_pair();
    cr_assert_eq(readiness_wait(pair[0], EV_READ, deadline_after_ns(1000000), 0), WAKE_TIMEOUT);
}

static void close_under_waiter(int workers)
{
    runtime_start(workers);
    open_pair();
    pthread_t t = go(wait_readable, NULL);
    until_parked(t);
    readiness_forget(pair[0]);
    close(pair[0]);
    /* On another worker it may not have been watched yet: then it wakes to find out. */
    intptr_t reason = (intptr_t)end_of(t);
    cr_assert(reason == WAKE_CLOSED || (workers > 1 && reason == WAKE_UP));
}

Test(readiness, a_descriptor_that_is_not_open_is_ready)
{
    runtime_start(1);
    open_pair();
    close(pair[0]);
    cr_assert_eq(readiness_wait(pair[0], EV_READ, DEADLINE_NEVER, 0), WAKE_UP);
}

Test(readiness, forgetting_wakes_the_waiter)
{
    close_under_waiter(1);
}

Test(readiness, forgetting_wakes_the_waiter_on_another_worker, .timeout = 60)
{
    close_under_waiter(2);
}

Test(readiness, a_number_used_again_is_watched_anew)
{
    runtime_start(1);
    open_pair();
    for (int i = 0; i < 100; i++) {
        pthread_t t = go(wait_readable, NULL);
        until_parked(t);
        cr_assert_eq(write(pair[1], "x", 1), 1);
        cr_assert_eq((intptr_t)end_of(t), WAKE_UP);
        int before = pair[0];
        for (int j = 0; j < 2; j++) {
            readiness_forget(pair[j]);
            close(pair[j]);
        }
        open_pair();
        cr_assert_eq(pair[0], before);
    }
}

Test(readiness, what_cannot_be_polled_is_ready)
{
    runtime_start(1);
    int file = fileno(tmpfile());
    cr_assert_eq(readiness_wait(file, EV_READ, DEADLINE_NEVER, 0), WAKE_UP);
}

static void *be_carried(void *unused)
{
    int here = (int)sys_call(SYS_gettid);
    errno = 7;
    cr_assert_eq(offload_begin(), 0);
    int there = (int)sys_call(SYS_gettid);
    errno = 9;
    usleep(1000);
    offload_end();
    cr_assert_eq(errno, 9);
    cr_assert_eq(sys_call(SYS_gettid), here);
    cr_assert_neq(here, there);
    return unused;
}

Test(offload, carries_the_thread_and_brings_it_back, .timeout = 60)
{
    runtime_start(1);
    pthread_t t[20];
    for (int i = 0; i < 20; i++)
        t[i] = go(be_carried, NULL);
    for (int i = 0; i < 20; i++)
        end_of(t[i]);
}
