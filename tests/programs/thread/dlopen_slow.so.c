/* A module whose constructor and destructor take their time, and make and join a thread, for dlopen_slow.c. */
#include <pthread.h>
#include <unistd.h>

int slow_value;

static void *sets(void *arg)
{
    usleep(10000);
    slow_value = 42;
    return arg;
}

__attribute__((constructor)) static void construct(void)
{
    pthread_t thread;
    usleep(20000);
    pthread_create(&thread, NULL, sets, NULL);
    pthread_join(thread, NULL);
}

__attribute__((destructor)) static void destruct(void)
{
    usleep(10000);
}
