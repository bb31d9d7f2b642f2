/* `start N COMMAND [ARG...]` runs the command N times, one after the other. Prints nanoseconds from spawn to exit. */
#include <spawn.h>
#include <sys/wait.h>

#include "bench.h"

extern char **environ;

int main(int argc, char **argv)
{
    long count = argc > 2 ? atol(argv[1]) : 0;
    if (count < 1) {
        fprintf(stderr, "usage: start N COMMAND [ARG...]\n");
        return 2;
    }
    int64_t begin = now_ns();
    for (long i = 0; i < count; i++) {
        pid_t child;
        int status;
        must_zero(posix_spawnp(&child, argv[2], NULL, NULL, argv + 2, environ), argv[2]);
        must(waitpid(child, &status, 0), "waitpid");
        if (status) {
            fprintf(stderr, "%s: ended with status %#x\n", argv[2], status);
            return 1;
        }
    }
    printf("%.0f\n", (double)(now_ns() - begin) / (double)count);
    return 0;
}
