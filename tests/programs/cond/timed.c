/* pthread_cond_timedwait on the clock of the attribute and pthread_cond_clockwait on the clock given: time-outs come in
   time and with the mutex owned, signals beat them, impossible deadlines are refused. */
/* run: */
/* expect:
realtime: ETIMEDOUT, mutex owned 1
realtime: waited: in time
monotonic: ETIMEDOUT, mutex owned 1
monotonic: waited: in time
clockwait realtime: ETIMEDOUT
clockwait monotonic: ETIMEDOUT
clockwait both: waited: in time
clockwait bad clock: EINVAL
past: ETIMEDOUT
bad nanoseconds: EINVAL
negative nanoseconds: EINVAL
attr clock: 0 1, bad EINVAL
signalled before the deadline: 0
far future: 0
100 time-outs at once: 100
100 time-outs at once: waited: in time
50 time out, 50 are signalled: 100
*/
#include "say.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER, monotonic_cond;
static int ready, signalled, timed_out;

static void time_out(const char *name, pthread_cond_t *cond, clockid_t clock)
{
    char label[64];
    long long begin = now_ms();
    struct timespec deadline = in_ms(clock, 50);
    pthread_mutex_lock(&lock);
    int error;
    while ((error = pthread_cond_timedwait(cond, &lock, &deadline)) == 0)
        ;
    printf("%s: %s, mutex owned %d\n", name, error_name(error), pthread_mutex_trylock(&lock) == EBUSY);
    pthread_mutex_unlock(&lock);
    snprintf(label, sizeof label, "%s: waited", name);
    say_took(label, begin, 49, 3000);
}

static int clock_wait(clockid_t clock, struct timespec deadline)
{
    pthread_mutex_lock(&lock);
    int error;
    while ((error = pthread_cond_clockwait(&changed, &lock, clock, &deadline)) == 0)
        ;
    pthread_mutex_unlock(&lock);
    return error;
}

static void *signals_soon(void *arg)
{
    sleep_ms(20);
    pthread_mutex_lock(&lock);
    ready = 1;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
    return arg;
}

static int wait_ready(struct timespec deadline)
{
    int error = 0;
    ready = 0;
    pthread_t thread = start(signals_soon, NULL);
    pthread_mutex_lock(&lock);
    while (!ready && error == 0)
        error = pthread_cond_timedwait(&changed, &lock, &deadline);
    pthread_mutex_unlock(&lock);
    join(thread);
    return error;
}

static void *waits(void *arg)
{
    struct timespec deadline = in_ms(CLOCK_REALTIME, (long)arg);
    int error = 0;
    pthread_mutex_lock(&lock);
    while (!ready && error == 0)
        error = pthread_cond_timedwait(&changed, &lock, &deadline);
    if (error == 0)
        signalled++;
    else
        timed_out++;
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void crowd(long first_ms, long second_ms, int release)
{
    pthread_t threads[100];
    ready = signalled = timed_out = 0;
    for (int i = 0; i < 100; i++)
        threads[i] = start(waits, (void *)(i % 2 ? first_ms : second_ms));
    if (release) {
        for (int i = 0; i < 100; i += 2)
            join(threads[i]);
        pthread_mutex_lock(&lock);
        ready = 1;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&lock);
    }
    for (int i = release ? 1 : 0; i < 100; i += release ? 2 : 1)
        join(threads[i]);
}

int main(void)
{
    pthread_condattr_t attr;
    clockid_t before, after;
    pthread_condattr_init(&attr);
    pthread_condattr_getclock(&attr, &before);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_condattr_getclock(&attr, &after);
    pthread_cond_init(&monotonic_cond, &attr);
    time_out("realtime", &changed, CLOCK_REALTIME);
    time_out("monotonic", &monotonic_cond, CLOCK_MONOTONIC);

    long long begin = now_ms();
    printf("clockwait realtime: %s\n", error_name(clock_wait(CLOCK_REALTIME, in_ms(CLOCK_REALTIME, 50))));
    printf("clockwait monotonic: %s\n", error_name(clock_wait(CLOCK_MONOTONIC, in_ms(CLOCK_MONOTONIC, 50))));
    say_took("clockwait both: waited", begin, 98, 5000);
    printf("clockwait bad clock: %s\n", error_name(clock_wait(CLOCK_THREAD_CPUTIME_ID, in_ms(CLOCK_REALTIME, 50))));
    printf("past: %s\n", error_name(clock_wait(CLOCK_REALTIME, (struct timespec){1, 0})));
    printf("bad nanoseconds: %s\n", error_name(clock_wait(CLOCK_REALTIME, (struct timespec){1L << 40, 1000000000})));
    printf("negative nanoseconds: %s\n", error_name(clock_wait(CLOCK_REALTIME, (struct timespec){1L << 40, -1})));
    printf("attr clock: %d %d, bad %s\n", before, after,
           error_name(pthread_condattr_setclock(&attr, CLOCK_PROCESS_CPUTIME_ID)));
    printf("signalled before the deadline: %s\n", error_name(wait_ready(in_ms(CLOCK_REALTIME, 10000))));
    printf("far future: %s\n", error_name(wait_ready((struct timespec){1L << 40, 0})));

    begin = now_ms();
    crowd(100, 100, 0);
    printf("100 time-outs at once: %d\n", timed_out);
    say_took("100 time-outs at once: waited", begin, 99, 4000);
    crowd(20000, 20, 1);
    printf("%d time out, %d are signalled: %d\n", timed_out, signalled, timed_out + signalled);
    return 0;
}
