/* Read-write locks: readers together, writers alone, errors, timed and clocked variants, writer preference. */
/* run: */
/* expect:
10 readers at once: 1
reader holds: tryrdlock 0, trywrlock EBUSY
writer holds: tryrdlock EBUSY, trywrlock EBUSY
writer relocks: wrlock EDEADLK, rdlock EDEADLK
timed: rdlock ETIMEDOUT, wrlock ETIMEDOUT, clockrd ETIMEDOUT, clockwr ETIMEDOUT
timed: waited: in time
timed: bad nanoseconds EINVAL EINVAL, bad clock EINVAL, free in the past 0
writer waits for readers: 1
default: reader passes waiting writer 0
prefer writer nonrecursive: reader passes waiting writer EBUSY
readers and writers: 5000 writes, torn reads 0
kind: 2, bad EINVAL, shared 1
unlock wakes all readers: 20
time-out of a writer lets readers in: 0
*/
#include <semaphore.h>
#include "say.h"

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t together;
static sem_t locked, unlock;
static long left, right, writes, torn;

static void *reads_together(void *arg)
{
    pthread_rwlock_rdlock(&lock);
    pthread_barrier_wait(&together);
    pthread_rwlock_unlock(&lock);
    return arg;
}

static void *tries(void *kind)
{
    int error = kind ? pthread_rwlock_trywrlock(&lock) : pthread_rwlock_tryrdlock(&lock);
    if (error == 0)
        pthread_rwlock_unlock(&lock);
    return (void *)(long)error;
}

static const char *try_other(int write)
{
    return error_name((int)(long)join(start(tries, (void *)(long)write)));
}

static void *holds(void *kind)
{
    if (kind)
        pthread_rwlock_wrlock(&lock);
    else
        pthread_rwlock_rdlock(&lock);
    sem_post(&locked);
    sem_wait(&unlock);
    pthread_rwlock_unlock(&lock);
    return NULL;
}

static void timed(void)
{
    pthread_t holder = start(holds, (void *)1L);
    sem_wait(&locked);
    long long begin = now_ms();
    struct timespec d = in_ms(CLOCK_REALTIME, 20), bad = {1L << 40, 1000000000}, past = {1, 0};
    int rd = pthread_rwlock_timedrdlock(&lock, &d);
    d = in_ms(CLOCK_REALTIME, 20);
    int wr = pthread_rwlock_timedwrlock(&lock, &d);
    d = in_ms(CLOCK_MONOTONIC, 20);
    int crd = pthread_rwlock_clockrdlock(&lock, CLOCK_MONOTONIC, &d);
    d = in_ms(CLOCK_MONOTONIC, 20);
    int cwr = pthread_rwlock_clockwrlock(&lock, CLOCK_MONOTONIC, &d);
    printf("timed: rdlock %s, wrlock %s, clockrd %s, clockwr %s\n", error_name(rd), error_name(wr), error_name(crd),
           error_name(cwr));
    say_took("timed: waited", begin, 78, 5000);
    rd = pthread_rwlock_timedrdlock(&lock, &bad);
    wr = pthread_rwlock_timedwrlock(&lock, &bad);
    crd = pthread_rwlock_clockrdlock(&lock, CLOCK_PROCESS_CPUTIME_ID, &d);
    sem_post(&unlock);
    join(holder);
    printf("timed: bad nanoseconds %s %s, bad clock %s, free in the past %s\n", error_name(rd), error_name(wr),
           error_name(crd), error_name(pthread_rwlock_timedwrlock(&lock, &past)));
    pthread_rwlock_unlock(&lock);
}

static void *writes_once(void *arg)
{
    pthread_rwlock_wrlock(&lock);
    writes++;
    pthread_rwlock_unlock(&lock);
    return arg;
}

static void preference(const char *name, int kind)
{
    pthread_rwlockattr_t attr;
    pthread_rwlockattr_init(&attr);
    pthread_rwlockattr_setkind_np(&attr, kind);
    pthread_rwlock_init(&lock, &attr);
    pthread_t reader = start(holds, NULL);
    sem_wait(&locked);
    pthread_t writer = start(writes_once, NULL);
    /* Until the writer has come to wait; the default lets readers pass all the same. */
    const char *passes = try_other(0);
    for (int i = 0; i < 20 || (kind != PTHREAD_RWLOCK_PREFER_READER_NP && strcmp(passes, "EBUSY") != 0); i++) {
        sleep_ms(2);
        passes = try_other(0);
    }
    printf("%s: reader passes waiting writer %s\n", name, passes);
    sem_post(&unlock);
    join(reader);
    join(writer);
}

