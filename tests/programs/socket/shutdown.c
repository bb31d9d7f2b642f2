/* shutdown and the end of the peer, seen by threads that wait: receivers, senders, pollers; half close; EPIPE and
   SIGPIPE; ECONNRESET; ENOTCONN. */
/* run: */
/* expect:
own SHUT_RD wakes receivers: 5
own SHUT_RDWR wakes receivers of TCP: 5
peer's close wakes receivers: 5
half close: server saw end, then client got 13
SHUT_WR under a blocked sender: EPIPE, SIGPIPE 1
peer's close under a blocked sender: EPIPE or ECONNRESET 1
write after peer's close: -1 EPIPE, SIGPIPE counted 1
reset by a peer with SO_LINGER 0: -1 ECONNRESET
reset told once: 0
shutdown unconnected: -1 ENOTCONN
shutdown bad how: -1 EINVAL
recv unconnected: -1 ENOTCONN
send unconnected: -1 EPIPE
*/
#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include "say.h"

static volatile sig_atomic_t pipes;
static int fds[2];

static void on_pipe(int signal)
{
    (void)signal;
    pipes++;
}

static void tcp_pair(int ends[2])
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    NEED(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 1) == 0);
    NEED(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    NEED(connect(ends[0], (struct sockaddr *)&address, size) == 0);
    ends[1] = accept(listener, NULL, NULL);
    NEED(ends[1] >= 0);
    close(listener);
}

static void *receives(void *arg)
{
    char byte;
    (void)arg;
    return (void *)(long)(recv(fds[0], &byte, 1, 0) == 0);
}

static int woken_by(void (*act)(void))
{
    pthread_t threads[5];
    long woken = 0;
    for (int i = 0; i < 5; i++)
        threads[i] = start(receives, NULL);
    sleep_ms(20);
    act();
    for (int i = 0; i < 5; i++)
        woken += (long)join(threads[i]);
    return (int)woken;
}

static void shut_read(void)
{
    shutdown(fds[0], SHUT_RD);
}

static void shut_both(void)
{
    shutdown(fds[0], SHUT_RDWR);
}

static void close_peer(void)
{
    close(fds[1]);
}

static void *counts_then_answers(void *arg)
{
    char buffer[100], answer[32];
    long total = 0;
    ssize_t n;
    (void)arg;
    while ((n = recv(fds[1], buffer, sizeof buffer, 0)) > 0)
        total += n;
    sleep_ms(10);
    int length = snprintf(answer, sizeof answer, "%ld", total);
    send(fds[1], answer, length, 0);
    close(fds[1]);
    return NULL;
}

static void half_close(void)
{
    char answer[32] = "";
    tcp_pair(fds);
    pthread_t server = start(counts_then_answers, NULL);
    send(fds[0], "thirteen", 8, 0);
    sleep_ms(5);
    send(fds[0], "bytes", 5, 0);
    shutdown(fds[0], SHUT_WR);
    ssize_t length = recv(fds[0], answer, sizeof answer - 1, MSG_WAITALL);
    printf("half close: server saw end, then client got %s\n", length > 0 ? answer : "nothing");
    join(server);
}

static void *sends_until_error(void *arg)
{
    static char block[65536];
    (void)arg;
    for (;;)
        if (send(fds[0], block, sizeof block, 0) == -1)
            return (void *)(long)errno;
}

static int sender_error(void (*act)(void))
{
    pipes = 0;
    pthread_t sender = start(sends_until_error, NULL);
    sleep_ms(30);
    act();
    return (int)(long)join(sender);
}

static void shut_write(void)
{
    shutdown(fds[0], SHUT_WR);
}

static void say_result(const char *what, ssize_t result)
{
    if (result == -1)
        printf("%s: -1 %s\n", what, error_name(errno));
    else
        printf("%s: %zd\n", what, result);
}

static void *resets(void *arg)
{
    char byte;
    struct linger hard = {1, 0};
    tcp_pair(fds);
    setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fds[1]);
    say_result("reset by a peer with SO_LINGER 0", recv(fds[0], &byte, 1, 0));
    say_result("reset told once", recv(fds[0], &byte, 1, 0));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    say_result("shutdown unconnected", shutdown(fd, SHUT_RD));
    say_result("shutdown bad how", shutdown(fds[0], 9));
    fd = socket(AF_INET, SOCK_STREAM, 0);
    say_result("recv unconnected", recv(fd, &byte, 1, 0));
    say_result("send unconnected", send(fd, &byte, 1, MSG_NOSIGNAL));
    return arg;
}

int main(void)
{
    signal(SIGPIPE, on_pipe);
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    printf("own SHUT_RD wakes receivers: %d\n", woken_by(shut_read));
    tcp_pair(fds);
    printf("own SHUT_RDWR wakes receivers of TCP: %d\n", woken_by(shut_both));
    tcp_pair(fds);
    printf("peer's close wakes receivers: %d\n", woken_by(close_peer));
    half_close();
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    int error = sender_error(shut_write);
    printf("SHUT_WR under a blocked sender: %s, SIGPIPE %d\n", error_name(error), pipes);
    tcp_pair(fds);
    error = sender_error(close_peer);
    printf("peer's close under a blocked sender: EPIPE or ECONNRESET %d\n", error == EPIPE || error == ECONNRESET);
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    close(fds[1]);
    pipes = 0;
    ssize_t result = write(fds[0], "x", 1);
    printf("write after peer's close: %zd %s, SIGPIPE counted %d\n", result, error_name(errno), pipes);
    join(start(resets, NULL));
    return 0;
}
