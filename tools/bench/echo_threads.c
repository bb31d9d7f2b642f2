/* Echo server as one writes it first: a thread a connection, blocking read and write, default stacks. */
#include <signal.h>

#include "bench.h"

static int write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, data, length);
        if (n < 0)
            return -1;
        data += n;
        length -= (size_t)n;
    }
    return 0;
}

static void *serve(void *argument)
{
    int fd = (int)(intptr_t)argument;
    char buffer[4096];
    ssize_t n;
    while ((n = read(fd, buffer, sizeof buffer)) > 0)
        if (write_all(fd, buffer, (size_t)n) < 0)
            break;
    close(fd);
    return NULL;
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    want_files(20000);
    int listener = listen_and_tell();
    for (;;) {
        int fd = must(accept(listener, NULL, NULL), "accept");
        no_delay(fd);
        pthread_detach(start_thread(serve, (void *)(intptr_t)fd));
    }
}
