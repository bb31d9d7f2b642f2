/* Two threads take turns by sched_yield. Prints nanoseconds for each switch that happened.
 *
 * Natively a sched_yield may return to its caller at once, so it is the changes of turn that are counted, not the calls. */
#include <sched.h>

#include "bench.h"

static pthread_barrier_t both_here;
static volatile int last; /* who ran last; the two run on one core */
static volatile long switches;
static long wanted;

static void *take_turns(void *me)
{
    pthread_barrier_wait(&both_here);
    while (switches < wanted) {
        if (last != (int)(intptr_t)me) {
            last = (int)(intptr_t)me;
            switches++;
        }
        sched_yield();
    }
    return NULL;
}

int main(int argc, char **argv)
{
    wanted = argc > 1 ? atol(argv[1]) : 1000000;
    pthread_barrier_init(&both_here, NULL, 3);
    pthread_t one = start_thread(take_turns, (void *)1);
    pthread_t two = start_thread(take_turns, (void *)2);
    pthread_barrier_wait(&both_here);
    int64_t begin = now_ns();
    pthread_join(one, NULL);
    pthread_join(two, NULL);
    printf("%.1f\n", (double)(now_ns() - begin) / (double)switches);
    return 0;
}
