/* The constructor of a module waits, sleeps and makes a thread, while other threads want the dynamic linker: they wait for it, and
   all the rest goes on. */
/* run: module=dlopen_parks.so.c; libs=-ldl -rdynamic */
/* expect:
others meanwhile: dlopen dlsym dladdr dl_iterate_phdr dlclose
module: 2
ticks while the constructor ran: enough
100 times dlopen and dlclose by 4 threads: 400
callback waits: dlopen afterwards 1
RTLD_NEXT and RTLD_DEFAULT: right
*/
#include <dlfcn.h>
#include <link.h>
#include "say.h"

static volatile int in_constructor, ticks, over;

void constructor_runs(void)
{
    in_constructor = 1;
}

static void *ticker(void *arg)
{
    while (!over) {
        usleep(500);
        ticks++;
    }
    return arg;
}

static void *loads(void *arg)
{
    void *module = dlopen(getenv("TEST_MODULE"), RTLD_NOW);
    NEED(module);
    (void)arg;
    return module;
}

static int visit(struct dl_phdr_info *info, size_t size, void *argument)
{
    (void)info, (void)size;
    ++*(int *)argument;
    return 0;
}

static void *wants(void *arg)
{
    Dl_info info;
    int count = 0;
    while (!in_constructor)
        usleep(100);
    switch ((long)arg) {
    case 0: return dlopen("libm.so.6", RTLD_NOW) ? "dlopen" : NULL;
    case 1: return dlsym(RTLD_DEFAULT, "malloc") ? "dlsym" : NULL;
    case 2: return dladdr((void *)printf, &info) ? "dladdr" : NULL;
    case 3: dl_iterate_phdr(visit, &count); return count > 1 ? "dl_iterate_phdr" : NULL;
    default: {
        void *module = dlopen("libm.so.6", RTLD_NOW | RTLD_NOLOAD);
        return !module || dlclose(module) == 0 ? "dlclose" : NULL;
    }
    }
}

static void *loads_often(void *arg)
{
    long right = 0;
    for (int i = 0; i < 100; i++) {
        void *module = dlopen("libm.so.6", RTLD_NOW);
        right += module && dlsym(module, "cos") && dlclose(module) == 0;
        if (i % 10 == 0)
            sched_yield();
    }
    (void)arg;
    return (void *)right;
}

static int waits(struct dl_phdr_info *info, size_t size, void *argument)
{
    (void)info, (void)size;
    *(volatile int *)argument = 1;
    usleep(30000);
    return 1;
}

static void *iterates(void *arg)
{
    dl_iterate_phdr(waits, arg);
    return arg;
}

/* Ours stands before libc's. */
int atoi(const char *text)
{
    int (*next)(const char *);
    *(void **)&next = dlsym(RTLD_NEXT, "atoi");
    return next && next != atoi ? next(text) + 1 : -1;
}

int main(void)
{
    pthread_t others[5];
    const char *names[5];
    pthread_t tick = start(ticker, NULL), loader = start(loads, NULL);
    for (long i = 0; i < 5; i++)
        others[i] = start(wants, (void *)i);
    void *module = join(loader);
    int during = ticks;
    for (int i = 0; i < 5; i++)
        names[i] = join(others[i]);
    printf("others meanwhile: %s %s %s %s %s\n", names[0], names[1], names[2], names[3], names[4]);
    int (*number)(void);
    *(void **)&number = dlsym(module, "parks_number");
    NEED(number);
    printf("module: %d\n", number());
    printf("ticks while the constructor ran: %s\n", during > 10 ? "enough" : "too few");
    NEED(dlclose(module) == 0);
    long right = 0;
    for (int i = 0; i < 4; i++)
        others[i] = start(loads_often, NULL);
    for (int i = 0; i < 4; i++)
        right += (long)join(others[i]);
    printf("100 times dlopen and dlclose by 4 threads: %ld\n", right);
    volatile int called = 0;
    pthread_t iterator = start(iterates, (void *)&called);
    while (!called)
        usleep(100);
    printf("callback waits: dlopen afterwards %d\n", dlopen("libm.so.6", RTLD_NOW) != NULL);
    join(iterator);
    printf("RTLD_NEXT and RTLD_DEFAULT: %s\n",
           atoi("41") == 42 && dlsym(RTLD_DEFAULT, "atoi") == (void *)atoi ? "right" : "wrong");
    over = 1;
    join(tick);
    return 0;
}
