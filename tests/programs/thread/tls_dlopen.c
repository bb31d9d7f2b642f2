/* A module with thread-local variables (dynamic and static model), loaded when threads exist already: threads from
   before and after see its initial values and then their own; unloaded and loaded again, all is new. */
/* run: module=tls_module.so.c; libs=-ldl */
/* expect:
from before: right 20
from after: right 20
main: 100 11 Module
loaded again: 100 11 Module
dlopen by 10 threads: right 10
dlsym of nothing: 1, said by dlerror 1, not to others 1
*/
#include <dlfcn.h>
#include "say.h"

static pthread_barrier_t loaded, checked;
static int (*module_add)(int), (*module_count)(void);
static const char *(*module_read)(void);
static int right;

static void *load(void)
{
    void *module = dlopen(getenv("TEST_MODULE"), RTLD_NOW);
    if (!module)
        printf("%s\n", dlerror());
    NEED(module);
    *(void **)&module_add = dlsym(module, "module_add");
    *(void **)&module_count = dlsym(module, "module_count");
    *(void **)&module_read = dlsym(module, "module_read");
    NEED(module_add && module_count && module_read);
    return module;
}

static int use(int number)
{
    int ok = strcmp(module_read(), "module") == 0 && module_add(number) == 99 + number && module_count() == 11;
    usleep(number);
    return ok && module_add(1) == 100 + number && module_count() == 12 && strcmp(module_read(), "Module") == 0;
}

static void *from_before(void *arg)
{
    pthread_barrier_wait(&loaded);
    int ok = use((int)(long)arg);
    __atomic_add_fetch(&right, ok, __ATOMIC_RELAXED);
    pthread_barrier_wait(&checked);
    return NULL;
}

static void *from_after(void *arg)
{
    int ok = use((int)(long)arg);
    __atomic_add_fetch(&right, ok, __ATOMIC_RELAXED);
    return NULL;
}

static void *loads_itself(void *arg)
{
    void *module = dlopen(getenv("TEST_MODULE"), RTLD_NOW);
    (void)arg;
    sched_yield();
    __atomic_add_fetch(&right, module && dlsym(module, "module_add") == (void *)module_add, __ATOMIC_RELAXED);
    dlclose(module);
    return NULL;
}

static void *has_no_error(void *arg)
{
    (void)arg;
    return (void *)(long)(dlerror() == NULL);
}

int main(void)
{
    pthread_t threads[20];
    pthread_barrier_init(&loaded, NULL, 21);
    pthread_barrier_init(&checked, NULL, 21);
    for (long i = 0; i < 20; i++)
        threads[i] = start(from_before, (void *)i);
    sleep_ms(10);
    void *module = load();
    pthread_barrier_wait(&loaded);
    pthread_barrier_wait(&checked);
    for (int i = 0; i < 20; i++)
        join(threads[i]);
    printf("from before: right %d\n", right);

    right = 0;
    for (long i = 0; i < 20; i++)
        threads[i] = start(from_after, (void *)i);
    for (int i = 0; i < 20; i++)
        join(threads[i]);
    printf("from after: right %d\n", right);
    int added = module_add(1), counted = module_count();
    printf("main: %d %d %s\n", added, counted, module_read());
    dlclose(module);
    load();
    added = module_add(1), counted = module_count();
    printf("loaded again: %d %d %s\n", added, counted, module_read());

    right = 0;
    for (int i = 0; i < 10; i++)
        threads[i] = start(loads_itself, NULL);
    for (int i = 0; i < 10; i++)
        join(threads[i]);
    printf("dlopen by 10 threads: right %d\n", right);
    int none = dlsym(RTLD_DEFAULT, "no_such_symbol_anywhere") == NULL;
    long others = (long)join(start(has_no_error, NULL));
    printf("dlsym of nothing: %d, said by dlerror %d, not to others %ld\n", none, dlerror() != NULL, others);
    return 0;
}
