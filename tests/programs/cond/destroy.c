/* POSIX lets a condition variable be destroyed, and its memory reused, as soon as all waiters were told by broadcast,
   although they may not have returned yet; the same for a mutex just unlocked by the last user, and a semaphore. */
/* run: */
/* expect:
rounds: 300, woken 3000
refcounted mutexes freed by the last user: 1000
semaphores gone right after the wait: 1000
*/
#include <semaphore.h>
#include "say.h"

struct meeting {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int waiting, open, users;
};

static int woken, freed;

static void *attends(void *arg)
{
    struct meeting *meeting = arg;
    pthread_mutex_lock(&meeting->lock);
    meeting->waiting++;
    while (!meeting->open)
        pthread_cond_wait(&meeting->changed, &meeting->lock);
    pthread_mutex_unlock(&meeting->lock);
    __atomic_add_fetch(&woken, 1, __ATOMIC_RELAXED);
    return NULL;
}

static void meet(void)
{
    pthread_t threads[10];
    struct meeting *meeting = calloc(1, sizeof *meeting);
    pthread_mutex_init(&meeting->lock, NULL);
    pthread_cond_init(&meeting->changed, NULL);
    for (int i = 0; i < 10; i++)
        threads[i] = start(attends, meeting);
    for (int there = 0; there < 10; sched_yield()) {
        pthread_mutex_lock(&meeting->lock);
        there = meeting->waiting;
        pthread_mutex_unlock(&meeting->lock);
    }
    pthread_mutex_lock(&meeting->lock);
    meeting->open = 1;
    pthread_cond_broadcast(&meeting->changed);
    pthread_mutex_unlock(&meeting->lock);
    pthread_cond_destroy(&meeting->changed);
    memset(&meeting->changed, 0xff, sizeof meeting->changed);
    for (int i = 0; i < 10; i++)
        join(threads[i]);
    pthread_mutex_destroy(&meeting->lock);
    free(meeting);
}

static void *uses(void *arg)
{
    struct meeting *meeting = arg;
    pthread_mutex_lock(&meeting->lock);
    int left = --meeting->users;
    pthread_mutex_unlock(&meeting->lock);
    if (left == 0) {
        pthread_mutex_destroy(&meeting->lock);
        memset(meeting, 0xff, sizeof *meeting);
        free(meeting);
        __atomic_add_fetch(&freed, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void *posts(void *arg)
{
    sem_post(arg);
    return NULL;
}

int main(void)
{
    int rounds = 0, gone = 0;
    for (; rounds < 300; rounds++)
        meet();
    printf("rounds: %d, woken %d\n", rounds, woken);
    for (int i = 0; i < 1000; i++) {
        struct meeting *meeting = calloc(1, sizeof *meeting);
        pthread_mutex_init(&meeting->lock, NULL);
        meeting->users = 2;
        pthread_t one = start(uses, meeting), two = start(uses, meeting);
        join(one);
        join(two);
    }
    printf("refcounted mutexes freed by the last user: %d\n", freed);
    for (int i = 0; i < 1000; i++) {
        sem_t *semaphore = malloc(sizeof *semaphore);
        sem_init(semaphore, 0, 0);
        pthread_t thread = start(posts, semaphore);
        sem_wait(semaphore);
        sem_destroy(semaphore);
        join(thread); /* its sem_post may still be at work: glibc allows destroy, the memory stays until it is over */
        memset(semaphore, 0xff, sizeof *semaphore);
        free(semaphore);
        gone++;
    }
    printf("semaphores gone right after the wait: %d\n", gone);
    return 0;
}
