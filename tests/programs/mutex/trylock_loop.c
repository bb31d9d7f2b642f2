/* Busy loops on trylock, with and without sched_yield: the holder, which waits in between, must come to run. */
/* run: */
/* expect:
pthread_mutex_trylock loop: got it
with sched_yield: got it
sem_trywait loop: got it
pthread_rwlock_tryrdlock loop: got it
pthread_spin_trylock loop: got it
20 loops at once: 20
*/
#include <semaphore.h>
#include "say.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spin;
static sem_t posted, is_held;
static int got;

static void *holds(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&mutex);
    pthread_rwlock_wrlock(&rwlock);
    pthread_spin_lock(&spin);
    sem_post(&is_held);
    sleep_ms(20);
    pthread_mutex_unlock(&mutex);
    sleep_ms(5);
    pthread_rwlock_unlock(&rwlock);
    sleep_ms(5);
    pthread_spin_unlock(&spin);
    sleep_ms(5);
    sem_post(&posted);
    return NULL;
}

static void *loops(void *arg)
{
    while (pthread_mutex_trylock(&mutex) == EBUSY)
        ;
    got++;
    if ((long)arg % 2)
        usleep(10);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static pthread_t start_holder(void)
{
    pthread_t thread = start(holds, NULL);
    sem_wait(&is_held);
    return thread;
}

int main(void)
{
    pthread_t threads[20];
    sem_init(&posted, 0, 0);
    sem_init(&is_held, 0, 0);
    pthread_spin_init(&spin, 0);

    pthread_t holder = start_holder();
    while (pthread_mutex_trylock(&mutex) == EBUSY)
        ;
    pthread_mutex_unlock(&mutex);
    printf("pthread_mutex_trylock loop: got it\n");
    join(holder);
    sem_wait(&posted);

    holder = start_holder();
    while (pthread_mutex_trylock(&mutex) == EBUSY)
        sched_yield();
    pthread_mutex_unlock(&mutex);
    printf("with sched_yield: got it\n");
    while (sem_trywait(&posted) == -1)
        ;
    printf("sem_trywait loop: got it\n");
    join(holder);

    holder = start_holder();
    while (pthread_rwlock_tryrdlock(&rwlock) == EBUSY)
        ;
    printf("pthread_rwlock_tryrdlock loop: got it\n");
    pthread_rwlock_unlock(&rwlock);
    while (pthread_spin_trylock(&spin) == EBUSY)
        ;
    printf("pthread_spin_trylock loop: got it\n");
    pthread_spin_unlock(&spin);
    join(holder);

    pthread_mutex_lock(&mutex);
    for (long i = 0; i < 20; i++)
        threads[i] = start(loops, (void *)i);
    sleep_ms(10);
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < 20; i++)
        join(threads[i]);
    printf("20 loops at once: %d\n", got);
    return 0;
}
