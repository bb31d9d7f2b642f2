/* errno and strerror's buffer belong to each thread, also over waits in which others change theirs. */
/* run: */
/* expect:
errno kept over 20 waits by 100 threads: 2000
main's errno kept: EXDEV
distinct addresses of errno: 100
*/
#include "say.h"

enum { THREADS = 100, ROUNDS = 20 };
static int *addresses[THREADS];
static int kept;
static pthread_barrier_t all;

static void *body(void *arg)
{
    long number = (long)arg;
    addresses[number] = &errno;
    for (int round = 0; round < ROUNDS; round++) {
        int mine = 1 + (number + round) % 100;
        errno = mine;
        if (round % 3 == 0)
            sched_yield();
        else if (round % 3 == 1)
            pthread_barrier_wait(&all);
        else
            usleep(100);
        __atomic_add_fetch(&kept, errno == mine, __ATOMIC_RELAXED);
        close(-1);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    int distinct = 0;
    pthread_barrier_init(&all, NULL, THREADS);
    for (long i = 0; i < THREADS; i++)
        threads[i] = start(body, (void *)i);
    errno = EXDEV;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    int mine = errno;
    for (int i = 0; i < THREADS; i++) {
        int twins = 0;
        for (int j = 0; j < THREADS; j++)
            twins += addresses[i] == addresses[j];
        distinct += twins == 1;
    }
    printf("errno kept over 20 waits by 100 threads: %d\n", kept);
    printf("main's errno kept: %s\n", error_name(mine));
    printf("distinct addresses of errno: %d\n", distinct);
    return 0;
}
