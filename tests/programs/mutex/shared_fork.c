/* Process-shared mutex, condition variable, barrier, rwlock and semaphore in shared memory, used by threads of two
   processes; a robust mutex whose owner process dies. */
/* run: */
/* expect:
counter of 2 processes with 4 threads each: 8000
ping-pong over a condition variable: 200
barrier of 2 processes: serial threads 50
semaphore: 100 posted, 100 taken
rwlock, writers of both: 400
timed wait in shared condition variable: ETIMEDOUT
owner process killed: EOWNERDEAD
child's status: 0
*/
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "say.h"

struct shared {
    pthread_mutex_t mutex, robust;
    pthread_cond_t changed;
    pthread_barrier_t barrier;
    pthread_rwlock_t rwlock;
    sem_t semaphore, locked;
    int counter, turn, serial, taken, written;
};

static struct shared *shared;

static void *counts(void *arg)
{
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&shared->mutex);
        shared->counter++;
        if (i % 100 == 0)
            usleep(10);
        pthread_mutex_unlock(&shared->mutex);
    }
    return arg;
}

static void *writes(void *arg)
{
    for (int i = 0; i < 100; i++) {
        pthread_rwlock_wrlock(&shared->rwlock);
        shared->written++;
        pthread_rwlock_unlock(&shared->rwlock);
    }
    return arg;
}

static void play(int me)
{
    for (int i = 0; i < 100; i++) {
        pthread_mutex_lock(&shared->mutex);
        while (shared->turn % 2 != me)
            pthread_cond_wait(&shared->changed, &shared->mutex);
        shared->turn++;
        pthread_cond_broadcast(&shared->changed);
        pthread_mutex_unlock(&shared->mutex);
    }
}

/* What both processes do, the child as 1, the parent as 0. */
static void both(int me)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        threads[i] = start(counts, NULL);
    for (int i = 0; i < 4; i++)
        join(threads[i]);
    play(me);
    for (int i = 0; i < 50; i++)
        if (pthread_barrier_wait(&shared->barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
            __atomic_add_fetch(&shared->serial, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 100; i++)
        if (me == 1)
            sem_post(&shared->semaphore);
        else
            shared->taken += sem_wait(&shared->semaphore) == 0;
    for (int i = 0; i < 2; i++)
        threads[i] = start(writes, NULL);
    for (int i = 0; i < 2; i++)
        join(threads[i]);
}

static void set_up(void)
{
    pthread_mutexattr_t mutex;
    pthread_condattr_t cond;
    pthread_barrierattr_t barrier;
    pthread_rwlockattr_t rwlock;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    NEED(shared != MAP_FAILED);
    pthread_mutexattr_init(&mutex);
    pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&shared->mutex, &mutex);
    pthread_mutexattr_setrobust(&mutex, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&shared->robust, &mutex);
    pthread_condattr_init(&cond);
    pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&shared->changed, &cond);
    pthread_barrierattr_init(&barrier);
    pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&shared->barrier, &barrier, 2);
    pthread_rwlockattr_init(&rwlock);
    pthread_rwlockattr_setpshared(&rwlock, PTHREAD_PROCESS_SHARED);
    pthread_rwlock_init(&shared->rwlock, &rwlock);
    sem_init(&shared->semaphore, 1, 0);
    sem_init(&shared->locked, 1, 0);
}

int main(void)
{
    int status;
    set_up();
    pid_t child = fork();
    NEED(child >= 0);
    both(child == 0);
    if (child == 0)
        _exit(0);
    NEED(waitpid(child, &status, 0) == child);
    printf("counter of 2 processes with 4 threads each: %d\n", shared->counter);
    printf("ping-pong over a condition variable: %d\n", shared->turn);
    printf("barrier of 2 processes: serial threads %d\n", shared->serial);
    printf("semaphore: 100 posted, %d taken\n", shared->taken);
    printf("rwlock, writers of both: %d\n", shared->written);
    pthread_mutex_lock(&shared->mutex);
    struct timespec soon = in_ms(CLOCK_REALTIME, 20);
    printf("timed wait in shared condition variable: %s\n",
           error_name(pthread_cond_timedwait(&shared->changed, &shared->mutex, &soon)));
    pthread_mutex_unlock(&shared->mutex);
    fflush(stdout);

    pid_t owner = fork();
    if (owner == 0) {
        pthread_mutex_lock(&shared->robust);
        sem_post(&shared->locked);
        for (;;)
            pause();
    }
    sem_wait(&shared->locked);
    kill(owner, SIGKILL);
    printf("owner process killed: %s\n", error_name(pthread_mutex_lock(&shared->robust)));
    waitpid(owner, NULL, 0);
    printf("child's status: %d\n", status);
    return 0;
}
