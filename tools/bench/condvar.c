/* Two threads hand a turn to each other through a mutex and a condition variable. Prints nanoseconds for each hand-off. */
#include "bench.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int turn;
static long rounds;

static void *hand_over(void *argument)
{
    int me = (int)(intptr_t)argument;
    for (long i = 0; i < rounds; i++) {
        pthread_mutex_lock(&mutex);
        while (turn != me)
            pthread_cond_wait(&changed, &mutex);
        turn = !me;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    rounds = argc > 1 ? atol(argv[1]) : 200000;
    int64_t begin = now_ns();
    pthread_t other = start_thread(hand_over, (void *)1);
    hand_over((void *)0);
    pthread_join(other, NULL);
    printf("%.1f\n", (double)(now_ns() - begin) / (double)(2 * rounds));
    return 0;
}
