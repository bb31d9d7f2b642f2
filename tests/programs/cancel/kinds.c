/* Cancellation of threads that are parked, that compute and that do not want it: what is returned, which handlers run and in what
   order, that a mutex is held again; the asynchronous type; requests for threads that have ended. */
/* run: */
/* expect:
parked in read: cancelled, handlers 2 1
parked in sleep: cancelled, handlers 2 1
parked in accept: cancelled, handlers 2 1
parked in sem_wait: cancelled, handlers 2 1
parked in pause: cancelled, handlers 2 1
parked in sigwait: cancelled, handlers 2 1
parked in poll: cancelled, handlers 2 1
parked in join: cancelled, handlers 2 1
joined afterwards: 7
parked in cond_wait: cancelled, handlers 2 1, mutex held
not in mutex_lock: went on, then cancelled
disabled: went on with 5 bytes, then cancelled
before it ran: cancelled at its first point
cleanup handlers may block: cancelled, slept
second request while unwinding: cancelled, slept
destructor of data: cancelled, ran 1
cancelled in a destructor: cancelled, ran 2
exit in a destructor: 9, ran 2
asynchronous, computing: cancelled
asynchronous, parked: cancelled
asynchronous, enabled late: cancelled at once
asynchronous, itself: cancelled at once
asynchronous, yielding: cancelled
deferred, computing: went on
setcancelstate(5): EINVAL
setcanceltype(5): EINVAL
ended, not joined: 0, result 3
16 at a time: 16
handlers pushed and popped: 1 0
*/
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include "say.h"

static int ends[2], listener, order[10], count;
static sem_t taken;
static pthread_t sleeper;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static void note(void *arg)
{
    order[count++] = (int)(long)arg;
}

static void unlock(void *arg)
{
    note((void *)1L);
    pthread_mutex_unlock(arg);
}

static void b_read(void)
{
    char byte;
    if (read(ends[0], &byte, 1)) {}
}

static void b_sleep(void)
{
    sleep(100);
}

static void b_accept(void)
{
    accept(listener, NULL, NULL);
}

static void b_sem_wait(void)
{
    sem_wait(&taken);
}

static void b_pause(void)
{
    pause();
}

static void b_sigwait(void)
{
    sigset_t set;
    int sig;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigwait(&set, &sig);
}

static void b_poll(void)
{
    struct pollfd fd = {ends[0], POLLIN, 0};
    poll(&fd, 1, -1);
}

static void b_join(void)
{
    pthread_join(sleeper, NULL);
}

