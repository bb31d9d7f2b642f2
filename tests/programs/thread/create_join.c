/* pthread_create and pthread_join: return values, arguments, order of joins, threads that make threads. */
/* run: */
/* expect:
a finished thread: 42
a running thread: 43
NULL result: 1
result not wanted: 0
1000 threads, joined first to last: 499500
1000 threads, joined last to first: 499500
joined by another thread: 7
leaves of a tree: 1024
created but joined by none: 0
*/
#include "say.h"

static void *next_number(void *arg)
{
    return (char *)arg + 1;
}

static void *slow_next_number(void *arg)
{
    sleep_ms(30);
    return (char *)arg + 1;
}

static void *nothing(void *arg)
{
    (void)arg;
    return NULL;
}

static long sum_of_many(int backwards)
{
    enum { MANY = 1000 };
    static pthread_t threads[MANY];
    long sum = 0;
    for (long i = 0; i < MANY; i++)
        threads[i] = start(next_number, (void *)(i - 1));
    for (int i = 0; i < MANY; i++)
        sum += (long)join(threads[backwards ? MANY - 1 - i : i]);
    return sum;
}

static void *joins(void *arg)
{
    return join(*(pthread_t *)arg);
}

/* Each thread but the leaves makes two more; the result is the number of leaves beneath. */
static void *tree(void *arg)
{
    long depth = (long)arg;
    if (depth == 0)
        return (void *)1L;
    pthread_t left = start(tree, (void *)(depth - 1)), right = start(tree, (void *)(depth - 1));
    return (void *)((long)join(left) + (long)join(right));
}

int main(void)
{
    pthread_t thread = start(next_number, (void *)41L);
    sleep_ms(30);
    printf("a finished thread: %ld\n", (long)join(thread));
    printf("a running thread: %ld\n", (long)join(start(slow_next_number, (void *)42L)));
    printf("NULL result: %d\n", join(start(nothing, NULL)) == NULL);
    printf("result not wanted: %s\n", error_name(pthread_join(start(nothing, NULL), NULL)));
    printf("1000 threads, joined first to last: %ld\n", sum_of_many(0));
    printf("1000 threads, joined last to first: %ld\n", sum_of_many(1));
    thread = start(slow_next_number, (void *)6L);
    printf("joined by another thread: %ld\n", (long)join(start(joins, &thread)));
    printf("leaves of a tree: %ld\n", (long)join(start(tree, (void *)10L)));
    printf("created but joined by none: %s\n", error_name(pthread_create(&thread, NULL, nothing, NULL)));
    return 0;
}
