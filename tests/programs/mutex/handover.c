/* A mutex that guards a shared structure over calls that wait: pipes, sleeps, nested locks; unlocked in other order. */
/* run: */
/* expect:
records whole and in order within each thread: 2000
locks unlocked in the order taken: 50
lock held over a sleep by one, then by all: 30
*/
#include "say.h"

static pthread_mutex_t outer = PTHREAD_MUTEX_INITIALIZER, inner = PTHREAD_MUTEX_INITIALIZER;
static int pipe_ends[2], count;

static void *writes_records(void *arg)
{
    int record[2] = {(int)(long)arg, 0};
    for (; record[1] < 100; record[1]++) {
        pthread_mutex_lock(&outer);
        NEED(write(pipe_ends[1], &record[0], sizeof(int)) == sizeof(int));
        if (record[1] % 10 == 0)
            usleep(10);
        NEED(write(pipe_ends[1], &record[1], sizeof(int)) == sizeof(int));
        pthread_mutex_unlock(&outer);
    }
    return NULL;
}

static void *crosses(void *arg)
{
    pthread_mutex_lock(&outer);
    sched_yield();
    pthread_mutex_lock(&inner);
    pthread_mutex_unlock(&outer);
    sched_yield();
    count++;
    pthread_mutex_unlock(&inner);
    return arg;
}

static void *sleeps_inside(void *arg)
{
    pthread_mutex_lock(&outer);
    usleep(1000);
    count++;
    pthread_mutex_unlock(&outer);
    return arg;
}

static int run(int threads, void *(*body)(void *))
{
    pthread_t all[50];
    count = 0;
    for (int i = 0; i < threads; i++)
        all[i] = start(body, NULL);
    for (int i = 0; i < threads; i++)
        join(all[i]);
    return count;
}

int main(void)
{
    pthread_t threads[20];
    int next[20] = {0}, right = 0, record[2];
    NEED(pipe(pipe_ends) == 0);
    for (long i = 0; i < 20; i++)
        threads[i] = start(writes_records, (void *)i);
    for (int i = 0; i < 2000; i++) {
        NEED(read(pipe_ends[0], &record[0], sizeof(int)) == sizeof(int));
        NEED(read(pipe_ends[0], &record[1], sizeof(int)) == sizeof(int));
        right += record[1] == next[record[0]]++;
    }
    for (int i = 0; i < 20; i++)
        join(threads[i]);
    printf("records whole and in order within each thread: %d\n", right);
    printf("locks unlocked in the order taken: %d\n", run(50, crosses));
    printf("lock held over a sleep by one, then by all: %d\n", run(30, sleeps_inside));
    return 0;
}
