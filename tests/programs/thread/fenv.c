/* The floating-point environment (rounding, exception flags and masks, x87 and SSE) belongs to each thread, over all kinds of
   waits; a new thread has its creator's. */
/* run: libs=-lm; cflags=-frounding-math */
/* expect:
rounding kept by 100 threads: 100
sums as rounded: 100
flags kept: 100
new thread has its creator's rounding: 1
long double kept: 100
main rounds to nearest: 1
*/
#include <fenv.h>
#include <math.h>
#include "say.h"

static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
static int kept, right, flags, long_kept, ends[2];
static pthread_barrier_t all;

static volatile double one = 1.0, three = 3.0, zero = 0.0, infinite;
static volatile long double long_one = 1.0L, long_three = 3.0L;

/* What 1/3 is in that mode, computed without a wait in between. */
static double third(void)
{
    return one / three;
}

static void add(int *sum, int n)
{
    __atomic_add_fetch(sum, n, __ATOMIC_RELAXED);
}

static void *body(void *arg)
{
    int number = (int)(long)arg, mode = modes[number % 4], ok = 1, ok_long = 1;
    char byte;
    fesetround(mode);
    feclearexcept(FE_ALL_EXCEPT);
    double expected = third();
    long double expected_long = long_one / long_three;
    if (number % 2)
        infinite = one / zero;
    int raised = fetestexcept(FE_DIVBYZERO);
    for (int i = 0; i < 10; i++) {
        if (i % 3 == 0)
            sched_yield();
        else if (i % 3 == 1)
            usleep(100);
        else
            pthread_barrier_wait(&all);
        ok &= third() == expected && fegetround() == mode;
        ok_long &= long_one / long_three == expected_long;
    }
    NEED(write(ends[1], "x", 1) == 1 && read(ends[0], &byte, 1) == 1);
    add(&kept, fegetround() == mode);
    add(&right, ok);
    add(&long_kept, ok_long);
    add(&flags, fetestexcept(FE_DIVBYZERO) == raised && (raised != 0) == (number % 2 != 0));
    return NULL;
}

static void *looks(void *arg)
{
    (void)arg;
    return (void *)(long)(fegetround() == FE_UPWARD);
}

static void *creates(void *arg)
{
    (void)arg;
    fesetround(FE_UPWARD);
    return join(start(looks, NULL));
}

int main(void)
{
    pthread_t threads[100];
    NEED(pipe(ends) == 0);
    pthread_barrier_init(&all, NULL, 100);
    for (long i = 0; i < 100; i++)
        threads[i] = start(body, (void *)i);
    for (int i = 0; i < 100; i++)
        join(threads[i]);
    printf("rounding kept by 100 threads: %d\nsums as rounded: %d\nflags kept: %d\n", kept, right, flags);
    printf("new thread has its creator's rounding: %ld\n", (long)join(start(creates, NULL)));
    printf("long double kept: %d\n", long_kept);
    printf("main rounds to nearest: %d\n", fegetround() == FE_TONEAREST);
    return 0;
}
