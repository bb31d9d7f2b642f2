/* dlopen of a module whose constructor waits holds the dynamic linker's lock: other threads go on, those that need the lock,
   too, wait for it and no longer. */
/* run: module=dlopen_slow.so.c; libs=-ldl */
/* expect:
loaded: value 42
others that load meanwhile: 10 right
symbol look-ups meanwhile: 10
ticks meanwhile: enough
unloaded
*/
#include <dlfcn.h>
#include <link.h>
#include "say.h"

static int over, ticks;

static void *ticker(void *arg)
{
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
        usleep(500);
        ticks++;
    }
    return arg;
}

static void *loads(void *arg)
{
    void *module = dlopen(getenv("TEST_MODULE"), RTLD_NOW);
    int *value = module ? dlsym(module, "slow_value") : NULL;
    long right = value && *value == 42;
    if (!arg)
        dlclose(module);
    return (void *)right;
}

static int counts(struct dl_phdr_info *info, size_t size, void *count)
{
    (void)info;
    (void)size;
    ++*(int *)count;
    return 0;
}

static void *looks_around(void *arg)
{
    int count = 0;
    Dl_info info;
    (void)arg;
    dl_iterate_phdr(counts, &count);
    return (void *)(long)(count > 2 && dladdr((void *)printf, &info) != 0 && dlsym(RTLD_DEFAULT, "printf") != NULL);
}

int main(void)
{
    pthread_t first, loaders[10], lookers[10], tick = start(ticker, NULL);
    long loaded = 0, looked = 0;
    first = start(loads, &over);
    sleep_ms(5);
    for (int i = 0; i < 10; i++) {
        loaders[i] = start(loads, NULL);
        lookers[i] = start(looks_around, NULL);
    }
    printf("loaded: value %d\n", join(first) ? 42 : 0);
    for (int i = 0; i < 10; i++) {
        loaded += (long)join(loaders[i]);
        looked += (long)join(lookers[i]);
    }
    printf("others that load meanwhile: %ld right\n", loaded);
    printf("symbol look-ups meanwhile: %ld\n", looked);
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
    join(tick);
    printf("ticks meanwhile: %s\n", ticks >= 5 ? "enough" : "too few");
    void *module = dlopen(getenv("TEST_MODULE"), RTLD_NOW | RTLD_NOLOAD);
    NEED(module && dlclose(module) == 0 && dlclose(module) == 0);
    printf("unloaded\n");
    return 0;
}
