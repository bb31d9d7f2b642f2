/* Green threads: their TLS, stacks and ends. */
#include "tests/unit/runtime.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "runtime/registry.h"
#include "runtime/stack.h"

static __thread int variable = 5;

static void *use_tls(void *argument)
{
    int expected = (int)(intptr_t)argument;
    cr_assert_eq(variable, 5);
    cr_assert_eq(errno, 0);
    variable = errno = expected;
    hub_yield();
    cr_assert_eq(variable, expected);
    cr_assert_eq(errno, expected);
    return argument;
}

Test(thread, each_has_tls_of_its_own_as_new)
{
    runtime_start(1);
    pthread_t t[50];
    for (intptr_t i = 0; i < 50; i++)
        t[i] = go(use_tls, (void *)(i + 1));
    for (intptr_t i = 0; i < 50; i++)
        cr_assert_eq(end_of(t[i]), (void *)(i + 1));
    cr_assert_eq(variable, 5);
}

static void *tell_stack(void *out)
{
    *(char **)out = __builtin_frame_address(0);
    return NULL;
}

Test(thread, runs_on_its_own_stack)
{
    runtime_start(1);
    char *local;
    pthread_t t = go(tell_stack, &local);
    struct green *g = thread_find(t);
    end_of(t);
    cr_assert(local >= g->stack_low && local < g->stack_low + g->stack_size_bytes);
    cr_assert(stack_is_guard(g, g->map_low));
    cr_assert_not(stack_is_guard(g, local));
}

Test(thread, runs_on_the_callers_memory)
{
    static char memory[2][64 * 1024] __attribute__((aligned(64)));
    runtime_start(1);
    for (int i = 0; i < 4; i++) {
        char *low = memory[i % 2], *local;
        pthread_attr_t attr;
        pthread_attr_init(&attr);
        pthread_attr_setstack(&attr, low, sizeof(memory[0]));
        pthread_t t;
        cr_assert_eq(thread_create(&t, &attr, tell_stack, &local), 0);
        cr_assert_eq(thread_find(t)->stack_low, low);
        cr_assert_eq(thread_find(t)->stack_size_bytes, sizeof(memory[0]));
        end_of(t);
        cr_assert(local >= low && local < low + sizeof(memory[0]));
    }
}

Test(thread, join_says_what_is_wrong)
{
    runtime_start(1);
    cr_assert_eq(thread_join(pthread_self(), NULL, DEADLINE_NEVER), EDEADLK);
    cr_assert_eq(thread_join((pthread_t)0x1234, NULL, DEADLINE_NEVER), ESRCH);
    pthread_t t = go(use_tls, NULL);
    cr_assert_eq(thread_try_join(t, NULL), EBUSY);
    cr_assert_eq(thread_detach(t), 0);
    cr_assert_eq(thread_join(t, NULL, DEADLINE_NEVER), EINVAL);
}

Test(thread, a_joined_handle_is_known_to_be_stale)
{
    runtime_start(1);
    pthread_t t = go(use_tls, NULL);
    end_of(t);
    cr_assert_null(thread_find(t));
    cr_assert_eq(thread_join(t, NULL, DEADLINE_NEVER), ESRCH);
}

static void *nothing(void *argument)
{
    return argument;
}

Test(thread, ended_threads_leave_their_stack_to_the_next)
{
    runtime_start(1);
    pthread_t first = go(nothing, NULL);
    end_of(first);
    for (int i = 0; i < 1000; i++) {
        pthread_t t = go(nothing, NULL);
        cr_assert_eq(t, first);
        end_of(t);
    }
}

Test(thread, detached_threads_are_recycled_by_two_workers, .timeout = 60)
{
    runtime_start(2);
    for (int i = 0; i < 20000; i++) {
        pthread_t t = go(nothing, NULL);
        cr_assert_eq(thread_detach(t), 0);
        if (i % 64 == 0)
            hub_yield();
    }
    while (atomic_load(&thread_live_count) > 1)
        hub_yield();
}

Test(stack, without_memory_take_fails_and_nothing_else)
{
    runtime_start(1);
    cr_assert_null(stack_take((size_t)1 << 60, 4096));
    cr_assert_null(stack_take(SIZE_MAX - 4096, 4096));
    end_of(go(nothing, NULL));
}

Test(registry, finds_what_is_in_it_after_any_removal)
{
    enum { N = 3000 };
    static struct green greens[N];
    static char tcbs[N * 64];
    for (int i = 0; i < N; i++) {
        greens[i].tcb = tcbs + i * 64;
        cr_assert_eq(registry_add(&greens[i]), 0);
    }
    for (int i = 0; i < N; i += 3)
        registry_remove(&greens[i]);
    for (int i = 0; i < N; i++)
        cr_assert_eq(registry_find(tcbs + i * 64), i % 3 ? &greens[i] : NULL);
}
