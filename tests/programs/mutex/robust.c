/* Robust mutexes whose owner thread ends without unlocking: the next one, waiting or not, is told; consistent or not. */
/* run: */
/* expect:
lock after owner's end: EOWNERDEAD
trylock while inconsistent owner holds: EBUSY
consistent: 0
unlock: 0
lock again: 0
trylock after owner's end: EOWNERDEAD
unlock without consistent: 0
lock: ENOTRECOVERABLE
trylock: ENOTRECOVERABLE
waiters: 1 told, 9 normal
timedlock told: EOWNERDEAD
consistent when not inconsistent: EINVAL
owner by pthread_exit: EOWNERDEAD
recursive robust: EOWNERDEAD
recursive robust relock: 0
owner held three: EOWNERDEAD EOWNERDEAD EOWNERDEAD
unlock by other: EPERM
*/
#include "say.h"

static pthread_mutex_t make(int type)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t mutex;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, type);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    NEED(pthread_mutex_init(&mutex, &attr) == 0);
    return mutex;
}

static void *locks_and_ends(void *mutex)
{
    NEED(pthread_mutex_lock(mutex) == 0);
    return NULL;
}

static void *locks_and_exits(void *mutex)
{
    NEED(pthread_mutex_lock(mutex) == 0);
    pthread_exit(NULL);
}

static void *locks_three(void *mutexes)
{
    for (int i = 0; i < 3; i++)
        NEED(pthread_mutex_lock((pthread_mutex_t *)mutexes + i) == 0);
    return NULL;
}

static void *locks_and_sleeps(void *mutex)
{
    NEED(pthread_mutex_lock(mutex) == 0);
    sleep_ms(60);
    return NULL;
}

static void *tries(void *mutex)
{
    return (void *)(long)pthread_mutex_trylock(mutex);
}

static void *unlocks(void *mutex)
{
    return (void *)(long)pthread_mutex_unlock(mutex);
}

static void *waits(void *mutex)
{
    int error = pthread_mutex_lock(mutex);
    if (error == EOWNERDEAD)
        pthread_mutex_consistent(mutex);
    sched_yield();
    pthread_mutex_unlock(mutex);
    return (void *)(long)error;
}

static void say_error(const char *what, int error)
{
    printf("%s: %s\n", what, error_name(error));
}

static void waiters(void)
{
    pthread_mutex_t m = make(PTHREAD_MUTEX_NORMAL);
    pthread_t owner = start(locks_and_sleeps, &m), threads[10];
    int told = 0, normal = 0;
    sleep_ms(20);
    for (int i = 0; i < 10; i++)
        threads[i] = start(waits, &m);
    for (int i = 0; i < 10; i++) {
        long error = (long)join(threads[i]);
        told += error == EOWNERDEAD;
        normal += error == 0;
    }
    join(owner);
    printf("waiters: %d told, %d normal\n", told, normal);
}

int main(void)
{
    pthread_mutex_t m = make(PTHREAD_MUTEX_NORMAL);
    join(start(locks_and_ends, &m));
    say_error("lock after owner's end", pthread_mutex_lock(&m));
    say_error("trylock while inconsistent owner holds", (int)(long)join(start(tries, &m)));
    say_error("consistent", pthread_mutex_consistent(&m));
    say_error("unlock", pthread_mutex_unlock(&m));
    say_error("lock again", pthread_mutex_lock(&m));
    pthread_mutex_unlock(&m);
    join(start(locks_and_ends, &m));
    say_error("trylock after owner's end", pthread_mutex_trylock(&m));
    say_error("unlock without consistent", pthread_mutex_unlock(&m));
    say_error("lock", pthread_mutex_lock(&m));
    say_error("trylock", pthread_mutex_trylock(&m));
    waiters();

    m = make(PTHREAD_MUTEX_NORMAL);
    pthread_t owner = start(locks_and_sleeps, &m);
    sleep_ms(20);
    struct timespec late = in_ms(CLOCK_REALTIME, 10000);
    say_error("timedlock told", pthread_mutex_timedlock(&m, &late));
    pthread_mutex_consistent(&m);
    say_error("consistent when not inconsistent", pthread_mutex_consistent(&m));
    pthread_mutex_unlock(&m);
    join(owner);
    join(start(locks_and_exits, &m));
    say_error("owner by pthread_exit", pthread_mutex_lock(&m));

    m = make(PTHREAD_MUTEX_RECURSIVE);
    join(start(locks_and_ends, &m));
    say_error("recursive robust", pthread_mutex_lock(&m));
    say_error("recursive robust relock", pthread_mutex_lock(&m));

    pthread_mutex_t three[3] = {make(0), make(0), make(0)};
    join(start(locks_three, three));
    int first = pthread_mutex_lock(&three[0]), second = pthread_mutex_lock(&three[1]);
    printf("owner held three: %s %s %s\n", error_name(first), error_name(second),
           error_name(pthread_mutex_lock(&three[2])));
    say_error("unlock by other", (int)(long)join(start(unlocks, &three[0])));
    return 0;
}