static void *blocks(void *arg)
{
    void (*call)(void) = (void (*)(void))arg;
    pthread_cleanup_push(note, (void *)1L);
    pthread_cleanup_push(note, (void *)2L);
    call();
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *waits(void *arg)
{
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(unlock, &mutex);
    pthread_cleanup_push(note, (void *)2L);
    for (;;)
        pthread_cond_wait(&condition, &mutex);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return arg;
}

static const char *cancel(pthread_t thread)
{
    NEED(pthread_cancel(thread) == 0);
    return join(thread) == PTHREAD_CANCELED ? "cancelled" : "went on";
}

static void parked(const char *name, void (*call)(void))
{
    count = 0;
    pthread_t thread = start(blocks, (void *)call);
    sleep_ms(10);
    const char *how = cancel(thread);
    printf("parked in %s: %s, handlers %d %d\n", name, how, order[0], order[1]);
}

static void *sleeps_and_returns(void *arg)
{
    sleep_ms(100);
    return arg;
}

static int is_asked;
static int passed;

static void *locks(void *arg)
{
    pthread_mutex_lock(&mutex);
    passed = 1;
    pthread_mutex_unlock(&mutex);
    pthread_testcancel();
    return arg;
}

static void *disables(void *arg)
{
    char bytes[10];
    int old;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    passed = read(ends[0], bytes, 10);
    pthread_setcancelstate(old, NULL);
    pthread_testcancel();
    return arg;
}

/* On another processor it may be running by now: it reaches its first point when the request is there. */
static void *starts(void *arg)
{
    while (!__atomic_load_n(&is_asked, __ATOMIC_ACQUIRE))
        sched_yield();
    sleep_ms(0);
    pthread_testcancel();
    return arg;
}

static void sleeps(void *arg)
{
    sleep_ms(30);
    char *where = arg;
    strcpy(where, "slept");
}

static void *slow_cleanup(void *arg)
{
    pthread_cleanup_push(sleeps, arg);
    pause();
    pthread_cleanup_pop(0);
    return NULL;
}

static pthread_key_t key;
static int ran, what;

static void destroy(void *arg)
{
    (void)arg;
    ran++;
    if (ran == 1 && what == 1) {
        pthread_setspecific(key, &ran);
        pthread_cancel(pthread_self());
        pthread_testcancel();
        ran = 100;
    }
    if (ran == 1 && what == 2) {
        pthread_setspecific(key, &ran);
        pthread_exit((void *)9L);
    }
}

static void *has_data(void *arg)
{
    pthread_setspecific(key, &ran);
    if (!what)
        pause();
    return arg;
}

static volatile int is_async;
static volatile unsigned long work;

static void *computes(void *arg)
{
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    is_async = 1;
    for (;;)
        work++;
    return arg;
}

static void *yields(void *arg)
{
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    is_async = 1;
    for (;;)
        sched_yield();
    return arg;
}

static void *pauses_async(void *arg)
{
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    pause();
    return arg;
}

static void *late(void *arg)
{
    pthread_cancel(pthread_self());
    passed = 1;
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    passed = 2;
    return arg;
}

static void *itself(void *arg)
{
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    passed = 1;
    pthread_cancel(pthread_self());
    passed = 2;
    return arg;
}

static void *returns(void *arg)
{
    return arg;
}

static void *computes_a_while(void *arg)
{
    long long begin = now_ms();
    is_async = 1;
    while (now_ms() < begin + 50)
        work++;
    return arg;
}

static void computing(void)
{
    is_async = 0;
    pthread_t thread = start(computes_a_while, NULL);
    while (!is_async)
        sleep_ms(1);
    pthread_cancel(thread);
    printf("deferred, computing: %s\n", join(thread) ? "cancelled" : "went on");
}

/* Who computes for ever must be interrupted: by the end of its time slice natively, by a signal to another worker, or, on one
   worker, by a cancellation that came from a signal handler. */
static pthread_t victim;

static void cancels(int sig)
{
    (void)sig;
    pthread_cancel(victim);
}

static void async_computing(void)
{
    struct sigaction action = {.sa_handler = cancels};
    sigaction(SIGALRM, &action, NULL);
    is_async = 0;
    victim = start(computes, NULL);
    ualarm(50000, 0);
    printf("asynchronous, computing: %s\n", join(victim) ? "cancelled" : "went on");
}

int main(void)
{
    char slept[10] = "";
    pthread_t threads[16];
    struct sockaddr_in any = {.sin_family = AF_INET};
    setvbuf(stdout, NULL, _IOLBF, 0);
    NEED(pipe(ends) == 0 && sem_init(&taken, 0, 0) == 0 && (listener = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    NEED(bind(listener, (void *)&any, sizeof any) == 0 && listen(listener, 5) == 0);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    parked("read", b_read);
    parked("sleep", b_sleep);
    parked("accept", b_accept);
    parked("sem_wait", b_sem_wait);
    parked("pause", b_pause);
    parked("sigwait", b_sigwait);
    parked("poll", b_poll);
    sleeper = start(sleeps_and_returns, (void *)7L);
    parked("join", b_join);
    printf("joined afterwards: %ld\n", (long)join(sleeper));
    count = 0;
    pthread_t thread = start(waits, NULL);
    sleep_ms(10);
    const char *how = cancel(thread);
    printf("parked in cond_wait: %s, handlers %d %d, mutex %s\n", how, order[0], order[1],
           pthread_mutex_trylock(&mutex) == 0 ? "held" : "lost");
    thread = start(locks, NULL);
    sleep_ms(10);
    NEED(pthread_cancel(thread) == 0);
    sleep_ms(10);
    pthread_mutex_unlock(&mutex);
    how = join(thread) ? "cancelled" : "not";
    printf("not in mutex_lock: %s, then %s\n", passed ? "went on" : "stopped", how);
    thread = start(disables, NULL);
    sleep_ms(10);
    pthread_cancel(thread);
    NEED(write(ends[1], "12345", 5) == 5);
    how = join(thread) ? "cancelled" : "not";
    printf("disabled: went on with %d bytes, then %s\n", passed, how);
    thread = start(starts, NULL);
    NEED(pthread_cancel(thread) == 0);
    __atomic_store_n(&is_asked, 1, __ATOMIC_RELEASE);
    how = join(thread) == PTHREAD_CANCELED ? "cancelled" : "went on";
    printf("before it ran: %s at its first point\n", how);
    thread = start(slow_cleanup, slept);
    sleep_ms(10);
    how = cancel(thread);
    printf("cleanup handlers may block: %s, %s\n", how, slept);
    strcpy(slept, "");
    thread = start(slow_cleanup, slept);
    sleep_ms(10);
    pthread_cancel(thread);
    sleep_ms(10);
    how = cancel(thread);
    printf("second request while unwinding: %s, %s\n", how, slept);
    pthread_key_create(&key, destroy);
    thread = start(has_data, NULL);
    sleep_ms(10);
    how = cancel(thread);
    printf("destructor of data: %s, ran %d\n", how, ran);
    ran = 0;
    what = 1;
    how = join(start(has_data, NULL)) == PTHREAD_CANCELED ? "cancelled" : "went on";
    printf("cancelled in a destructor: %s, ran %d\n", how, ran);
    ran = 0;
    what = 2;
    long result = (long)join(start(has_data, NULL));
    printf("exit in a destructor: %ld, ran %d\n", result, ran);
    async_computing();
    thread = start(pauses_async, NULL);
    sleep_ms(10);
    printf("asynchronous, parked: %s\n", cancel(thread));
    how = join(start(late, NULL)) == PTHREAD_CANCELED ? "cancelled" : "went on";
    printf("asynchronous, enabled late: %s %s\n", how, passed == 1 ? "at once" : "late");
    how = join(start(itself, NULL)) == PTHREAD_CANCELED ? "cancelled" : "went on";
    printf("asynchronous, itself: %s %s\n", how, passed == 1 ? "at once" : "late");
    is_async = 0;
    thread = start(yields, NULL);
    while (!is_async)
        sched_yield();
    printf("asynchronous, yielding: %s\n", cancel(thread));
    computing();
    printf("setcancelstate(5): %s\n", error_name(pthread_setcancelstate(5, NULL)));
    printf("setcanceltype(5): %s\n", error_name(pthread_setcanceltype(5, NULL)));
    thread = start(returns, (void *)3L);
    sleep_ms(20);
    int error = pthread_cancel(thread);
    printf("ended, not joined: %d, result %ld\n", error, (long)join(thread));
    count = 0;
    for (int i = 0; i < 16; i++)
        threads[i] = start(pauses_async, NULL);
    for (int i = 0; i < 16; i++)
        pthread_cancel(threads[i]);
    for (int i = 0; i < 16; i++)
        count += join(threads[i]) == PTHREAD_CANCELED;
    printf("16 at a time: %d\n", count);
    count = 0;
    pthread_cleanup_push(note, (void *)1L);
    pthread_cleanup_pop(1);
    pthread_cleanup_push(note, (void *)1L);
    pthread_cleanup_pop(0);
    printf("handlers pushed and popped: %d %d\n", count, order[1] == 5);
    return 0;
}
