/* Bad descriptors, bad pointers and wrong kinds of descriptor, from a thread while others exist: the errno is native. */
/* run: cflags=-w */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include "say.h"

#define BAD ((void *)16)

static pthread_barrier_t end;

static void *waits(void *arg)
{
    pthread_barrier_wait(&end);
    return arg;
}

static void descriptors(void)
{
    char buffer[10];
    struct iovec part = {buffer, 10};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    int file = -1, closed = 777;
    for (int i = 0; i < 2; i++) {
        int fd = i ? closed : file;
        SAY_CALL(read(fd, buffer, 1));
        SAY_CALL(write(fd, buffer, 1));
        SAY_CALL(readv(fd, &part, 1));
        SAY_CALL(writev(fd, &part, 1));
        SAY_CALL(recv(fd, buffer, 1, 0));
        SAY_CALL(send(fd, buffer, 1, 0));
        SAY_CALL(recvmsg(fd, &message, 0));
        SAY_CALL(sendmsg(fd, &message, 0));
        SAY_CALL(close(fd));
        SAY_CALL(shutdown(fd, SHUT_RD));
        SAY_CALL(dup(fd));
        SAY_CALL(dup2(fd, 500));
    }
    SAY_CALL(dup2(0, -1));
    SAY_CALL(dup2(0, 1 << 30));
    SAY_CALL(dup3(0, 0, 0));
}

static void wrong_kind(int pipe_read, int pipe_write)
{
    char buffer[10];
    struct sockaddr_in address = {.sin_family = AF_INET};
    SAY_CALL(recv(pipe_read, buffer, 1, 0));
    SAY_CALL(send(pipe_write, buffer, 1, 0));
    SAY_CALL(recvfrom(pipe_read, buffer, 1, 0, NULL, NULL));
    SAY_CALL(listen(pipe_read, 1));
    SAY_CALL(bind(pipe_read, (struct sockaddr *)&address, sizeof address));
    SAY_CALL(shutdown(pipe_read, SHUT_RD));
    SAY_CALL(read(pipe_write, buffer, 1));
    SAY_CALL(write(pipe_read, buffer, 1));
    SAY_CALL(pread(pipe_read, buffer, 1, 0));
    SAY_CALL(socket(AF_INET, 99, 0));
    SAY_CALL(socket(250, SOCK_STREAM, 0));
    SAY_CALL(socketpair(AF_INET, SOCK_STREAM, 0, (int[2]){0, 0}));
    SAY_CALL(read(open("/", 0), buffer, 1));
}

static void pointers(int pipe_read, int pipe_write, int socket_fd, int peer)
{
    struct iovec part = {BAD, 10};
    struct msghdr message = {.msg_iov = BAD, .msg_iovlen = 1};
    struct pollfd none = {-1, POLLIN, 0};
    NEED(write(pipe_write, "x", 1) == 1 && send(peer, "x", 1, 0) == 1);
    SAY_CALL(read(pipe_read, BAD, 1));
    SAY_CALL(write(pipe_write, BAD, 1));
    SAY_CALL(readv(pipe_read, &part, 1));
    SAY_CALL(readv(pipe_read, BAD, 1));
    SAY_CALL(writev(pipe_write, &part, 1));
    SAY_CALL(readv(pipe_read, &part, -1));
    SAY_CALL(writev(pipe_write, &part, 5000));
    SAY_CALL(recv(socket_fd, BAD, 1, 0));
    SAY_CALL(send(socket_fd, BAD, 1, 0));
    SAY_CALL(recvmsg(socket_fd, &message, 0));
    SAY_CALL(recvmsg(socket_fd, BAD, 0));
    SAY_CALL(sendmsg(socket_fd, BAD, 0));
    SAY_CALL(poll(BAD, 1, 0));
    SAY_CALL(poll(BAD, 1, 10));
    SAY_CALL(poll(&none, 1, 10));
    SAY_CALL(poll(&none, 1 << 30, 0));
    SAY_CALL(select(1, BAD, NULL, NULL, NULL));
    SAY_CALL(nanosleep(BAD, NULL));
    SAY_CALL(pipe(BAD));
    SAY_CALL(read(pipe_read, (char *)&part, 0));
    SAY_CALL(recv(socket_fd, (char *)&part, 1, 0));
}

static void multiplexers(void)
{
    struct epoll_event event;
    struct timeval negative = {-1, 0};
    fd_set set;
    int epoll = epoll_create1(0);
    SAY_CALL(epoll_wait(-1, &event, 1, 0));
    SAY_CALL(epoll_wait(0, &event, 1, 0));
    SAY_CALL(epoll_wait(epoll, &event, 0, 0));
    SAY_CALL(epoll_wait(epoll, &event, -5, 10));
    SAY_CALL(epoll_wait(epoll, BAD, 1, 0));
    SAY_CALL(epoll_create(0));
    SAY_CALL(epoll_create1(12345));
    SAY_CALL(epoll_ctl(epoll, EPOLL_CTL_ADD, epoll, &event));
    SAY_CALL(select(-1, NULL, NULL, NULL, NULL));
    SAY_CALL(select(0, NULL, NULL, NULL, &negative));
    FD_ZERO(&set);
    FD_SET(50, &set);
    SAY_CALL(select(51, &set, NULL, NULL, NULL));
}

static void *body(void *arg)
{
    int pipe_ends[2], sockets[2];
    NEED(pipe(pipe_ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
    descriptors();
    wrong_kind(pipe_ends[0], pipe_ends[1]);
    pointers(pipe_ends[0], pipe_ends[1], sockets[0], sockets[1]);
    multiplexers();
    return arg;
}

int main(void)
{
    pthread_barrier_init(&end, NULL, 2);
    pthread_t waiter = start(waits, NULL);
    join(start(body, NULL));
    pthread_barrier_wait(&end);
    join(waiter);
    return 0;
}
