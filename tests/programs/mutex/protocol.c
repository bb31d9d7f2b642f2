/* Priority inheritance and priority ceiling mutexes behave as mutexes; attributes come back as set. */
/* run: */
/* expect:
inherit: trylock other EBUSY, relock errorcheck EDEADLK, timedlock other ETIMEDOUT
inherit: waited for: 20
inherit robust: EOWNERDEAD, then consistent 0
protect: protocol 2, ceiling 10
bad protocol: EINVAL
bad ceiling: EINVAL
*/
#include "say.h"

static int count;

static void *tries(void *mutex)
{
    return (void *)(long)pthread_mutex_trylock(mutex);
}

static void *waits_a_little(void *mutex)
{
    struct timespec soon = in_ms(CLOCK_REALTIME, 20);
    return (void *)(long)pthread_mutex_timedlock(mutex, &soon);
}

static void *waits(void *mutex)
{
    pthread_mutex_lock(mutex);
    count++;
    usleep(100);
    pthread_mutex_unlock(mutex);
    return NULL;
}

static void *locks_and_ends(void *mutex)
{
    pthread_mutex_lock(mutex);
    return NULL;
}

static const char *by_other(void *(*body)(void *), pthread_mutex_t *mutex)
{
    return error_name((int)(long)join(start(body, mutex)));
}

int main(void)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t m;
    pthread_t threads[20];
    int protocol, ceiling;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    NEED(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT) == 0);
    NEED(pthread_mutex_init(&m, &attr) == 0);
    NEED(pthread_mutex_lock(&m) == 0);
    printf("inherit: trylock other %s, relock errorcheck %s, ", by_other(tries, &m),
           error_name(pthread_mutex_lock(&m)));
    printf("timedlock other %s\n", by_other(waits_a_little, &m));
    for (int i = 0; i < 20; i++)
        threads[i] = start(waits, &m);
    sleep_ms(20);
    pthread_mutex_unlock(&m);
    for (int i = 0; i < 20; i++)
        join(threads[i]);
    printf("inherit: waited for: %d\n", count);

    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    NEED(pthread_mutex_init(&m, &attr) == 0);
    join(start(locks_and_ends, &m));
    int error = pthread_mutex_lock(&m);
    printf("inherit robust: %s, then consistent %s\n", error_name(error), error_name(pthread_mutex_consistent(&m)));

    pthread_mutexattr_init(&attr);
    NEED(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_PROTECT) == 0);
    NEED(pthread_mutexattr_setprioceiling(&attr, 10) == 0);
    pthread_mutexattr_getprotocol(&attr, &protocol);
    NEED(pthread_mutex_init(&m, &attr) == 0);
    NEED(pthread_mutex_getprioceiling(&m, &ceiling) == 0);
    printf("protect: protocol %d, ceiling %d\n", protocol, ceiling);
    printf("bad protocol: %s\n", error_name(pthread_mutexattr_setprotocol(&attr, 9)));
    printf("bad ceiling: %s\n", error_name(pthread_mutexattr_setprioceiling(&attr, 100000)));
    return 0;
}
