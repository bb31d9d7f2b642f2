/* Threads that wait for each other by sched_yield alone come forward, also when what they wait for comes over a pipe,
   by a timer or from a new thread; a yielding thread does not keep timers and descriptors from being served. */
/* run: */
/* expect:
turns by yielding: 1000
until a sleeper is over: 1
until a byte comes: 1
until a new thread ran: 1
poll with time-out 0 instead: 1
usleep(0) instead: 1
pthread_yield's result: 0
*/
#include <fcntl.h>
#include <poll.h>
#include "say.h"

static volatile int turn, flag;
static int pipe_ends[2];

static void *takes_turns(void *arg)
{
    int me = (int)(long)arg;
    for (int i = 0; i < 100; i++) {
        while (turn % 10 != me)
            sched_yield();
        turn++;
    }
    return NULL;
}

static void *sleeps(void *arg)
{
    sleep_ms(10);
    flag = 1;
    return arg;
}

static void *reads(void *arg)
{
    char byte;
    NEED(read(pipe_ends[0], &byte, 1) == 1);
    flag = 1;
    return arg;
}

static void *sets(void *arg)
{
    flag = 1;
    return arg;
}

int main(void)
{
    pthread_t threads[10];
    NEED(pipe(pipe_ends) == 0);
    for (long i = 0; i < 10; i++)
        threads[i] = start(takes_turns, (void *)i);
    for (int i = 0; i < 10; i++)
        join(threads[i]);
    printf("turns by yielding: %d\n", turn);

    pthread_t thread = start(sleeps, NULL);
    while (!flag)
        sched_yield();
    join(thread);
    printf("until a sleeper is over: %d\n", flag);

    flag = 0;
    thread = start(reads, NULL);
    sched_yield();
    NEED(write(pipe_ends[1], "x", 1) == 1);
    while (!flag)
        sched_yield();
    join(thread);
    printf("until a byte comes: %d\n", flag);

    flag = 0;
    thread = start(sets, NULL);
    while (!flag)
        sched_yield();
    join(thread);
    printf("until a new thread ran: %d\n", flag);

    flag = 0;
    thread = start(sleeps, NULL);
    while (!flag)
        poll(NULL, 0, 0);
    join(thread);
    printf("poll with time-out 0 instead: %d\n", flag);
    flag = 0;
    thread = start(sleeps, NULL);
    while (!flag)
        usleep(0);
    join(thread);
    printf("usleep(0) instead: %d\n", flag);
    printf("pthread_yield's result: %d\n", sched_yield());
    return 0;
}
