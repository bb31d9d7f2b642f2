/* SIGPIPE goes to the thread whose write failed: one that blocks it finds it pending and nobody dies; one with a handler runs it
   in itself; the way libraries silence it (block, write, sigtimedwait, restore) works beside threads that do not block it. */
/* run: */
/* expect:
silenced: EPIPE 100, pending 100, taken 100
handled in the writer: 100 of 100
ignored: EPIPE 10
*/
/* run: args=default; signal=SIGPIPE */
/* run: args=socket; signal=SIGPIPE */
#include <signal.h>
#include <sys/socket.h>
#include "say.h"

static int broken[2], failed, pending, taken, handled;
static __thread int in_handler;
static sigset_t pipe_set;

static int write_fails(void)
{
    return write(broken[1], "x", 1) == -1 && errno == EPIPE;
}

static void *silences(void *arg)
{
    const struct timespec at_once = {0, 0};
    sigset_t before, now;
    for (int i = 0; i < 10; i++) {
        pthread_sigmask(SIG_BLOCK, &pipe_set, &before);
        __atomic_add_fetch(&failed, write_fails(), __ATOMIC_SEQ_CST);
        sched_yield();
        sigpending(&now);
        __atomic_add_fetch(&pending, sigismember(&now, SIGPIPE), __ATOMIC_SEQ_CST);
        __atomic_add_fetch(&taken, sigtimedwait(&pipe_set, NULL, &at_once) == SIGPIPE, __ATOMIC_SEQ_CST);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        sched_yield();
    }
    return arg;
}

static void on_pipe(int signal)
{
    (void)signal;
    in_handler++;
}

static void *handles(void *arg)
{
    for (int i = 1; i <= 10; i++)
        __atomic_add_fetch(&handled, write_fails() && in_handler == i, __ATOMIC_SEQ_CST);
    return arg;
}

static void *ignores(void *arg)
{
    __atomic_add_fetch(&failed, write_fails(), __ATOMIC_SEQ_CST);
    return arg;
}

static void *dies(void *arg)
{
    write_fails();
    return arg;
}

static void run_ten(void *(*body)(void *))
{
    pthread_t threads[10];
    for (int i = 0; i < 10; i++)
        threads[i] = start(body, NULL);
    for (int i = 0; i < 10; i++)
        join(threads[i]);
}

int main(int argc, char **argv)
{
    sigemptyset(&pipe_set);
    sigaddset(&pipe_set, SIGPIPE);
    if (argc > 1 && !strcmp(argv[1], "socket"))
        NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, broken) == 0);
    else
        NEED(pipe(broken) == 0);
    close(broken[0]);
    if (argc > 1) {
        join(start(dies, NULL));
        return 1;
    }
    run_ten(silences);
    printf("silenced: EPIPE %d, pending %d, taken %d\n", failed, pending, taken);
    signal(SIGPIPE, on_pipe);
    run_ten(handles);
    printf("handled in the writer: %d of 100\n", handled);
    signal(SIGPIPE, SIG_IGN);
    failed = 0;
    run_ten(ignores);
    printf("ignored: EPIPE %d\n", failed);
    return 0;
}
