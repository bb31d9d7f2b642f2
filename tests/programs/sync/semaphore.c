/* Unnamed and named semaphores: wait, trywait, timed and clocked waits, values, posts from a signal handler, errors. */
/* run: */
/* expect:
sem_init(&semaphore, 0, -1U): -1 EINVAL
sem_trywait(&semaphore): 0
sem_trywait(&semaphore): -1 EAGAIN
sem_timedwait(&semaphore, &soon): -1 ETIMEDOUT
sem_timedwait waited: in time
sem_clockwait(&semaphore, CLOCK_MONOTONIC, &soon): -1 ETIMEDOUT
sem_clockwait(&semaphore, CLOCK_PROCESS_CPUTIME_ID, &soon): -1 EINVAL
sem_timedwait(&semaphore, &bad): -1 EINVAL
sem_timedwait(&semaphore, &past): 0
sem_post(&full): -1 EOVERFLOW
value: 3
100 waiters, 100 posts: 100
ping-pong: 10000
post from a handler wakes main: 0
handler without SA_RESTART interrupts the wait: -1 EINTR
handler without SA_RESTART interrupts the timed wait: -1 EINTR
handler with SA_RESTART does not: 0
sem_open(name, 0): NULL ENOENT
sem_open(name, O_CREAT | O_EXCL): NULL EEXIST
same semaphore when opened again: 1
named, other thread posts: 0
sem_unlink(name): 0
sem_unlink(name): -1 ENOENT
*/
#include <fcntl.h>
#include <limits.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/time.h>
#include "say.h"

static sem_t semaphore, ping, pong;
static int through;

static void *waits(void *arg)
{
    NEED(sem_wait(&semaphore) == 0);
    __atomic_add_fetch(&through, 1, __ATOMIC_RELAXED);
    return arg;
}

static void *returns_ball(void *arg)
{
    for (int i = 0; i < 5000; i++) {
        sem_wait(&ping);
        through++;
        sem_post(&pong);
    }
    return arg;
}

static void *posts_later(void *arg)
{
    sleep_ms(30);
    sem_post(arg);
    return NULL;
}

static void posts(int signal)
{
    (void)signal;
    sem_post(&semaphore);
}

static void does_nothing(int signal)
{
    (void)signal;
}

static void alarm_in_30_ms(void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    struct timeval soon = {0, 30000};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, soon}, NULL);
}

static void errors(void)
{
    sem_t full;
    int value;
    SAY_CALL(sem_init(&semaphore, 0, -1U));
    sem_init(&semaphore, 0, 1);
    SAY_CALL(sem_trywait(&semaphore));
    SAY_CALL(sem_trywait(&semaphore));
    struct timespec soon = in_ms(CLOCK_REALTIME, 30), bad = {1L << 40, 1000000000}, past = {1, 0};
    long long begin = now_ms();
    SAY_CALL(sem_timedwait(&semaphore, &soon));
    say_took("sem_timedwait waited", begin, 29, 3000);
    soon = in_ms(CLOCK_MONOTONIC, 30);
    SAY_CALL(sem_clockwait(&semaphore, CLOCK_MONOTONIC, &soon));
    SAY_CALL(sem_clockwait(&semaphore, CLOCK_PROCESS_CPUTIME_ID, &soon));
    SAY_CALL(sem_timedwait(&semaphore, &bad));
    sem_post(&semaphore);
    SAY_CALL(sem_timedwait(&semaphore, &past));
    sem_init(&full, 0, SEM_VALUE_MAX);
    SAY_CALL(sem_post(&full));
    for (int i = 0; i < 3; i++)
        sem_post(&semaphore);
    sem_getvalue(&semaphore, &value);
    printf("value: %d\n", value);
}

static void many(void)
{
    pthread_t threads[100];
    sem_init(&semaphore, 0, 0);
    for (int i = 0; i < 100; i++)
        threads[i] = start(waits, NULL);
    for (int i = 0; i < 100; i++)
        sem_post(&semaphore);
    for (int i = 0; i < 100; i++)
        join(threads[i]);
    printf("100 waiters, 100 posts: %d\n", through);
    through = 0;
    sem_init(&ping, 0, 0);
    sem_init(&pong, 0, 0);
    pthread_t player = start(returns_ball, NULL);
    for (int i = 0; i < 5000; i++) {
        sem_post(&ping);
        sem_wait(&pong);
        through++;
    }
    join(player);
    printf("ping-pong: %d\n", through);
}

static void say_call(const char *what, int result)
{
    if (result == -1)
        printf("%s: -1 %s\n", what, error_name(errno));
    else
        printf("%s: %d\n", what, result);
}

static void signals(void)
{
    pthread_t others[5], poster;
    for (int i = 0; i < 5; i++)
        others[i] = start(posts_later, &ping);
    alarm_in_30_ms(posts, 0);
    int result = sem_wait(&semaphore);
    while (result == -1 && errno == EINTR)
        result = sem_wait(&semaphore);
    say_call("post from a handler wakes main", result);
    for (int i = 0; i < 5; i++)
        join(others[i]);
    struct timespec late = in_ms(CLOCK_REALTIME, 10000);
    alarm_in_30_ms(does_nothing, 0);
    say_call("handler without SA_RESTART interrupts the wait", sem_wait(&semaphore));
    alarm_in_30_ms(does_nothing, 0);
    say_call("handler without SA_RESTART interrupts the timed wait", sem_timedwait(&semaphore, &late));
    alarm_in_30_ms(does_nothing, SA_RESTART);
    sem_init(&pong, 0, 0);
    poster = start(posts_later, &pong);
    sem_wait(&pong);
    join(poster);
    poster = start(posts_later, &semaphore);
    say_call("handler with SA_RESTART does not", sem_wait(&semaphore));
    join(poster);
}

static void named(void)
{
    char name[64];
    snprintf(name, sizeof name, "/test-semaphore-%d", getpid());
    NEED(sem_open(name, 0) == SEM_FAILED);
    printf("sem_open(name, 0): NULL %s\n", error_name(errno));
    sem_t *one = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
    NEED(one != SEM_FAILED);
    NEED(sem_open(name, O_CREAT | O_EXCL, 0600, 0) == SEM_FAILED);
    printf("sem_open(name, O_CREAT | O_EXCL): NULL %s\n", error_name(errno));
    sem_t *two = sem_open(name, 0);
    printf("same semaphore when opened again: %d\n", one == two);
    pthread_t poster = start(posts_later, one);
    say_call("named, other thread posts", sem_wait(two));
    join(poster);
    SAY_CALL(sem_unlink(name));
    SAY_CALL(sem_unlink(name));
    sem_close(one);
    sem_close(two);
}

int main(void)
{
    errors();
    many();
    signals();
    named();
    return 0;
}
