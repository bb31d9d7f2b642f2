/* 20,000 threads alive at once, each waiting; then all released and joined. */
/* run: timeout=60 */
/* expect:
alive: 20000
sum: 199990000
*/
#include "say.h"

enum { COUNT = 20000 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_there = PTHREAD_COND_INITIALIZER, go = PTHREAD_COND_INITIALIZER;
static int alive, released;

static void *body(void *arg)
{
    pthread_mutex_lock(&lock);
    if (++alive == COUNT)
        pthread_cond_signal(&all_there);
    while (!released)
        pthread_cond_wait(&go, &lock);
    pthread_mutex_unlock(&lock);
    return arg;
}

int main(void)
{
    static pthread_t threads[COUNT];
    long sum = 0;
    for (long i = 0; i < COUNT; i++)
        threads[i] = start(body, (void *)i);
    pthread_mutex_lock(&lock);
    while (alive < COUNT)
        pthread_cond_wait(&all_there, &lock);
    printf("alive: %d\n", alive);
    released = 1;
    pthread_cond_broadcast(&go);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < COUNT; i++)
        sum += (long)join(threads[i]);
    printf("sum: %ld\n", sum);
    return 0;
}
