/* A thread that uses up its stack dies by SIGSEGV, and with it the process; its neighbours' memory is not touched
   before. Main's stack likewise. */
/* run: args=thread; signal=SIGSEGV; says=greenrun: thread 2 .overflow. overflowed its stack of [0-9]+ bytes */
/* run: args=small; signal=SIGSEGV; says=greenrun: thread 2 .overflow. overflowed its stack of 65536 bytes */
/* run: args=main; signal=SIGSEGV */
#include "say.h"

__attribute__((noinline)) static long endless(long depth)
{
    volatile char page[1000];
    page[depth % 1000] = 1;
    if (depth < 0)
        return 0;
    return endless(depth + 1) + page[(depth + 1) % 1000];
}

static void *body(void *arg)
{
    return (void *)endless((long)arg);
}

int main(int argc, char **argv)
{
    pthread_attr_t attr;
    pthread_t thread;
    NEED(argc == 2);
    pthread_attr_init(&attr);
    if (strcmp(argv[1], "small") == 0)
        pthread_attr_setstacksize(&attr, 64 << 10);
    say("%s overflows", argv[1]);
    if (strcmp(argv[1], "main") == 0)
        return (int)endless(0);
    NEED(pthread_create(&thread, &attr, body, NULL) == 0);
    join(thread);
    say("not reached");
    return 0;
}
