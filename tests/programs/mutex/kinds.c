/* What each kind of mutex answers to relock, trylock, unlock by another and unlock of what is unlocked; attributes. */
/* run: */
/* expect:
normal: lock 0, trylock own EBUSY, trylock other EBUSY, unlock 0
errorcheck: lock 0, relock EDEADLK, trylock own EBUSY, unlock by other EPERM, unlock 0, unlock again EPERM
recursive: lock 0, relock 0, trylock own 0, unlock by other EPERM, trylock other EBUSY
recursive: unlock 0 0 0, unlock again EPERM, trylock other 0
adaptive: lock 0, trylock own EBUSY, trylock other EBUSY, unlock 0
type gotten: 0 1 2 3, bad EINVAL
default type: 0, default shared: 0, default protocol: 0, default robust: 0
destroy locked: EBUSY, destroy unlocked: 0
timedlock own errorcheck: EDEADLK
timedlock own recursive: 0
*/
#include "say.h"

static void *try_other(void *mutex)
{
    int error = pthread_mutex_trylock(mutex);
    if (error == 0)
        pthread_mutex_unlock(mutex);
    return (void *)(long)error;
}

static void *unlock_other(void *mutex)
{
    return (void *)(long)pthread_mutex_unlock(mutex);
}

static const char *by_other(void *(*body)(void *), pthread_mutex_t *mutex)
{
    return error_name((int)(long)join(start(body, mutex)));
}

static const char *trylock(pthread_mutex_t *m)
{
    return error_name(pthread_mutex_trylock(m));
}

static const char *lock(pthread_mutex_t *m)
{
    return error_name(pthread_mutex_lock(m));
}

static const char *unlock(pthread_mutex_t *m)
{
    return error_name(pthread_mutex_unlock(m));
}

static pthread_mutex_t of_type(int type)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t mutex;
    pthread_mutexattr_init(&attr);
    NEED(pthread_mutexattr_settype(&attr, type) == 0 && pthread_mutex_init(&mutex, &attr) == 0);
    pthread_mutexattr_destroy(&attr);
    return mutex;
}

static void normal(const char *name, int type)
{
    pthread_mutex_t m = of_type(type);
    printf("%s: lock %s, ", name, lock(&m));
    printf("trylock own %s, trylock other %s, ", trylock(&m), by_other(try_other, &m));
    printf("unlock %s\n", unlock(&m));
}

static void errorcheck(void)
{
    pthread_mutex_t m = of_type(PTHREAD_MUTEX_ERRORCHECK);
    struct timespec soon = in_ms(CLOCK_REALTIME, 1000);
    printf("errorcheck: lock %s, ", lock(&m));
    printf("relock %s, trylock own %s, unlock by other %s, ", lock(&m), trylock(&m), by_other(unlock_other, &m));
    printf("unlock %s, ", unlock(&m));
    printf("unlock again %s\n", unlock(&m));
    lock(&m);
    NEED(pthread_mutex_timedlock(&m, &soon) == EDEADLK);
}

static void recursive(void)
{
    pthread_mutex_t m = of_type(PTHREAD_MUTEX_RECURSIVE);
    printf("recursive: lock %s, ", lock(&m));
    printf("relock %s, ", lock(&m));
    printf("trylock own %s, ", trylock(&m));
    printf("unlock by other %s, trylock other %s\n", by_other(unlock_other, &m), by_other(try_other, &m));
    const char *first = unlock(&m), *second = unlock(&m), *third = unlock(&m);
    printf("recursive: unlock %s %s %s, ", first, second, third);
    printf("unlock again %s, trylock other %s\n", unlock(&m), by_other(try_other, &m));
}

static void attributes(void)
{
    pthread_mutexattr_t attr;
    int types[4], shared, protocol, robust, type;
    for (int i = 0; i < 4; i++) {
        pthread_mutexattr_init(&attr);
        pthread_mutexattr_settype(&attr, i);
        pthread_mutexattr_gettype(&attr, &types[i]);
    }
    printf("type gotten: %d %d %d %d, bad %s\n", types[0], types[1], types[2], types[3],
           error_name(pthread_mutexattr_settype(&attr, 17)));
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_gettype(&attr, &type);
    pthread_mutexattr_getpshared(&attr, &shared);
    pthread_mutexattr_getprotocol(&attr, &protocol);
    pthread_mutexattr_getrobust(&attr, &robust);
    printf("default type: %d, default shared: %d, default protocol: %d, default robust: %d\n", type, shared, protocol,
           robust);
}

int main(void)
{
    normal("normal", PTHREAD_MUTEX_NORMAL);
    errorcheck();
    recursive();
    normal("adaptive", PTHREAD_MUTEX_ADAPTIVE_NP);
    attributes();
    pthread_mutex_t m = of_type(PTHREAD_MUTEX_NORMAL);
    lock(&m);
    int locked = pthread_mutex_destroy(&m);
    unlock(&m);
    printf("destroy locked: %s, destroy unlocked: %s\n", error_name(locked), error_name(pthread_mutex_destroy(&m)));
    struct timespec soon = in_ms(CLOCK_REALTIME, 1000);
    m = of_type(PTHREAD_MUTEX_ERRORCHECK);
    lock(&m);
    printf("timedlock own errorcheck: %s\n", error_name(pthread_mutex_timedlock(&m, &soon)));
    m = of_type(PTHREAD_MUTEX_RECURSIVE);
    lock(&m);
    printf("timedlock own recursive: %s\n", error_name(pthread_mutex_timedlock(&m, &soon)));
    return 0;
}
