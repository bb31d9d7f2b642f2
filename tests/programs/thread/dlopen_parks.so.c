/* A module whose constructor and destructor wait for others, for dlopen_parks.c. */
#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

int parks_state;
extern void constructor_runs(void) __attribute__((weak));

static void *body(void *arg)
{
    usleep(20000);
    parks_state++;
    return arg;
}

__attribute__((constructor)) static void begin(void)
{
    pthread_t thread;
    if (constructor_runs)
        constructor_runs();
    pthread_create(&thread, 0, body, 0);
    pthread_join(thread, 0);
    usleep(20000);
    dlopen("libm.so.6", RTLD_NOW); /* the same thread may */
    parks_state++;
}

__attribute__((destructor)) static void end(void)
{
    usleep(20000);
}

int parks_number(void)
{
    return parks_state;
}
