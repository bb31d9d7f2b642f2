/* What pthread_join and its _np relatives refuse, and how long the timed ones wait. */
/* run: */
/* expect:
join self: EDEADLK
tryjoin, running: EBUSY
timedjoin, running: ETIMEDOUT
timedjoin waits: in time
clockjoin, running: ETIMEDOUT
clockjoin waits: in time
clockjoin, process CPU clock: EINVAL
timedjoin, past: ETIMEDOUT
timedjoin, soon over: 0, value 6
tryjoin, over: 0, value 7
clockjoin without a deadline: 0, value 8
tryjoin self: EBUSY
join and detach of a detached one: EINVAL EINVAL
*/
#include "say.h"

static void *returns_late(void *arg)
{
    sleep_ms((long)arg == 6 ? 2000 : 150);
    return arg;
}

static void *sleeps(void *arg)
{
    sleep_ms(60);
    return arg;
}

static void refusals(void)
{
    printf("tryjoin self: %s\n", error_name(pthread_tryjoin_np(pthread_self(), NULL)));
    pthread_t victim = start(sleeps, NULL);
    pthread_detach(victim);
    int again = pthread_detach(victim);
    printf("join and detach of a detached one: %s %s\n", error_name(pthread_join(victim, NULL)), error_name(again));
    sleep_ms(80);
}

int main(void)
{
    void *value;
    printf("join self: %s\n", error_name(pthread_join(pthread_self(), NULL)));

    pthread_t thread = start(returns_late, (void *)6L);
    printf("tryjoin, running: %s\n", error_name(pthread_tryjoin_np(thread, &value)));
    struct timespec deadline = in_ms(CLOCK_REALTIME, 40);
    long long begin = now_ms();
    printf("timedjoin, running: %s\n", error_name(pthread_timedjoin_np(thread, &value, &deadline)));
    say_took("timedjoin waits", begin, 39, 900);
    deadline = in_ms(CLOCK_MONOTONIC, 40);
    begin = now_ms();
    printf("clockjoin, running: %s\n", error_name(pthread_clockjoin_np(thread, &value, CLOCK_MONOTONIC, &deadline)));
    say_took("clockjoin waits", begin, 39, 900);
    printf("clockjoin, process CPU clock: %s\n",
           error_name(pthread_clockjoin_np(thread, &value, CLOCK_PROCESS_CPUTIME_ID, &deadline)));
    struct timespec past = {1, 0};
    printf("timedjoin, past: %s\n", error_name(pthread_timedjoin_np(thread, &value, &past)));
    deadline = in_ms(CLOCK_REALTIME, 10000);
    int error = pthread_timedjoin_np(thread, &value, &deadline);
    printf("timedjoin, soon over: %s, value %ld\n", error_name(error), (long)value);

    thread = start(returns_late, (void *)7L);
    sleep_ms(200);
    while ((error = pthread_tryjoin_np(thread, &value)) == EBUSY)
        sleep_ms(1);
    printf("tryjoin, over: %s, value %ld\n", error_name(error), (long)value);
    thread = start(returns_late, (void *)8L);
    error = pthread_clockjoin_np(thread, &value, CLOCK_MONOTONIC, NULL);
    printf("clockjoin without a deadline: %s, value %ld\n", error_name(error), (long)value);
    refusals();
    return 0;
}
