/* Counters under heavy contention, for each kind of mutex and from static initialisers; never two inside. */
/* run: */
/* expect:
normal: 100000, never two inside 1
errorcheck: 100000, never two inside 1
recursive: 100000, never two inside 1
adaptive: 100000, never two inside 1
robust: 100000, never two inside 1
process-shared: 100000, never two inside 1
priority inheritance: 100000, never two inside 1
static recursive: 100000, never two inside 1
static errorcheck: 100000, never two inside 1
static adaptive: 100000, never two inside 1
dining philosophers ate: 5000
*/
#include "say.h"

enum { THREADS = 50, ROUNDS = 2000 };
static long counter;
static int inside, alone;

static void *body(void *arg)
{
    pthread_mutex_t *mutex = arg;
    for (int i = 0; i < ROUNDS; i++) {
        if (pthread_mutex_lock(mutex) != 0)
            return NULL;
        alone &= __atomic_add_fetch(&inside, 1, __ATOMIC_RELAXED) == 1;
        counter++;
        if (i % 50 == 0)
            sched_yield();
        if (i % 1000 == 999)
            usleep(1);
        __atomic_sub_fetch(&inside, 1, __ATOMIC_RELAXED);
        pthread_mutex_unlock(mutex);
    }
    return NULL;
}

static void hammer(const char *name, pthread_mutex_t *mutex)
{
    pthread_t threads[THREADS];
    counter = 0;
    alone = 1;
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(body, mutex);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    printf("%s: %ld, never two inside %d\n", name, counter, alone);
}

static void kind(const char *name, int type, int robust, int shared, int protocol)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t mutex;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, type);
    pthread_mutexattr_setrobust(&attr, robust);
    pthread_mutexattr_setpshared(&attr, shared);
    pthread_mutexattr_setprotocol(&attr, protocol);
    NEED(pthread_mutex_init(&mutex, &attr) == 0);
    hammer(name, &mutex);
    NEED(pthread_mutex_destroy(&mutex) == 0);
}

static pthread_mutex_t forks[10] = {
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
};

static void *dines(void *arg)
{
    int left = (int)(long)arg, right = (left + 1) % 10;
    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(&forks[left < right ? left : right]);
        if (i % 10 == 0)
            sched_yield();
        pthread_mutex_lock(&forks[left < right ? right : left]);
        __atomic_add_fetch(&counter, 1, __ATOMIC_RELAXED);
        pthread_mutex_unlock(&forks[right]);
        pthread_mutex_unlock(&forks[left]);
    }
    return NULL;
}

int main(void)
{
    static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP,
                           errorcheck = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP,
                           adaptive = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
    kind("normal", PTHREAD_MUTEX_NORMAL, 0, 0, 0);
    kind("errorcheck", PTHREAD_MUTEX_ERRORCHECK, 0, 0, 0);
    kind("recursive", PTHREAD_MUTEX_RECURSIVE, 0, 0, 0);
    kind("adaptive", PTHREAD_MUTEX_ADAPTIVE_NP, 0, 0, 0);
    kind("robust", PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, 0, 0);
    kind("process-shared", PTHREAD_MUTEX_NORMAL, 0, PTHREAD_PROCESS_SHARED, 0);
    kind("priority inheritance", PTHREAD_MUTEX_NORMAL, 0, 0, PTHREAD_PRIO_INHERIT);
    hammer("static recursive", &recursive);
    hammer("static errorcheck", &errorcheck);
    hammer("static adaptive", &adaptive);

    pthread_t threads[10];
    counter = 0;
    for (long i = 0; i < 10; i++)
        threads[i] = start(dines, (void *)i);
    for (int i = 0; i < 10; i++)
        join(threads[i]);
    printf("dining philosophers ate: %ld\n", counter);
    return 0;
}
