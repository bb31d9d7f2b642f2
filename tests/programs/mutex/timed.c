/* pthread_mutex_timedlock and pthread_mutex_clocklock: free, held too long, held not so long, deadlines in the past,
   impossible ones, both clocks; a thread that gave up leaves the mutex right for the others. */
/* run: */
/* expect:
normal: free 0, held ETIMEDOUT, bad ns EINVAL, bad ns but free 0, past but free 0, past ETIMEDOUT
normal: waited: in time
normal: monotonic ETIMEDOUT, realtime ETIMEDOUT, other clock EINVAL
normal: waited: in time
normal: soon free 0
adaptive: free 0, held ETIMEDOUT, bad ns EINVAL, bad ns but free 0, past but free 0, past ETIMEDOUT
adaptive: waited: in time
adaptive: monotonic ETIMEDOUT, realtime ETIMEDOUT, other clock EINVAL
adaptive: waited: in time
adaptive: soon free 0
relock of a normal one times out: ETIMEDOUT
20 gave up, 1 got it after: 0
*/
#include <semaphore.h>
#include "say.h"

static sem_t is_held, give_back;
static pthread_mutex_t mutex;

static void *holds(void *arg)
{
    pthread_mutex_lock(&mutex);
    sem_post(&is_held);
    sem_wait(&give_back);
    sleep_ms((long)arg);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static int timed(const struct timespec *deadline)
{
    int error = pthread_mutex_timedlock(&mutex, deadline);
    if (error == 0)
        pthread_mutex_unlock(&mutex);
    return error;
}

static int until(clockid_t clock, int ms)
{
    struct timespec deadline = in_ms(clock, ms);
    int error = pthread_mutex_clocklock(&mutex, clock, &deadline);
    if (error == 0)
        pthread_mutex_unlock(&mutex);
    return error;
}

static void check(const char *name, int type)
{
    pthread_mutexattr_t attr;
    struct timespec past = {1, 0}, bad = {time(NULL) + 1000, 1000000000}, soon = in_ms(CLOCK_REALTIME, 1000);
    char label[64];
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, type);
    pthread_mutex_init(&mutex, &attr);
    snprintf(label, sizeof label, "%s: waited", name);

    int free_soon = timed(&soon), free_bad = timed(&bad), free_past = timed(&past);
    pthread_t holder = start(holds, (void *)0L);
    sem_wait(&is_held);
    long long begin = now_ms();
    soon = in_ms(CLOCK_REALTIME, 50);
    int held = timed(&soon);
    long long waited = begin;
    printf("%s: free %s, held %s, bad ns %s, bad ns but free %s, past but free %s, past %s\n", name,
           error_name(free_soon), error_name(held), error_name(timed(&bad)), error_name(free_bad),
           error_name(free_past), error_name(timed(&past)));
    say_took(label, waited, 49, 3000);
    begin = now_ms();
    int monotonic = until(CLOCK_MONOTONIC, 50), realtime = until(CLOCK_REALTIME, 50);
    printf("%s: monotonic %s, realtime %s, other clock %s\n", name, error_name(monotonic), error_name(realtime),
           error_name(until(CLOCK_PROCESS_CPUTIME_ID, 50)));
    say_took(label, begin, 98, 5000);
    sem_post(&give_back);
    join(holder);

    holder = start(holds, (void *)50L);
    sem_wait(&is_held);
    sem_post(&give_back);
    printf("%s: soon free %s\n", name, error_name(until(CLOCK_MONOTONIC, 20000)));
    join(holder);
}

static void *gives_up(void *arg)
{
    return (void *)(long)until((long)arg % 2 ? CLOCK_MONOTONIC : CLOCK_REALTIME, 10 + (long)arg);
}

static void *waits(void *arg)
{
    (void)arg;
    return (void *)(long)until(CLOCK_MONOTONIC, 20000);
}

int main(void)
{
    sem_init(&is_held, 0, 0);
    sem_init(&give_back, 0, 0);
    check("normal", PTHREAD_MUTEX_NORMAL);
    check("adaptive", PTHREAD_MUTEX_ADAPTIVE_NP);

    pthread_mutex_init(&mutex, NULL);
    pthread_mutex_lock(&mutex);
    struct timespec soon = in_ms(CLOCK_REALTIME, 20);
    printf("relock of a normal one times out: %s\n", error_name(pthread_mutex_timedlock(&mutex, &soon)));
    pthread_mutex_unlock(&mutex);

    pthread_t holder = start(holds, (void *)100L), waiter, threads[20];
    int gave_up = 0;
    sem_wait(&is_held);
    for (long i = 0; i < 20; i++)
        threads[i] = start(gives_up, (void *)i);
    waiter = start(waits, NULL);
    for (int i = 0; i < 20; i++)
        gave_up += join(threads[i]) == (void *)(long)ETIMEDOUT;
    sem_post(&give_back);
    join(holder);
    printf("%d gave up, 1 got it after: %s\n", gave_up, error_name((int)(long)join(waiter)));
    return 0;
}
