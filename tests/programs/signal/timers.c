/* alarm, setitimer and POSIX timers by signal and by thread, with main blocked, computing or sleeping; a handler that
   interrupts a computing thread; SIGCHLD. */
/* run: */
/* expect:
alarm ends pause: 1
setitimer interrupts a computing main: at least 5
setitimer interrupts a computing thread: 1
getitimer: running 1, stopped 0
timer_create SIGEV_SIGNAL: at least 3, value 7
timer_create SIGEV_THREAD: at least 3
timer absolute, realtime: 1
timer_settime, bad time: -1 EINVAL
ITIMER_VIRTUAL counts computing: 1
SIGCHLD while main sleeps: 1, status 6
handler may use the semaphore and write: 1
*/
#include <semaphore.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include "say.h"

static volatile sig_atomic_t count, value;
static int by_thread, ends[2];
static sem_t posted;

static void counts(int signal)
{
    (void)signal;
    count++;
}

static void counts_value(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    count++;
    value = info->si_value.sival_int;
}

static void posts(int signal)
{
    (void)signal;
    sem_post(&posted);
    NEED(write(ends[1], "h", 1) == 1);
}

static void install(int signal, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigaction(signal, &action, NULL);
}

static void every(int which, long us)
{
    struct itimerval time = {{0, us}, {0, us}};
    setitimer(which, &time, NULL);
}

static void *sleeps(void *arg)
{
    sleep_ms((long)arg);
    return NULL;
}

static void *computes(void *arg)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    while (count == 0)
        ;
    return arg;
}

static void expired(union sigval arg)
{
    (void)arg;
    __atomic_add_fetch(&by_thread, 1, __ATOMIC_RELAXED);
}

static void itimers(void)
{
    struct itimerval left;
    sigset_t set;
    install(SIGALRM, counts, 0);
    alarm(1);
    pause();
    printf("alarm ends pause: %d\n", count);
    count = 0;
    every(ITIMER_REAL, 5000);
    while (count < 5)
        ;
    printf("setitimer interrupts a computing main: at least 5\n");
    every(ITIMER_REAL, 0);
    count = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    every(ITIMER_REAL, 20000);
    join(start(computes, NULL));
    printf("setitimer interrupts a computing thread: %d\n", count > 0);
    getitimer(ITIMER_REAL, &left);
    int running = left.it_value.tv_usec > 0;
    every(ITIMER_REAL, 0);
    getitimer(ITIMER_REAL, &left);
    printf("getitimer: running %d, stopped %ld\n", running, (long)left.it_value.tv_usec);
    struct timespec none = {0, 0};
    sigtimedwait(&set, NULL, &none);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void posix_timers(void)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 7};
    struct sigaction action = {.sa_sigaction = counts_value, .sa_flags = SA_SIGINFO};
    struct itimerspec periodic = {{0, 5000000}, {0, 5000000}};
    sigaction(SIGUSR1, &action, NULL);
    count = 0;
    NEED(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &periodic, NULL) == 0);
    while (count < 3)
        sleep_ms(1);
    timer_delete(timer);
    printf("timer_create SIGEV_SIGNAL: at least 3, value %d\n", value);
    event = (struct sigevent){.sigev_notify = SIGEV_THREAD, .sigev_notify_function = expired};
    NEED(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &periodic, NULL) == 0);
    while (__atomic_load_n(&by_thread, __ATOMIC_RELAXED) < 3)
        sleep_ms(1);
    timer_delete(timer);
    printf("timer_create SIGEV_THREAD: at least 3\n");
    event = (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec absolute = {{0, 0}, in_ms(CLOCK_REALTIME, 20)};
    count = 0;
    NEED(timer_create(CLOCK_REALTIME, &event, &timer) == 0);
    NEED(timer_settime(timer, TIMER_ABSTIME, &absolute, NULL) == 0);
    while (count == 0)
        pause();
    printf("timer absolute, realtime: %d\n", count);
    struct itimerspec bad = {{0, 0}, {0, -1}};
    int result = timer_settime(timer, 0, &bad, NULL);
    printf("timer_settime, bad time: %d %s\n", result, error_name(errno));
    timer_delete(timer);
    install(SIGVTALRM, counts, 0);
    count = 0;
    every(ITIMER_VIRTUAL, 5000);
    while (count == 0)
        ;
    every(ITIMER_VIRTUAL, 0);
    printf("ITIMER_VIRTUAL counts computing: %d\n", count > 0);
}

static void children(void)
{
    int status = 0;
    install(SIGCHLD, counts, SA_RESTART);
    count = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        sleep_ms(30);
        _exit(6);
    }
    struct timespec time = {20, 0};
    while (count == 0)
        nanosleep(&time, &time);
    NEED(waitpid(child, &status, 0) == child);
    printf("SIGCHLD while main sleeps: %d, status %d\n", count, WEXITSTATUS(status));
}

int main(void)
{
    pthread_t other = start(sleeps, (void *)2000L);
    char byte;
    itimers();
    posix_timers();
    children();
    NEED(pipe(ends) == 0);
    sem_init(&posted, 0, 0);
    install(SIGALRM, posts, SA_RESTART);
    every(ITIMER_REAL, 10000);
    NEED(read(ends[0], &byte, 1) == 1);
    while (sem_wait(&posted) == -1)
        NEED(errno == EINTR);
    every(ITIMER_REAL, 0);
    printf("handler may use the semaphore and write: %d\n", byte == 'h');
    join(other);
    return 0;
}