static void *mixes(void *arg)
{
    for (int i = 0; i < 500; i++)
        if ((i + (long)arg) % 4 == 0) {
            pthread_rwlock_wrlock(&lock);
            left++;
            if (i % 20 == 0)
                sched_yield();
            right++;
            writes++;
            pthread_rwlock_unlock(&lock);
        } else {
            pthread_rwlock_rdlock(&lock);
            if (i % 20 == 1)
                usleep(1);
            if (left != right)
                __atomic_add_fetch(&torn, 1, __ATOMIC_RELAXED);
            pthread_rwlock_unlock(&lock);
        }
    return NULL;
}

static void *reads_once(void *arg)
{
    pthread_rwlock_rdlock(&lock);
    pthread_rwlock_unlock(&lock);
    return arg;
}

static void *gives_up_writing(void *arg)
{
    (void)arg;
    struct timespec soon = in_ms(CLOCK_REALTIME, 20);
    return (void *)(long)pthread_rwlock_timedwrlock(&lock, &soon);
}

static void many_readers(void)
{
    pthread_t readers[20];
    int through = 0;
    pthread_rwlock_wrlock(&lock);
    for (long i = 0; i < 20; i++)
        readers[i] = start(reads_once, (void *)1L);
    sleep_ms(10);
    pthread_rwlock_unlock(&lock);
    for (int i = 0; i < 20; i++)
        through += (int)(long)join(readers[i]);
    printf("unlock wakes all readers: %d\n", through);
}

int main(void)
{
    pthread_t threads[40];
    pthread_rwlockattr_t attr;
    int kind, shared;
    sem_init(&locked, 0, 0);
    sem_init(&unlock, 0, 0);
    pthread_barrier_init(&together, NULL, 10);
    for (int i = 0; i < 10; i++)
        threads[i] = start(reads_together, NULL);
    for (int i = 0; i < 10; i++)
        join(threads[i]);
    printf("10 readers at once: 1\n");
    pthread_rwlock_rdlock(&lock);
    const char *rd = try_other(0);
    printf("reader holds: tryrdlock %s, trywrlock %s\n", rd, try_other(1));
    pthread_rwlock_unlock(&lock);
    pthread_rwlock_wrlock(&lock);
    rd = try_other(0);
    printf("writer holds: tryrdlock %s, trywrlock %s\n", rd, try_other(1));
    printf("writer relocks: wrlock %s, rdlock %s\n", error_name(pthread_rwlock_wrlock(&lock)),
           error_name(pthread_rwlock_rdlock(&lock)));
    pthread_rwlock_unlock(&lock);
    timed();

    pthread_t reader = start(holds, NULL);
    sem_wait(&locked);
    pthread_t writer = start(writes_once, NULL);
    sleep_ms(20);
    int waited = writes == 0;
    sem_post(&unlock);
    join(reader);
    join(writer);
    printf("writer waits for readers: %d\n", waited && writes == 1);
    preference("default", PTHREAD_RWLOCK_PREFER_READER_NP);
    preference("prefer writer nonrecursive", PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    writes = 0;
    for (long i = 0; i < 40; i++)
        threads[i] = start(mixes, (void *)i);
    for (int i = 0; i < 40; i++)
        join(threads[i]);
    printf("readers and writers: %ld writes, torn reads %ld\n", writes, torn);
    pthread_rwlockattr_init(&attr);
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlockattr_getkind_np(&attr, &kind);
    pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_rwlockattr_getpshared(&attr, &shared);
    printf("kind: %d, bad %s, shared %d\n", kind, error_name(pthread_rwlockattr_setkind_np(&attr, 9)), shared);
    many_readers();

    reader = start(holds, NULL);
    sem_wait(&locked);
    NEED(join(start(gives_up_writing, NULL)) == (void *)(long)ETIMEDOUT);
    printf("time-out of a writer lets readers in: %s\n", try_other(0));
    sem_post(&unlock);
    join(reader);
    return 0;
}
