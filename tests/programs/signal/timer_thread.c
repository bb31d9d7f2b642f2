/* Timers that notify a thread: SIGEV_THREAD runs its function with the value, in a thread that may block; SIGEV_THREAD_ID directs
   its signal to that thread and no other; deleted timers are silent; a child has none of its parent's. */
/* run: */
/* expect:
functions ran: at least 5 each, values right 3
not in main: 3
a function may block: 1
directed: at least 3, in the thread 1, code SI_TIMER 1, value 9
after timer_delete: silent
another timer with the same number: 1
in a child: no more
timer_create, no such clock: -1 EINVAL
*/
#include <semaphore.h>
#include <signal.h>
#include <sys/wait.h>
#include "say.h"

#define TIMERS 3
static int ran[TIMERS], elsewhere[TIMERS], blocked_fine;
static pthread_t main_thread;
static sem_t one_shot;

static void periodic(union sigval value)
{
    __atomic_add_fetch(&ran[value.sival_int], 1, __ATOMIC_SEQ_CST);
    elsewhere[value.sival_int] = !pthread_equal(pthread_self(), main_thread);
}

static void once(union sigval value)
{
    sleep_ms(5);
    blocked_fine = value.sival_ptr == &one_shot;
    sem_post(&one_shot);
}

static timer_t start_timer(struct sigevent *event, long first_ms, long then_ms)
{
    timer_t timer;
    NEED(timer_create(CLOCK_MONOTONIC, event, &timer) == 0);
    struct itimerspec when = {{0, then_ms * 1000000}, {0, first_ms * 1000000}};
    NEED(timer_settime(timer, 0, &when, NULL) == 0);
    return timer;
}

static void by_function(void)
{
    timer_t timers[TIMERS];
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = periodic};
    for (int i = 0; i < TIMERS; i++) {
        event.sigev_value.sival_int = i;
        timers[i] = start_timer(&event, 1, 5);
    }
    for (int i = 0; i < 500 && (ran[0] < 5 || ran[1] < 5 || ran[2] < 5); i++)
        sleep_ms(5);
    for (int i = 0; i < TIMERS; i++)
        NEED(timer_delete(timers[i]) == 0);
    int enough = (ran[0] >= 5) + (ran[1] >= 5) + (ran[2] >= 5);
    printf("functions ran: at least 5 each, values right %d\n", enough);
    printf("not in main: %d\n", elsewhere[0] + elsewhere[1] + elsewhere[2]);
    event.sigev_notify_function = once;
    event.sigev_value.sival_ptr = &one_shot;
    timer_t timer = start_timer(&event, 1, 0);
    while (sem_wait(&one_shot))
        ;
    printf("a function may block: %d\n", blocked_fine);
    NEED(timer_delete(timer) == 0);
}

static volatile sig_atomic_t hits, in_thread = 1, is_timer = 1, value;
static volatile int stop;
static pid_t receiver_tid;
static sem_t receiver_ready;

static void on_signal(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    hits++;
    in_thread &= gettid() == receiver_tid;
    is_timer &= info->si_code == SI_TIMER;
    value = info->si_value.sival_int;
}

static void *receives(void *arg)
{
    receiver_tid = gettid();
    sem_post(&receiver_ready);
    while (!stop)
        sleep_ms(2);
    return arg;
}

static void by_thread_id(void)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 9};
    sigaction(SIGUSR1, &action, NULL);
    pthread_t receiver = start(receives, NULL);
    while (sem_wait(&receiver_ready))
        ;
    event._sigev_un._tid = receiver_tid;
    timer_t timer = start_timer(&event, 1, 5);
    for (int i = 0; i < 500 && hits < 3; i++)
        sleep_ms(5);
    NEED(timer_delete(timer) == 0);
    int before = hits;
    printf("directed: %s, in the thread %d, code SI_TIMER %d, value %d\n", hits >= 3 ? "at least 3" : "too few",
           in_thread, is_timer, value);
    sleep_ms(20);
    printf("after timer_delete: %s\n", hits - before <= 1 ? "silent" : "still heard");
    before = hits;
    timer = start_timer(&event, 1, 0);
    for (int i = 0; i < 500 && hits == before; i++)
        sleep_ms(5);
    printf("another timer with the same number: %d\n", hits - before);
    NEED(timer_delete(timer) == 0);
    stop = 1;
    join(receiver);
}

static void in_child(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = periodic};
    int status;
    timer_t timer = start_timer(&event, 1, 5);
    pid_t child = fork();
    if (child == 0) {
        int before = ran[0];
        sleep_ms(50);
        _exit(ran[0] != before);
    }
    NEED(waitpid(child, &status, 0) == child);
    printf("in a child: %s\n", WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "no more" : "still there");
    NEED(timer_delete(timer) == 0);
}

int main(void)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = periodic};
    main_thread = pthread_self();
    sem_init(&one_shot, 0, 0);
    sem_init(&receiver_ready, 0, 0);
    by_function();
    by_thread_id();
    in_child();
    int result = timer_create(12345, &event, &timer);
    printf("timer_create, no such clock: %d %s\n", result, error_name(errno));
    return 0;
}
