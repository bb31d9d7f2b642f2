/* Thread attributes: defaults, what setters refuse, and that a thread has what its attributes asked for. */
/* run: */
/* expect:
pthread_attr_setstacksize(&attr, 16383): EINVAL
pthread_attr_setstacksize(&attr, 16384): 0
pthread_attr_setdetachstate(&attr, 7): EINVAL
pthread_attr_setscope(&attr, PTHREAD_SCOPE_PROCESS): EOPNOTSUPP
pthread_attr_setinheritsched(&attr, 9): EINVAL
pthread_attr_setschedpolicy(&attr, 99): EINVAL
default: joinable 1, guard 4096, stack is RLIMIT_STACK 1
thread: size asked 196608, at least that 1, guard 8192, joinable 1
thread: local within its stack 1
thread: size asked 67108864, at least that 1, guard 0, joinable 1
thread: local within its stack 1
detached thread knows 1
main: local within its stack 1
main: joinable 1
copy given to setattr_default: size 524288
*/
#include <sys/resource.h>
#include <semaphore.h>
#include "say.h"

static sem_t done;

static int within_own_stack(size_t *size, size_t *guard, int *state)
{
    pthread_attr_t mine;
    void *low;
    char local;
    NEED(pthread_getattr_np(pthread_self(), &mine) == 0);
    pthread_attr_getstack(&mine, &low, size);
    pthread_attr_getguardsize(&mine, guard);
    pthread_attr_getdetachstate(&mine, state);
    pthread_attr_destroy(&mine);
    return &local >= (char *)low && &local < (char *)low + *size;
}

static void *looks(void *arg)
{
    size_t asked = (size_t)arg, size, guard;
    int state, within = within_own_stack(&size, &guard, &state);
    printf("thread: size asked %zu, at least that %d, guard %zu, joinable %d\n", asked, size + guard >= asked, guard,
           state == PTHREAD_CREATE_JOINABLE);
    printf("thread: local within its stack %d\n", within);
    return NULL;
}

static void run_with(size_t stack, size_t guard)
{
    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    NEED(pthread_attr_setstacksize(&attr, stack) == 0);
    NEED(pthread_attr_setguardsize(&attr, guard) == 0);
    NEED(pthread_create(&thread, &attr, looks, (void *)stack) == 0);
    join(thread);
    pthread_attr_destroy(&attr);
}

static void *detached(void *arg)
{
    size_t size, guard;
    int state;
    (void)arg;
    within_own_stack(&size, &guard, &state);
    printf("detached thread knows %d\n", state == PTHREAD_CREATE_DETACHED);
    sem_post(&done);
    return NULL;
}

static void *own_size(void *arg)
{
    size_t guard;
    int state;
    within_own_stack(arg, &guard, &state);
    return NULL;
}

int main(void)
{
    pthread_attr_t attr;
    struct rlimit limit;
    pthread_t thread;
    size_t size, guard;
    int state;
    sem_init(&done, 0, 0);
    pthread_attr_init(&attr);
    SAY_ERROR(pthread_attr_setstacksize(&attr, 16383));
    SAY_ERROR(pthread_attr_setstacksize(&attr, 16384));
    SAY_ERROR(pthread_attr_setdetachstate(&attr, 7));
    SAY_ERROR(pthread_attr_setscope(&attr, PTHREAD_SCOPE_PROCESS));
    SAY_ERROR(pthread_attr_setinheritsched(&attr, 9));
    SAY_ERROR(pthread_attr_setschedpolicy(&attr, 99));

    pthread_attr_init(&attr);
    getrlimit(RLIMIT_STACK, &limit);
    pthread_attr_getstacksize(&attr, &size);
    pthread_attr_getguardsize(&attr, &guard);
    pthread_attr_getdetachstate(&attr, &state);
    printf("default: joinable %d, guard %zu, stack is RLIMIT_STACK %d\n", state == PTHREAD_CREATE_JOINABLE, guard,
           size == (limit.rlim_cur == RLIM_INFINITY ? 2 << 20 : limit.rlim_cur));
    run_with(192 << 10, 8192);
    run_with(64 << 20, 0);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    NEED(pthread_create(&thread, &attr, detached, NULL) == 0);
    sem_wait(&done);
    printf("main: local within its stack %d\n", within_own_stack(&size, &guard, &state));
    printf("main: joinable %d\n", state == PTHREAD_CREATE_JOINABLE);

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 512 << 10);
    NEED(pthread_setattr_default_np(&attr) == 0);
    join(start(own_size, &size));
    printf("copy given to setattr_default: size %zu\n", size);
    return 0;
}
