/* Several threads accept on one listener: each connection goes to exactly one; accept4's flags; errors; a listener that
   is shut down or closed by another thread. */
/* run: */
/* expect:
accept4 SOCK_NONBLOCK: 1, SOCK_CLOEXEC: 1
accept: neither: 1
accept4(listener, NULL, NULL, 0x40000000): -1 EINVAL
accept(pipe_ends[0], NULL, NULL): -1 ENOTSOCK
accept(-1, NULL, NULL): -1 EBADF
accept(unconnected, NULL, NULL): -1 EINVAL
accept(datagram, NULL, NULL): -1 EOPNOTSUPP
accept(nonblocking, NULL, NULL): -1 EAGAIN
connections accepted: 200, distinct clients 200
listener keeps O_NONBLOCK off while accept waits: 1
shutdown of the listener wakes accept: 10 times EINVAL
*/
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include "say.h"

enum { CLIENTS = 200, ACCEPTORS = 10 };
static struct sockaddr_in address;
static int listener, accepted, seen[CLIENTS], woken;

static int open_listener(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t size = sizeof address;
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    NEED(bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 256) == 0);
    NEED(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    return fd;
}

static void *acceptor(void *arg)
{
    int fd, number;
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        NEED(recv(fd, &number, sizeof number, MSG_WAITALL) == sizeof number);
        __atomic_add_fetch(&accepted, 1, __ATOMIC_RELAXED);
        __atomic_add_fetch(&seen[number], 1, __ATOMIC_RELAXED);
        close(fd);
    }
    __atomic_add_fetch(&woken, errno == EINVAL, __ATOMIC_RELAXED);
    return arg;
}

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    NEED(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

static void *client(void *arg)
{
    int number = (int)(long)arg, fd = dial();
    char byte;
    NEED(send(fd, &number, sizeof number, 0) == sizeof number);
    NEED(recv(fd, &byte, 1, 0) == 0);
    close(fd);
    return NULL;
}

static void *look_at_flags(void *arg)
{
    int one = dial(), fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    printf("accept4 SOCK_NONBLOCK: %d, SOCK_CLOEXEC: %d\n", (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0,
           (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    int two = dial(), plain = accept(listener, NULL, NULL);
    printf("accept: neither: %d\n", !(fcntl(plain, F_GETFL) & O_NONBLOCK) && !(fcntl(plain, F_GETFD) & FD_CLOEXEC));
    close(one);
    close(two);
    close(fd);
    close(plain);
    return arg;
}

static void *errors(void *arg)
{
    int pipe_ends[2], unconnected = socket(AF_INET, SOCK_STREAM, 0), datagram = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in keep = address;
    int nonblocking = open_listener();
    address = keep;
    NEED(pipe(pipe_ends) == 0);
    fcntl(nonblocking, F_SETFL, O_NONBLOCK);
    SAY_CALL(accept4(listener, NULL, NULL, 0x40000000));
    SAY_CALL(accept(pipe_ends[0], NULL, NULL));
    SAY_CALL(accept(-1, NULL, NULL));
    SAY_CALL(accept(unconnected, NULL, NULL));
    SAY_CALL(accept(datagram, NULL, NULL));
    SAY_CALL(accept(nonblocking, NULL, NULL));
    return arg;
}

int main(void)
{
    pthread_t acceptors[ACCEPTORS], clients[CLIENTS];
    int distinct = 0;
    listener = open_listener();
    join(start(look_at_flags, NULL));
    join(start(errors, NULL));
    for (int i = 0; i < ACCEPTORS; i++)
        acceptors[i] = start(acceptor, NULL);
    for (long i = 0; i < CLIENTS; i++)
        clients[i] = start(client, (void *)i);
    for (int i = 0; i < CLIENTS; i++)
        join(clients[i]);
    for (int i = 0; i < CLIENTS; i++)
        distinct += seen[i] == 1;
    printf("connections accepted: %d, distinct clients %d\n", accepted, distinct);
    sleep_ms(10);
    printf("listener keeps O_NONBLOCK off while accept waits: %d\n", !(fcntl(listener, F_GETFL) & O_NONBLOCK));
    shutdown(listener, SHUT_RDWR);
    for (int i = 0; i < ACCEPTORS; i++)
        join(acceptors[i]);
    printf("shutdown of the listener wakes accept: %d times EINVAL\n", woken);
    return 0;
}
