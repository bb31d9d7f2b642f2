/* With the address space exhausted pthread_create says EAGAIN, and what runs goes on; with memory back it works. */
/* run: */
/* expect:
1 GiB of stack in 256 MiB of address space: EAGAIN
until it fails: EAGAIN
some were made: 1
those made went on: 1
after they ended: 0
*/
#include <sys/resource.h>
#include "say.h"

enum { MOST = 10000 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t go = PTHREAD_COND_INITIALIZER;
static int released, went_on;

static void *body(void *arg)
{
    pthread_mutex_lock(&lock);
    while (!released)
        pthread_cond_wait(&go, &lock);
    went_on++;
    pthread_mutex_unlock(&lock);
    return arg;
}

static size_t address_space(void)
{
    long pages;
    FILE *file = fopen("/proc/self/statm", "r");
    NEED(file && fscanf(file, "%ld", &pages) == 1);
    fclose(file);
    return pages * 4096UL;
}

int main(void)
{
    static pthread_t threads[MOST];
    pthread_attr_t large;
    int made = 0, error;
    join(start(body, (released = 1, NULL)));
    released = went_on = 0;
    struct rlimit limit = {address_space() + (256 << 20), RLIM_INFINITY};
    NEED(setrlimit(RLIMIT_AS, &limit) == 0);
    pthread_attr_init(&large);
    pthread_attr_setstacksize(&large, 1UL << 30);
    printf("1 GiB of stack in 256 MiB of address space: %s\n", error_name(pthread_create(threads, &large, body, NULL)));
    while ((error = pthread_create(&threads[made], NULL, body, NULL)) == 0 && made < MOST - 1)
        made++;
    printf("until it fails: %s\n", error_name(error));
    printf("some were made: %d\n", made > 4);
    pthread_mutex_lock(&lock);
    released = 1;
    pthread_cond_broadcast(&go);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < made; i++)
        join(threads[i]);
    printf("those made went on: %d\n", went_on == made);
    error = pthread_create(threads, NULL, body, NULL);
    printf("after they ended: %s\n", error_name(error));
    if (error == 0)
        join(threads[0]);
    return 0;
}
