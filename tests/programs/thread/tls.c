/* __thread variables: each thread's own, as new in every thread however many came before, aligned, large, in order. */
/* run: */
/* expect:
as new in 10000 threads one after the other: 10000
as new in 100 threads at once, 20 times: 2000
kept over waits: 2000
aligned: 2000
main kept its own: 1
*/
#include <stdint.h>
#include "say.h"

static __thread int number = 4711;
static __thread char text[32] = "initial text";
static __thread char large[20000];
static __thread _Alignas(64) char aligned[64] = {1};
static __thread int *pointer;
static __thread long zero;

static int fresh, kept, well_aligned;
static pthread_barrier_t all;

static int is_new(void)
{
    for (size_t i = 0; i < sizeof large; i++)
        if (large[i])
            return 0;
    return number == 4711 && strcmp(text, "initial text") == 0 && aligned[0] == 1 && aligned[63] == 0 && !pointer &&
           zero == 0;
}

static void spoil(int value)
{
    number = value;
    snprintf(text, sizeof text, "spoilt by %d", value);
    memset(large, value | 1, sizeof large);
    memset(aligned, value, sizeof aligned);
    pointer = &number;
    zero = value;
}

static int is_spoilt_by(int value)
{
    char wanted[32];
    snprintf(wanted, sizeof wanted, "spoilt by %d", value);
    return number == value && strcmp(text, wanted) == 0 && large[19999] == (char)(value | 1) &&
           aligned[63] == (char)value && pointer == &number && zero == value;
}

static void *short_life(void *arg)
{
    fresh += is_new();
    spoil((int)(long)arg);
    return NULL;
}

static void *at_once(void *arg)
{
    int value = (int)(long)arg;
    __atomic_add_fetch(&fresh, is_new(), __ATOMIC_RELAXED);
    __atomic_add_fetch(&well_aligned, (uintptr_t)aligned % 64 == 0, __ATOMIC_RELAXED);
    spoil(value);
    pthread_barrier_wait(&all);
    usleep(value % 10);
    __atomic_add_fetch(&kept, is_spoilt_by(value), __ATOMIC_RELAXED);
    return NULL;
}

int main(void)
{
    pthread_t threads[100];
    spoil(-1);
    for (long i = 0; i < 10000; i++)
        join(start(short_life, (void *)i));
    printf("as new in 10000 threads one after the other: %d\n", fresh);
    fresh = 0;
    pthread_barrier_init(&all, NULL, 100);
    for (int round = 0; round < 20; round++) {
        for (long i = 0; i < 100; i++)
            threads[i] = start(at_once, (void *)i);
        for (int i = 0; i < 100; i++)
            join(threads[i]);
    }
    printf("as new in 100 threads at once, 20 times: %d\n", fresh);
    printf("kept over waits: %d\n", kept);
    printf("aligned: %d\n", well_aligned);
    printf("main kept its own: %d\n", is_spoilt_by(-1));
    return 0;
}
