/* Locks and unlocks a mutex that nobody else wants. Prints nanoseconds for each pair.
 *
 * A second thread does it while main waits in join, so that no short cut for single-threaded programs is measured. */
#include "bench.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long count;

static void *lock_and_unlock(void *argument)
{
    int64_t begin = now_ns();
    for (long i = 0; i < count; i++) {
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
    }
    printf("%.2f\n", (double)(now_ns() - begin) / (double)count);
    return argument;
}

int main(int argc, char **argv)
{
    count = argc > 1 ? atol(argv[1]) : 20000000;
    pthread_join(start_thread(lock_and_unlock, NULL), NULL);
    return 0;
}
