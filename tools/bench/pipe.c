/* Two threads pass one byte to and fro through two pipes. Prints nanoseconds for each hand-off. */
#include "bench.h"

static int there[2], back[2];
static long rounds;

static void *answer(void *argument)
{
    char byte;
    while (read(there[0], &byte, 1) == 1)
        must((int)write(back[1], &byte, 1), "write");
    return argument;
}

int main(int argc, char **argv)
{
    char byte = 'x';
    rounds = argc > 1 ? atol(argv[1]) : 200000;
    must(pipe(there), "pipe");
    must(pipe(back), "pipe");
    pthread_t other = start_thread(answer, NULL);
    int64_t begin = now_ns();
    for (long i = 0; i < rounds; i++) {
        must((int)write(there[1], &byte, 1), "write");
        must((int)read(back[0], &byte, 1), "read");
    }
    printf("%.1f\n", (double)(now_ns() - begin) / (double)(2 * rounds));
    close(there[1]);
    pthread_join(other, NULL);
    return 0;
}
