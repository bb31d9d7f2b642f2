/* pthread_exit from deep within calls: its value reaches the joiner, clean-up handlers run last first. */
/* run: */
/* expect:
value from the depth: 1234
clean-up 3
clean-up 2
clean-up 1
value after clean-up: 5
popped and run: clean-up 8
popped, not run
value: 9
sum over 500 threads: 124750
*/
#include "say.h"

static int depth_reached;

__attribute__((noinline)) static void deep(int depth)
{
    volatile char frame[200];
    frame[0] = depth;
    if (depth == depth_reached)
        pthread_exit((void *)1234L);
    if (depth > 0)
        deep(depth - 1);
    depth_reached = frame[0];
}

static void *goes_deep(void *arg)
{
    deep(100);
    return arg;
}

static void clean_up(void *arg)
{
    printf("clean-up %ld\n", (long)arg);
}

__attribute__((noinline)) static void exit_with_handler(void)
{
    pthread_cleanup_push(clean_up, (void *)3L);
    pthread_exit((void *)5L);
    pthread_cleanup_pop(1);
}

static void *has_handlers(void *arg)
{
    pthread_cleanup_push(clean_up, (void *)1L);
    pthread_cleanup_push(clean_up, (void *)2L);
    exit_with_handler();
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return arg;
}

static void *pops(void *arg)
{
    pthread_cleanup_push(clean_up, (void *)8L);
    printf("popped and run: ");
    pthread_cleanup_pop(1);
    pthread_cleanup_push(clean_up, (void *)7L);
    printf("popped, not run\n");
    pthread_cleanup_pop(0);
    return arg;
}

static void *exits_with(void *arg)
{
    if ((long)arg % 2)
        sched_yield();
    pthread_exit(arg);
}

int main(void)
{
    printf("value from the depth: %ld\n", (long)join(start(goes_deep, NULL)));
    long value = (long)join(start(has_handlers, NULL));
    printf("value after clean-up: %ld\n", value);
    value = (long)join(start(pops, (void *)9L));
    printf("value: %ld\n", value);
    pthread_t threads[500];
    long sum = 0;
    for (long i = 0; i < 500; i++)
        threads[i] = start(exits_with, (void *)i);
    for (int i = 0; i < 500; i++)
        sum += (long)join(threads[i]);
    printf("sum over 500 threads: %ld\n", sum);
    return 0;
}
