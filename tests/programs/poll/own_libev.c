/* A library that a program loads brings another libev, changed, under libev's names: it must go on using its own. */
/* run: module=own_libev.so.c; libs=-ldl */
/* expect:
the library's own: 1011
*/
#include <dlfcn.h>
#include "say.h"

static void *runs(void *module)
{
    int (*module_runs)(void);
    *(void **)&module_runs = dlsym(module, "module_runs");
    NEED(module_runs);
    printf("the library's own: %d\n", module_runs());
    return NULL;
}

int main(void)
{
    void *module = dlopen(getenv("TEST_MODULE"), RTLD_NOW);
    NEED(module);
    join(start(runs, module));
    return 0;
}
