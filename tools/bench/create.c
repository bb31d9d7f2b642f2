/* Creates and joins an empty thread again and again. Prints nanoseconds for each pair. */
#include "bench.h"

static void *empty(void *argument)
{
    return argument;
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? atol(argv[1]) : 200000;
    int64_t begin = now_ns();
    for (long i = 0; i < count; i++)
        must_zero(pthread_join(start_thread(empty, NULL), NULL), "pthread_join");
    printf("%.1f\n", (double)(now_ns() - begin) / (double)count);
    return 0;
}
