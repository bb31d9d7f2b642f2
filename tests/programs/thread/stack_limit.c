/* The default stack size follows RLIMIT_STACK as it was when the program started. */
/* run: */
/* expect:
limit 1 MiB: default 1048576
limit 1 MiB: thread's own 1048576
limit 64 MiB: default 67108864
limit 64 MiB: thread's own 67108864
*/
#include <sys/resource.h>
#include "say.h"

static void *own_size(void *arg)
{
    pthread_attr_t attr;
    size_t size;
    (void)arg;
    pthread_getattr_np(pthread_self(), &attr);
    pthread_attr_getstacksize(&attr, &size);
    pthread_attr_destroy(&attr);
    return (void *)size;
}

static void look(const char *limit)
{
    pthread_attr_t attr;
    size_t size;
    pthread_attr_init(&attr);
    pthread_attr_getstacksize(&attr, &size);
    printf("limit %s MiB: default %zu\n", limit, size);
    printf("limit %s MiB: thread's own %zu\n", limit, (size_t)join(start(own_size, NULL)));
    fflush(stdout);
}

static void again_with(char *program, char *mib)
{
    struct rlimit limit;
    getrlimit(RLIMIT_STACK, &limit);
    limit.rlim_cur = strtoul(mib, NULL, 10) << 20;
    NEED(setrlimit(RLIMIT_STACK, &limit) == 0);
    execl(program, program, mib, (char *)NULL);
    NEED(0);
}

int main(int argc, char **argv)
{
    if (argc == 1)
        again_with(argv[0], "1");
    look(argv[1]);
    if (strcmp(argv[1], "1") == 0)
        again_with(argv[0], "64");
    return 0;
}
