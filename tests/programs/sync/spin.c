/* Spin locks: counters, trylock, and holders that give the processor away while they hold one. */
/* run: */
/* expect:
counter: 100000
trylock held: EBUSY
trylock free: 0
holder sleeps: 50
own atomic_flag with sched_yield: 20000
*/
#include <stdatomic.h>
#include "say.h"

static pthread_spinlock_t lock;
static atomic_flag flag = ATOMIC_FLAG_INIT;
static long counter;

static void *counts(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        pthread_spin_lock(&lock);
        counter++;
        pthread_spin_unlock(&lock);
    }
    return arg;
}

static void *sleeps_inside(void *arg)
{
    pthread_spin_lock(&lock);
    usleep(100);
    counter++;
    pthread_spin_unlock(&lock);
    return arg;
}

static void *own_lock(void *arg)
{
    for (int i = 0; i < 1000; i++) {
        while (atomic_flag_test_and_set(&flag))
            sched_yield();
        counter++;
        if (i % 100 == 0)
            usleep(1);
        atomic_flag_clear(&flag);
    }
    return arg;
}

static void *tries(void *arg)
{
    (void)arg;
    return (void *)(long)pthread_spin_trylock(&lock);
}

static long run(int count, void *(*body)(void *))
{
    pthread_t threads[50];
    counter = 0;
    for (int i = 0; i < count; i++)
        threads[i] = start(body, NULL);
    for (int i = 0; i < count; i++)
        join(threads[i]);
    return counter;
}

int main(void)
{
    pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE);
    printf("counter: %ld\n", run(50, counts));
    pthread_spin_lock(&lock);
    printf("trylock held: %s\n", error_name((int)(long)join(start(tries, NULL))));
    pthread_spin_unlock(&lock);
    printf("trylock free: %s\n", error_name((int)(long)join(start(tries, NULL))));
    pthread_spin_unlock(&lock);
    printf("holder sleeps: %ld\n", run(50, sleeps_inside));
    printf("own atomic_flag with sched_yield: %ld\n", run(20, own_lock));
    pthread_spin_destroy(&lock);
    return 0;
}
