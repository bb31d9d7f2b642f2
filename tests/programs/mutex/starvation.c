/* Nobody starves: not who waits for a lock that another takes again at once, nor who shall set a flag that another looks at under a
   lock, nor who shall post one of many process-shared semaphores that others wait for. */
/* run: */
/* expect:
mutex taken again and again: the other got it
semaphore taken again and again: the other got it
rwlock taken again and again: the other got it
looking at a flag under a lock: it was set
signalling until somebody waits: somebody did
20 waiters of a shared semaphore: 20 went through
*/
#include <semaphore.h>
#include "say.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t token, shared;
static int got, through;

static void take_mutex(void)
{
    pthread_mutex_lock(&lock);
}

static void give_mutex(void)
{
    pthread_mutex_unlock(&lock);
}

static void take_token(void)
{
    sem_wait(&token);
}

static void give_token(void)
{
    sem_post(&token);
}

static void take_rwlock(void)
{
    pthread_rwlock_wrlock(&rwlock);
}

static void give_rwlock(void)
{
    pthread_rwlock_unlock(&rwlock);
}

struct kind {
    const char *name;
    void (*take)(void), (*give)(void);
};

static void *takes_once(void *kind)
{
    ((const struct kind *)kind)->take();
    __atomic_store_n(&got, 1, __ATOMIC_SEQ_CST);
    ((const struct kind *)kind)->give();
    return NULL;
}

/* Holds it while it sleeps, and is without it for an instant only. */
static void hog(const struct kind *kind)
{
    got = 0;
    kind->take();
    pthread_t other = start(takes_once, (void *)kind);
    for (int i = 0; i < 5000 && !__atomic_load_n(&got, __ATOMIC_SEQ_CST); i++) {
        sleep_ms(1);
        kind->give();
        kind->take();
    }
    printf("%s taken again and again: the other %s\n", kind->name, got ? "got it" : "starved");
    kind->give();
    join(other);
}

static void *sets_flag(void *arg)
{
    pthread_mutex_lock(&lock);
    got = 1;
    pthread_mutex_unlock(&lock);
    return arg;
}

static void look_at_flag(void)
{
    int seen = got = 0;
    pthread_t other = start(sets_flag, NULL);
    while (!seen) {
        pthread_mutex_lock(&lock);
        seen = got;
        pthread_mutex_unlock(&lock);
    }
    printf("looking at a flag under a lock: it was set\n");
    join(other);
}

static void *waits(void *arg)
{
    pthread_mutex_lock(&lock);
    pthread_cond_wait(&cond, &lock);
    pthread_mutex_unlock(&lock);
    __atomic_store_n(&got, 1, __ATOMIC_SEQ_CST);
    return arg;
}

static void signal_in_a_loop(void)
{
    got = 0;
    pthread_t other = start(waits, NULL);
    while (!__atomic_load_n(&got, __ATOMIC_SEQ_CST))
        pthread_cond_signal(&cond);
    printf("signalling until somebody waits: somebody did\n");
    join(other);
}

static void *passes(void *arg)
{
    sem_wait(&shared);
    __atomic_add_fetch(&through, 1, __ATOMIC_SEQ_CST);
    sem_post(&shared);
    return arg;
}

static void many_shared(void)
{
    pthread_t threads[20];
    for (int i = 0; i < 20; i++)
        threads[i] = start(passes, NULL);
    sleep_ms(30);
    sem_post(&shared);
    for (int i = 0; i < 20; i++)
        join(threads[i]);
    printf("20 waiters of a shared semaphore: %d went through\n", through);
}

int main(void)
{
    sem_init(&token, 0, 1);
    sem_init(&shared, 1, 0);
    hog(&(struct kind){"mutex", take_mutex, give_mutex});
    hog(&(struct kind){"semaphore", take_token, give_token});
    hog(&(struct kind){"rwlock", take_rwlock, give_rwlock});
    look_at_flag();
    signal_in_a_loop();
    many_shared();
    return 0;
}
