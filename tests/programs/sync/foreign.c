/* Threads that libc makes for itself (SIGEV_THREAD) use the same mutexes, condition variables, semaphores, barriers and futexes as
   the program's own: each side waits for the other. */
/* run: */
/* expect:
counter under a mutex of both: right
timer thread got what main sent: 50
main got what the timer thread sent: 50
semaphores there and back: 50
futex there and back: 50
barrier with one of each: 10
*/
#include <limits.h>
#include <linux/futex.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/syscall.h>
#include "say.h"

enum { ROUNDS = 50, BARRIERS = 10, COUNTS = 20000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static sem_t there, back, finished;
static int turn, words[2];
static long counter;

static void count(void)
{
    for (int i = 0; i < COUNTS; i++) {
        pthread_mutex_lock(&lock);
        counter++;
        pthread_mutex_unlock(&lock);
    }
}

/* Waits until it is the turn of `me`, and gives it to the other. */
static int play_cond(int me)
{
    int rounds = 0;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&lock);
        while (turn != me)
            pthread_cond_wait(&changed, &lock);
        turn = !me;
        rounds++;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&lock);
    }
    return rounds;
}

static int play_semaphores(sem_t *mine, sem_t *other)
{
    int rounds = 0;
    for (int i = 0; i < ROUNDS; i++) {
        sem_post(other);
        rounds += sem_wait(mine) == 0;
    }
    return rounds;
}

static int play_futex(int me)
{
    int rounds = 0;
    for (int i = 1; i <= ROUNDS; i++) {
        __atomic_store_n(&words[!me], i, __ATOMIC_SEQ_CST);
        syscall(SYS_futex, &words[!me], FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
        int seen;
        while ((seen = __atomic_load_n(&words[me], __ATOMIC_SEQ_CST)) < i)
            syscall(SYS_futex, &words[me], FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
        rounds++;
    }
    return rounds;
}

static int meet(void)
{
    int rounds = 0;
    for (int i = 0; i < BARRIERS; i++) {
        int result = pthread_barrier_wait(&barrier);
        rounds += result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD;
    }
    return rounds;
}

static int by_timer;

static void on_timer(union sigval value)
{
    (void)value;
    count();
    by_timer = play_cond(1);
    play_semaphores(&there, &back);
    play_futex(1);
    meet();
    sem_post(&finished);
}

static void *counts(void *arg)
{
    count();
    return arg;
}

int main(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_timer};
    timer_t timer;
    sem_init(&there, 0, 0);
    sem_init(&back, 0, 0);
    sem_init(&finished, 0, 0);
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_t other = start(counts, NULL);
    NEED(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    NEED(timer_settime(timer, 0, &(struct itimerspec){.it_value = {0, 1000000}}, NULL) == 0);
    count();
    int by_main = play_cond(0);
    int semaphores = play_semaphores(&back, &there), futexes = play_futex(0), barriers = meet();
    join(other);
    while (sem_wait(&finished) != 0)
        ;
    printf("counter under a mutex of both: %s\n", counter == 3 * COUNTS ? "right" : "wrong");
    printf("timer thread got what main sent: %d\n", by_timer);
    printf("main got what the timer thread sent: %d\n", by_main);
    printf("semaphores there and back: %d\n", semaphores);
    printf("futex there and back: %d\n", futexes);
    printf("barrier with one of each: %d\n", barriers);
    return 0;
}
