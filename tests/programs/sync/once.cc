// pthread_once: one runs, the others wait until it is over; also over waits within, after an exception, after
// pthread_exit of the one that runs, and one within another.
/* run: */
/* expect:
runs: 1, returned before its end: 0
after an exception: thrown 1, runs 2
after pthread_exit: runs 2
nested: outer 1, inner 1
many onces by many threads: 100
*/
#include "say.h"

static pthread_once_t slow = PTHREAD_ONCE_INIT, throwing = PTHREAD_ONCE_INIT, exiting = PTHREAD_ONCE_INIT,
                      outer = PTHREAD_ONCE_INIT, inner = PTHREAD_ONCE_INIT;
static pthread_once_t many[100];
static int runs, over, early, thrown, outers, inners, total;

static void run_slowly()
{
    sleep_ms(20);
    runs++;
    over = 1;
}

static void throw_once()
{
    usleep(1000);
    if (++runs == 1)
        throw 1;
}

static void exit_once()
{
    usleep(1000);
    if (++runs == 1)
        pthread_exit(nullptr);
}

static void run_inner()
{
    usleep(100);
    inners++;
}

static void run_outer()
{
    usleep(100);
    pthread_once(&inner, run_inner);
    outers++;
}

static void count()
{
    sched_yield();
    __atomic_add_fetch(&total, 1, __ATOMIC_RELAXED);
}

static void *calls_slow(void *)
{
    pthread_once(&slow, run_slowly);
    if (!over)
        __atomic_add_fetch(&early, 1, __ATOMIC_RELAXED);
    return nullptr;
}

static void *calls_throwing(void *)
{
    try {
        pthread_once(&throwing, throw_once);
    } catch (int) {
        thrown++;
    }
    return nullptr;
}

static void *calls_exiting(void *)
{
    pthread_once(&exiting, exit_once);
    return nullptr;
}

static void *calls_nested(void *)
{
    pthread_once(&outer, run_outer);
    return nullptr;
}

static void *calls_many(void *)
{
    for (auto &each : many)
        pthread_once(&each, count);
    return nullptr;
}

static void run(int threads, void *(*body)(void *))
{
    pthread_t all[50];
    runs = 0;
    for (int i = 0; i < threads; i++)
        all[i] = start(body, nullptr);
    for (int i = 0; i < threads; i++)
        join(all[i]);
}

int main()
{
    run(20, calls_slow);
    printf("runs: %d, returned before its end: %d\n", runs, early);
    run(20, calls_throwing);
    printf("after an exception: thrown %d, runs %d\n", thrown, runs);
    run(20, calls_exiting);
    printf("after pthread_exit: runs %d\n", runs);
    run(20, calls_nested);
    printf("nested: outer %d, inner %d\n", outers, inners);
    run(20, calls_many);
    printf("many onces by many threads: %d\n", total);
    return 0;
}
