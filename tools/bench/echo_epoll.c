/* Echo server as an expert writes it by hand: one thread, level-triggered epoll, one read and one write for each message.
 *
 * What does not fit into the socket's buffer waits in the connection until the socket is writable; meanwhile nothing is read. */
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>

#include "bench.h"

#define EVENTS 512

struct connection {
    int fd;
    size_t begin, end; /* what is still to be written of unsent */
    char unsent[4096];
};

static int epoll_fd;

static void watch(int operation, struct connection *c, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};
    must(epoll_ctl(epoll_fd, operation, c->fd, &event), "epoll_ctl");
}

static void connection_end(struct connection *c)
{
    close(c->fd);
    free(c);
}

static void accept_all(struct connection *listener)
{
    int fd;
    while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct connection *c = malloc(sizeof *c);
        if (!c)
            must(-1, "malloc");
        c->fd = fd;
        c->begin = c->end = 0;
        no_delay(fd);
        watch(EPOLL_CTL_ADD, c, EPOLLIN);
    }
    if (errno != EAGAIN)
        must(-1, "accept4");
}

static void answer(struct connection *c)
{
    static char buffer[sizeof c->unsent];
    ssize_t got = read(c->fd, buffer, sizeof buffer);
    if (got < 0 && errno == EAGAIN)
        return;
    ssize_t sent = got > 0 ? write(c->fd, buffer, (size_t)got) : -1;
    if (got > 0 && sent < 0 && errno == EAGAIN)
        sent = 0;
    if (sent < 0)
        connection_end(c);
    else if (sent < got) {
        c->begin = 0;
        c->end = (size_t)(got - sent);
        memcpy(c->unsent, buffer + sent, c->end);
        watch(EPOLL_CTL_MOD, c, EPOLLOUT);
    }
}

static void send_rest(struct connection *c)
{
    ssize_t sent = write(c->fd, c->unsent + c->begin, c->end - c->begin);
    if (sent < 0 && errno != EAGAIN)
        connection_end(c);
    else if (sent > 0 && (c->begin += (size_t)sent) == c->end)
        watch(EPOLL_CTL_MOD, c, EPOLLIN);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    want_files(20000);
    epoll_fd = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    struct connection listener = {.fd = listen_and_tell()};
    must(fcntl(listener.fd, F_SETFL, O_NONBLOCK), "fcntl");
    watch(EPOLL_CTL_ADD, &listener, EPOLLIN);
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = must(epoll_wait(epoll_fd, events, EVENTS, -1), "epoll_wait");
        for (int i = 0; i < count; i++) {
            struct connection *c = events[i].data.ptr;
            if (c == &listener)
                accept_all(c);
            else if (events[i].events & EPOLLOUT)
                send_rest(c);
            else
                answer(c);
        }
    }
}
