/* Condition variables: signal wakes at least one, broadcast all, who waits comes back with the mutex; errors. */
/* run: */
/* expect:
signal, one at a time: 10 woken by 10 signals
broadcast: 50 woken
woken owns the mutex: 50
signal and broadcast to nobody: 0 0
signal without the mutex: 1
wait without owning an errorcheck mutex: EPERM
recursive mutex held once: 1
destroy: 0
static initialiser: 1
two condition variables, one mutex: 1
*/
#include "say.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER, other = PTHREAD_COND_INITIALIZER,
                      back = PTHREAD_COND_INITIALIZER;
static int tickets, waiting, woken, owns, generation;

static void *takes_ticket(void *arg)
{
    pthread_mutex_lock(&lock);
    waiting++;
    pthread_cond_signal(&back);
    while (tickets == 0)
        pthread_cond_wait(&changed, &lock);
    tickets--;
    woken++;
    pthread_cond_signal(&back);
    pthread_mutex_unlock(&lock);
    return arg;
}

static void *waits_for_generation(void *arg)
{
    pthread_mutex_lock(&lock);
    waiting++;
    pthread_cond_signal(&back);
    while (generation == 0)
        pthread_cond_wait(&changed, &lock);
    owns += pthread_mutex_trylock(&lock) == EBUSY;
    int before = woken;
    sched_yield();
    woken = before + 1;
    pthread_mutex_unlock(&lock);
    return arg;
}

static void wait_until(int *value, int wanted)
{
    while (*value < wanted)
        pthread_cond_wait(&back, &lock);
}

static void signals(void)
{
    pthread_t threads[10];
    for (int i = 0; i < 10; i++)
        threads[i] = start(takes_ticket, NULL);
    pthread_mutex_lock(&lock);
    wait_until(&waiting, 10);
    for (int i = 0; i < 10; i++) {
        tickets++;
        pthread_cond_signal(&changed);
        wait_until(&woken, i + 1);
    }
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < 10; i++)
        join(threads[i]);
    printf("signal, one at a time: %d woken by 10 signals\n", woken);
}

static void broadcast(void)
{
    pthread_t threads[50];
    waiting = woken = 0;
    for (int i = 0; i < 50; i++)
        threads[i] = start(waits_for_generation, NULL);
    pthread_mutex_lock(&lock);
    wait_until(&waiting, 50);
    generation = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < 50; i++)
        join(threads[i]);
    printf("broadcast: %d woken\nwoken owns the mutex: %d\n", woken, owns);
}

static void *with_recursive(void *arg)
{
    pthread_mutex_lock(arg);
    generation = 2;
    pthread_mutex_unlock(arg);
    pthread_cond_signal(&other);
    return NULL;
}

static void *uses_both(void *arg)
{
    pthread_mutex_lock(&lock);
    generation = 4;
    pthread_cond_signal(&other);
    while (generation != 5)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return arg;
}

int main(void)
{
    pthread_mutex_t errorcheck = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP,
                    recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
    pthread_cond_t made;
    signals();
    broadcast();
    printf("signal and broadcast to nobody: %d %d\n", pthread_cond_signal(&changed), pthread_cond_broadcast(&changed));

    tickets = 0;
    woken = waiting = 0;
    pthread_t thread = start(takes_ticket, NULL);
    pthread_mutex_lock(&lock);
    wait_until(&waiting, 1);
    tickets = 1;
    pthread_mutex_unlock(&lock);
    pthread_cond_signal(&changed);
    join(thread);
    printf("signal without the mutex: %d\n", woken);
    printf("wait without owning an errorcheck mutex: %s\n", error_name(pthread_cond_wait(&changed, &errorcheck)));

    pthread_mutex_lock(&recursive);
    thread = start(with_recursive, &recursive);
    while (generation != 2)
        pthread_cond_wait(&other, &recursive);
    pthread_mutex_unlock(&recursive);
    join(thread);
    printf("recursive mutex held once: 1\n");

    NEED(pthread_cond_init(&made, NULL) == 0);
    printf("destroy: %s\n", error_name(pthread_cond_destroy(&made)));
    printf("static initialiser: 1\n");
    pthread_mutex_lock(&lock);
    thread = start(uses_both, NULL);
    while (generation != 4)
        pthread_cond_wait(&other, &lock);
    generation = 5;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    join(thread);
    printf("two condition variables, one mutex: 1\n");
    return 0;
}
