/* Thousands of signals a second at a process with 100 threads that compute, allocate, poll and wait, and whose handlers write
   to a pipe: queued signals arrive once each, directed ones are handled by their thread, nothing deadlocks. */
/* run: timeout=60 */
/* expect:
queued: all, sum right
directed: some, each written down
main's signals: some
threads that did nothing meanwhile: 0
*/
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <sched.h>
#include <sys/wait.h>
#include "say.h"

#define COUNT 3000
#define THREADS 100
static int queued, sum, plain, directed, ends[2];
static long work[THREADS];
static volatile int stop;
static sem_t semaphore;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void on_queued(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    __atomic_add_fetch(&sum, info->si_value.sival_int, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&queued, 1, __ATOMIC_SEQ_CST);
}

static void on_plain(int signal)
{
    (void)signal;
    plain++;
}

static void on_directed(int signal)
{
    int error = errno;
    (void)signal;
    NEED(write(ends[1], "x", 1) == 1);
    __atomic_add_fetch(&directed, 1, __ATOMIC_SEQ_CST);
    errno = error;
}

static void *computes(void *arg)
{
    for (unsigned value = 1; !stop; ++*(long *)arg) {
        void *chunks[20];
        for (int i = 0; i < 1000; i++)
            value = value * 3 + 1;
        for (int i = 0; i < 20; i++)
            chunks[i] = malloc(20 + value % 7 + i * 30);
        for (int i = 0; i < 20; i++)
            free(chunks[i]);
        sched_yield();
    }
    return NULL;
}

static void *polls(void *arg)
{
    for (struct pollfd none = {-1, 0, 0}; !stop; ++*(long *)arg)
        poll(&none, 1, 3);
    return NULL;
}

static void *waits_for_semaphore(void *arg)
{
    for (; !stop; ++*(long *)arg) {
        struct timespec until = in_ms(CLOCK_REALTIME, 3);
        sem_timedwait(&semaphore, &until);
    }
    return NULL;
}

static void *waits_for_condition(void *arg)
{
    pthread_mutex_lock(&lock);
    for (; !stop; ++*(long *)arg) {
        struct timespec until = in_ms(CLOCK_REALTIME, 3);
        pthread_cond_timedwait(&changed, &lock, &until);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void *reads(void *arg)
{
    char bytes[100];
    long total = 0, got;
    (void)arg;
    while ((got = read(ends[0], bytes, sizeof bytes)) != 0)
        total += got > 0 ? got : 0;
    return (void *)total;
}

static pid_t start_sender(void)
{
    pid_t child = fork();
    if (child)
        return child;
    for (int i = 0; i < COUNT; i++) {
        while (sigqueue(getppid(), SIGRTMIN + 1, (union sigval){.sival_int = i}))
            usleep(100);
        kill(getppid(), SIGUSR1);
    }
    _exit(0);
}

int main(void)
{
    void *(*const bodies[])(void *) = {computes, polls, waits_for_semaphore, waits_for_condition};
    struct sigaction action = {.sa_sigaction = on_queued, .sa_flags = SA_SIGINFO | SA_RESTART};
    pthread_t threads[THREADS], reader;
    sigaction(SIGRTMIN + 1, &action, NULL);
    action = (struct sigaction){.sa_handler = on_plain, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    action.sa_handler = on_directed;
    sigaction(SIGUSR2, &action, NULL);
    NEED(pipe(ends) == 0);
    sem_init(&semaphore, 0, 0);
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(bodies[i % 4], &work[i]);
    reader = start(reads, NULL);
    pid_t sender = start_sender();
    for (int i = 0; i < COUNT; i++) {
        NEED(pthread_kill(threads[i % THREADS], SIGUSR2) == 0);
        if (i % 100 == 0)
            sleep_ms(1);
    }
    while (waitpid(sender, NULL, 0) == -1)
        ;
    for (int i = 0; i < 5000 && queued < COUNT; i++)
        sleep_ms(1);
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    close(ends[1]);
    long total = (long)join(reader);
    printf("queued: %s, sum %s\n", queued == COUNT ? "all" : "not all",
           sum == COUNT * (COUNT - 1) / 2 ? "right" : "wrong");
    printf("directed: %s, %s\n", directed > 0 && directed <= COUNT ? "some" : "none",
           total == directed ? "each written down" : "lost");
    printf("main's signals: %s\n", plain > 0 ? "some" : "none");
    int idle = 0;
    for (int i = 0; i < THREADS; i++)
        idle += work[i] == 0;
    printf("threads that did nothing meanwhile: %d\n", idle);
    return 0;
}
