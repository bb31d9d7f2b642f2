/* Barriers: all arrive before any leaves, exactly one serial thread a round, used again at once, errors. */
/* run: */
/* expect:
2 threads, 1000 rounds: serial 1000, left early 0
10 threads, 1000 rounds: serial 1000, left early 0
100 threads, 50 rounds: serial 50, left early 0
count 0: EINVAL
count 1: PTHREAD_BARRIER_SERIAL_THREAD 1
destroy: 0
destroyed by the serial thread at once: 100
*/
#include "say.h"

static pthread_barrier_t barrier;
static int arrived, serial, early, rounds, members;

static void *body(void *arg)
{
    for (int round = 1; round <= rounds; round++) {
        __atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
        int result = pthread_barrier_wait(&barrier);
        NEED(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
        if (__atomic_load_n(&arrived, __ATOMIC_SEQ_CST) < round * members)
            __atomic_add_fetch(&early, 1, __ATOMIC_RELAXED);
        if (result == PTHREAD_BARRIER_SERIAL_THREAD)
            __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED);
    }
    return arg;
}

static void run(int count, int times)
{
    pthread_t threads[100];
    members = count;
    rounds = times;
    arrived = serial = early = 0;
    NEED(pthread_barrier_init(&barrier, NULL, count) == 0);
    for (int i = 0; i < count; i++)
        threads[i] = start(body, NULL);
    for (int i = 0; i < count; i++)
        join(threads[i]);
    NEED(pthread_barrier_destroy(&barrier) == 0);
    printf("%d threads, %d rounds: serial %d, left early %d\n", count, times, serial, early);
}

static void *meets_once(void *arg)
{
    if (pthread_barrier_wait(arg) != PTHREAD_BARRIER_SERIAL_THREAD)
        return NULL;
    pthread_barrier_destroy(arg);
    memset(arg, 0xff, sizeof(pthread_barrier_t));
    free(arg);
    return (void *)1L;
}

int main(void)
{
    run(2, 1000);
    run(10, 1000);
    run(100, 50);
    printf("count 0: %s\n", error_name(pthread_barrier_init(&barrier, NULL, 0)));
    pthread_barrier_init(&barrier, NULL, 1);
    printf("count 1: PTHREAD_BARRIER_SERIAL_THREAD %d\n",
           pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD);
    printf("destroy: %s\n", error_name(pthread_barrier_destroy(&barrier)));
    int destroyed = 0;
    for (int i = 0; i < 100; i++) {
        pthread_barrier_t *one = malloc(sizeof *one);
        pthread_t threads[5];
        pthread_barrier_init(one, NULL, 5);
        for (int j = 0; j < 5; j++)
            threads[j] = start(meets_once, one);
        for (int j = 0; j < 5; j++)
            destroyed += join(threads[j]) != NULL;
    }
    printf("destroyed by the serial thread at once: %d\n", destroyed);
    return 0;
}
