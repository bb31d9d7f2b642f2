/* Cancellation of a wait for a process-shared condition variable: the mutex is held again when the cleanup handler runs, others may
   go on to use both, and a request that came before the wait, or was not wanted, does the same as elsewhere. */
/* run: */
/* expect:
cancelled while it waits: cancelled, mutex held in the handler EBUSY
cancelled before it waits: cancelled, mutex held in the handler EBUSY
timed wait: cancelled, mutex held in the handler EBUSY
cancellation disabled: 0
still usable: 0
*/
#include <sys/mman.h>
#include "say.h"

static struct shared {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
} * shared;
static int in_handler, ready, is_early, is_timed, is_disabled;

static void *tries(void *arg)
{
    (void)arg;
    return (void *)(long)pthread_mutex_trylock(&shared->mutex);
}

static void cleans_up(void *arg)
{
    void *result;
    (void)arg;
    NEED(pthread_join(start(tries, NULL), &result) == 0);
    in_handler = (int)(long)result;
    pthread_mutex_unlock(&shared->mutex);
}

static void *waits(void *arg)
{
    struct timespec deadline = in_ms(CLOCK_REALTIME, 20000);
    volatile int error = 0; /* the cleanup frame is a setjmp */
    if (is_disabled)
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_mutex_lock(&shared->mutex);
    pthread_cleanup_push(cleans_up, NULL);
    if (is_early)
        pthread_cancel(pthread_self());
    while (!ready && !error)
        error = is_timed ? pthread_cond_timedwait(&shared->cond, &shared->mutex, &deadline)
                         : pthread_cond_wait(&shared->cond, &shared->mutex);
    pthread_cleanup_pop(0);
    pthread_mutex_unlock(&shared->mutex);
    (void)arg;
    return (void *)(long)error;
}

static void run(const char *name)
{
    void *result;
    in_handler = ready = 0;
    pthread_t thread = start(waits, NULL);
    sleep_ms(60);
    if (!is_early)
        pthread_cancel(thread);
    sleep_ms(60);
    if (is_disabled) {
        pthread_mutex_lock(&shared->mutex);
        ready = 1;
        pthread_cond_signal(&shared->cond);
        pthread_mutex_unlock(&shared->mutex);
    }
    NEED(pthread_join(thread, &result) == 0);
    if (result == PTHREAD_CANCELED)
        printf("%s: cancelled, mutex held in the handler %s\n", name, error_name(in_handler));
    else
        printf("%s: %s\n", name, error_name((int)(long)result));
}

int main(void)
{
    pthread_mutexattr_t mutex;
    pthread_condattr_t cond;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    NEED(shared != MAP_FAILED);
    pthread_mutexattr_init(&mutex);
    pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&shared->mutex, &mutex);
    pthread_condattr_init(&cond);
    pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&shared->cond, &cond);
    run("cancelled while it waits");
    is_early = 1;
    run("cancelled before it waits");
    is_early = 0;
    is_timed = 1;
    run("timed wait");
    is_disabled = 1;
    run("cancellation disabled");
    printf("still usable: %s\n", error_name(pthread_mutex_trylock(&shared->mutex)));
    return 0;
}
