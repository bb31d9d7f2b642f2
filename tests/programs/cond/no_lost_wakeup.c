/* Strict turns handed round a ring of threads by signal: one lost wake-up and the program hangs. Pairs at full speed,
   rings, and signals that race with time-outs. */
/* run: timeout=60 */
/* expect:
pair: 40000
ring of 100: 20000
signals against time-outs: 2000
*/
#include "say.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_is[100];
static int turn, members, rounds;
static long passed;

static void *member(void *arg)
{
    int me = (int)(long)arg;
    for (int i = 0; i < rounds; i++) {
        pthread_mutex_lock(&lock);
        while (turn != me)
            pthread_cond_wait(&turn_is[me], &lock);
        passed++;
        turn = (me + 1) % members;
        pthread_cond_signal(&turn_is[turn]);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void ring(const char *name, int size, int times)
{
    pthread_t threads[100];
    members = size;
    rounds = times;
    passed = turn = 0;
    for (long i = 0; i < size; i++)
        threads[i] = start(member, (void *)i);
    for (int i = 0; i < size; i++)
        join(threads[i]);
    printf("%s: %ld\n", name, passed);
}

static int tokens, taken;

static void *takes(void *arg)
{
    for (int i = 0; i < 200; i++) {
        pthread_mutex_lock(&lock);
        while (tokens == 0) {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            now.tv_nsec += (i * 7919) % 50000;
            if (now.tv_nsec >= 1000000000)
                now = (struct timespec){now.tv_sec + 1, now.tv_nsec - 1000000000};
            pthread_cond_timedwait(&turn_is[0], &lock, &now);
        }
        tokens--;
        taken++;
        pthread_mutex_unlock(&lock);
    }
    return arg;
}

int main(void)
{
    pthread_t threads[10];
    for (int i = 0; i < 100; i++)
        pthread_cond_init(&turn_is[i], NULL);
    ring("pair", 2, 20000);
    ring("ring of 100", 100, 200);
    for (int i = 0; i < 10; i++)
        threads[i] = start(takes, NULL);
    for (int i = 0; i < 2000; i++) {
        pthread_mutex_lock(&lock);
        tokens++;
        pthread_cond_signal(&turn_is[0]);
        pthread_mutex_unlock(&lock);
        if (i % 10 == 0)
            sched_yield();
    }
    for (int i = 0; i < 10; i++)
        join(threads[i]);
    printf("signals against time-outs: %d\n", taken);
    return 0;
}
