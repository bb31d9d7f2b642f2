/* Waits that other processes could end, on a shared semaphore and a shared futex: handlers, SA_RESTART, cancellation, time-outs. The
   kernel restarts them after a handler only when they have no time-out. */
/* run: */
/* expect:
sem_wait, handler: EINTR, ran 1, left 0
sem_wait, SA_RESTART, then post: 0, ran 1, left 0
sem_timedwait, SA_RESTART all the same: EINTR, ran 1, left 0
sem_timedwait, time-out: ETIMEDOUT, ran 0, left 0
sem_wait, cancelled: cancelled, ran 0, left 0
sem_wait, post: 0, ran 0, left 0
futex, handler: EINTR, ran 1, left 0
futex, SA_RESTART, then wake: 0, ran 1, left 0
futex with time-out, SA_RESTART all the same: EINTR, ran 1, left 0
futex, time-out: ETIMEDOUT, ran 0, left 0
*/
#include <linux/futex.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "say.h"

static sem_t *semaphore;
static int *word;
static volatile sig_atomic_t ran;

static void on_signal(int signal)
{
    (void)signal;
    ran++;
}

static void *error_of(long result)
{
    return (void *)(long)(result ? errno : 0);
}

static void *waits(void *arg)
{
    (void)arg;
    return error_of(sem_wait(semaphore));
}

static void *waits_until(void *ms)
{
    struct timespec deadline = in_ms(CLOCK_REALTIME, (long)ms);
    return error_of(sem_timedwait(semaphore, &deadline));
}

static void *waits_for_word(void *arg)
{
    (void)arg;
    return error_of(syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL, NULL, 0));
}

static void *waits_for_word_until(void *ms)
{
    struct timespec timeout = {(long)ms / 1000, (long)ms % 1000 * 1000000};
    return error_of(syscall(SYS_futex, word, FUTEX_WAIT, 0, &timeout, NULL, 0));
}

enum { SIGNAL = 1, CANCEL = 2, POST = 4, WAKE = 8 };

static void run(const char *name, void *(*body)(void *), long ms, int flags, int acts)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
    void *result;
    int left;
    sigaction(SIGUSR1, &action, NULL);
    ran = 0;
    pthread_t thread = start(body, (void *)ms);
    sleep_ms(60);
    if (acts & SIGNAL)
        pthread_kill(thread, SIGUSR1);
    if (acts & CANCEL)
        pthread_cancel(thread);
    sleep_ms(60);
    if (acts & POST)
        sem_post(semaphore);
    if (acts & WAKE)
        syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
    NEED(pthread_join(thread, &result) == 0);
    sem_getvalue(semaphore, &left);
    printf("%s: %s, ran %d, left %d\n", name, result == PTHREAD_CANCELED ? "cancelled" : error_name((int)(long)result),
           (int)ran, left);
}

int main(void)
{
    char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    NEED(memory != MAP_FAILED);
    semaphore = (sem_t *)memory;
    word = (int *)(memory + 512);
    sem_init(semaphore, 1, 0);
    run("sem_wait, handler", waits, 0, 0, SIGNAL);
    run("sem_wait, SA_RESTART, then post", waits, 0, SA_RESTART, SIGNAL | POST);
    run("sem_timedwait, SA_RESTART all the same", waits_until, 5000, SA_RESTART, SIGNAL);
    run("sem_timedwait, time-out", waits_until, 30, 0, 0);
    run("sem_wait, cancelled", waits, 0, 0, CANCEL);
    run("sem_wait, post", waits, 0, 0, POST);
    run("futex, handler", waits_for_word, 0, 0, SIGNAL);
    run("futex, SA_RESTART, then wake", waits_for_word, 0, SA_RESTART, SIGNAL | WAKE);
    run("futex with time-out, SA_RESTART all the same", waits_for_word_until, 5000, SA_RESTART, SIGNAL);
    run("futex, time-out", waits_for_word_until, 30, 0, 0);
    return 0;
}
