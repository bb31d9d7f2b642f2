/* UDP: request and answer by many threads over one server socket, connected sockets, ECONNREFUSED by ICMP, empty
   datagrams, recvmmsg and sendmmsg, MSG_PEEK and MSG_TRUNC. */
/* run: */
/* expect:
answered: 1000
connected, refused: -1 ECONNREFUSED
empty datagram: 0
peek, then read: 5 5
real length by MSG_TRUNC: 8
sendmmsg: 10
recvmmsg, MSG_WAITFORONE: 10
recvmmsg with time-out, nothing there: -1 EAGAIN
sendto without address: -1 EDESTADDRREQ
message too long: -1 EMSGSIZE
*/
#include <arpa/inet.h>
#include <sys/socket.h>
#include "say.h"

static struct sockaddr_in server;
static int answered;

static int open_udp(struct sockaddr_in *bound)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    socklen_t size = sizeof *bound;
    *bound = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    NEED(bind(fd, (struct sockaddr *)bound, size) == 0 && getsockname(fd, (struct sockaddr *)bound, &size) == 0);
    return fd;
}

static void *serves(void *arg)
{
    int fd = (int)(long)arg, number;
    for (;;) {
        struct sockaddr_in peer;
        socklen_t size = sizeof peer;
        ssize_t length = recvfrom(fd, &number, sizeof number, 0, (struct sockaddr *)&peer, &size);
        if (length == 0)
            return NULL;
        NEED(length == sizeof number);
        number = -number;
        NEED(sendto(fd, &number, sizeof number, 0, (struct sockaddr *)&peer, size) == sizeof number);
    }
}

static void *asks(void *arg)
{
    struct sockaddr_in own;
    int fd = open_udp(&own), number, right = 0;
    NEED(connect(fd, (struct sockaddr *)&server, sizeof server) == 0);
    for (int i = 1; i <= 50; i++) {
        int question = (int)(long)arg * 100 + i;
        NEED(send(fd, &question, sizeof question, 0) == sizeof question);
        NEED(recv(fd, &number, sizeof number, 0) == sizeof number);
        right += number == -question;
    }
    close(fd);
    __atomic_add_fetch(&answered, right, __ATOMIC_RELAXED);
    return NULL;
}

static void *refused(void *arg)
{
    struct sockaddr_in nobody, own;
    char byte;
    int fd = open_udp(&own), gone = open_udp(&nobody);
    close(gone);
    NEED(connect(fd, (struct sockaddr *)&nobody, sizeof nobody) == 0 && send(fd, "x", 1, 0) == 1);
    ssize_t length = recv(fd, &byte, 1, 0);
    printf("connected, refused: %zd %s\n", length, error_name(errno));
    close(fd);
    return arg;
}

static void *sends_later(void *arg)
{
    struct sockaddr_in own, *to = arg;
    int fd = open_udp(&own);
    sleep_ms(10);
    sendto(fd, "", 0, 0, (struct sockaddr *)to, sizeof *to);
    sendto(fd, "five.", 5, 0, (struct sockaddr *)to, sizeof *to);
    sendto(fd, "eight...", 8, 0, (struct sockaddr *)to, sizeof *to);
    close(fd);
    return NULL;
}

static void flags(void)
{
    struct sockaddr_in own;
    char buffer[100];
    int fd = open_udp(&own);
    pthread_t sender = start(sends_later, &own);
    printf("empty datagram: %zd\n", recv(fd, buffer, 100, 0));
    ssize_t peeked = recv(fd, buffer, 100, MSG_PEEK);
    printf("peek, then read: %zd %zd\n", peeked, recv(fd, buffer, 100, 0));
    printf("real length by MSG_TRUNC: %zd\n", recv(fd, buffer, 4, MSG_TRUNC));
    join(sender);
    close(fd);
}

static void *sends_many(void *arg)
{
    struct sockaddr_in own;
    struct mmsghdr messages[10];
    struct iovec part = {"many", 4};
    int fd = open_udp(&own);
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < 10; i++)
        messages[i].msg_hdr =
            (struct msghdr){.msg_name = arg, .msg_namelen = sizeof own, .msg_iov = &part, .msg_iovlen = 1};
    sleep_ms(10);
    printf("sendmmsg: %d\n", sendmmsg(fd, messages, 10, 0));
    close(fd);
    return NULL;
}

static void many_at_once(void)
{
    struct sockaddr_in own;
    struct mmsghdr messages[10];
    struct iovec parts[10];
    char buffers[10][16];
    int fd = open_udp(&own), have = 0;
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < 10; i++) {
        parts[i] = (struct iovec){buffers[i], 16};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    pthread_t sender = start(sends_many, &own);
    while (have < 10) {
        int n = recvmmsg(fd, messages, 10 - have, MSG_WAITFORONE, NULL);
        NEED(n > 0 && messages[0].msg_len == 4);
        have += n;
    }
    join(sender);
    printf("recvmmsg, MSG_WAITFORONE: %d\n", have);
    struct timeval soon = {0, 20000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
    int n = recvmmsg(fd, messages, 10, 0, NULL);
    printf("recvmmsg with time-out, nothing there: %d %s\n", n, error_name(errno));
    static char huge[70000];
    ssize_t sent = send(fd, "x", 1, 0);
    printf("sendto without address: %zd %s\n", sent, error_name(errno));
    sent = sendto(fd, huge, sizeof huge, 0, (struct sockaddr *)&own, sizeof own);
    printf("message too long: %zd %s\n", sent, error_name(errno));
    close(fd);
}

int main(void)
{
    pthread_t threads[20], server_thread;
    int fd = open_udp(&server);
    server_thread = start(serves, (void *)(long)fd);
    for (long i = 0; i < 20; i++)
        threads[i] = start(asks, (void *)i);
    for (int i = 0; i < 20; i++)
        join(threads[i]);
    printf("answered: %d\n", answered);
    struct sockaddr_in own;
    int end = open_udp(&own);
    sendto(end, "", 0, 0, (struct sockaddr *)&server, sizeof server);
    join(server_thread);
    join(start(refused, NULL));
    flags();
    many_at_once();
    return 0;
}
