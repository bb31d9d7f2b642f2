/* UNIX sockets: stream with a path and an abstract name, datagram with back-pressure, seqpacket keeps bounds, descriptor
   passing, socketpair; between threads. */
/* run: */
/* expect:
stream by path: 50 of 50
stream by abstract name: 50 of 50
datagrams: 1000 in order, sum 499500
datagram truncated: 4 with MSG_TRUNC 1
seqpacket: 3 5 1 0
descriptor passed, byte through it: 1
getpeername of a pair is unnamed: 1
connect to no path: -1 ENOENT
connect to a path nobody listens on: -1 ECONNREFUSED
wrong type: -1 EPROTOTYPE
name too long for bind: -1 EINVAL
bind in use: -1 EADDRINUSE
*/
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "say.h"

static struct sockaddr_un address;
static socklen_t address_size;

static void name_it(const char *suffix, int abstract)
{
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    int length = snprintf(address.sun_path + abstract, sizeof address.sun_path - abstract, "/tmp/test-unix-%d-%s",
                          getpid(), suffix);
    address_size = offsetof(struct sockaddr_un, sun_path) + abstract + length + !abstract;
}

static void *serves(void *arg)
{
    char byte;
    int fd = (int)(long)arg;
    while (read(fd, &byte, 1) == 1)
        NEED(write(fd, &byte, 1) == 1);
    close(fd);
    return NULL;
}

static void *accepts(void *arg)
{
    pthread_t threads[50];
    for (int i = 0; i < 50; i++)
        threads[i] = start(serves, (void *)(long)accept((int)(long)arg, NULL, NULL));
    for (int i = 0; i < 50; i++)
        join(threads[i]);
    return NULL;
}

static void *client(void *arg)
{
    char byte = (char)(long)arg, back = 0;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    NEED(connect(fd, (struct sockaddr *)&address, address_size) == 0);
    NEED(write(fd, &byte, 1) == 1 && read(fd, &back, 1) == 1);
    close(fd);
    return (void *)(long)(byte == back);
}

static void stream(const char *name, int abstract)
{
    pthread_t threads[50];
    long right = 0;
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    name_it("stream", abstract);
    NEED(bind(listener, (struct sockaddr *)&address, address_size) == 0 && listen(listener, 5) == 0);
    pthread_t server = start(accepts, (void *)(long)listener);
    for (long i = 0; i < 50; i++)
        threads[i] = start(client, (void *)i);
    for (int i = 0; i < 50; i++)
        right += (long)join(threads[i]);
    join(server);
    close(listener);
    if (!abstract)
        unlink(address.sun_path);
    printf("stream by %s: %ld of 50\n", name, right);
}

static void *sends_datagrams(void *arg)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    for (int i = 0; i < 1000; i++)
        NEED(sendto(fd, &i, sizeof i, 0, (struct sockaddr *)&address, address_size) == sizeof i);
    close(fd);
    return arg;
}

static void datagrams(void)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0), in_order = 0;
    long sum = 0;
    char text[4] = "";
    name_it("datagram", 0);
    NEED(bind(fd, (struct sockaddr *)&address, address_size) == 0);
    pthread_t sender = start(sends_datagrams, NULL);
    sleep_ms(20);
    for (int i = 0, got; i < 1000; i++) {
        NEED(recv(fd, &got, sizeof got, 0) == sizeof got);
        in_order += got == i;
        sum += got;
    }
    join(sender);
    printf("datagrams: %d in order, sum %ld\n", in_order, sum);
    NEED(sendto(fd, "too long", 8, 0, (struct sockaddr *)&address, address_size) == 8);
    struct iovec part = {text, 4};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t length = recvmsg(fd, &message, 0);
    printf("datagram truncated: %zd with MSG_TRUNC %d\n", length, (message.msg_flags & MSG_TRUNC) != 0);
    close(fd);
    unlink(address.sun_path);
}

static void *sends_packets(void *arg)
{
    int fd = (int)(long)arg;
    sleep_ms(10);
    NEED(send(fd, "one", 3, 0) == 3 && send(fd, "three", 5, 0) == 5 && send(fd, "x", 1, 0) == 1);
    close(fd);
    return NULL;
}

static void *sends_descriptor(void *arg)
{
    int fd = (int)(long)arg, ends[2];
    char control[CMSG_SPACE(sizeof(int))] = "", byte = 'f';
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    NEED(pipe(ends) == 0);
    *header = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(header), &ends[0], sizeof(int));
    NEED(sendmsg(fd, &message, 0) == 1);
    close(ends[0]);
    sleep_ms(10);
    NEED(write(ends[1], "y", 1) == 1);
    close(ends[1]);
    return NULL;
}

static void pairs(void)
{
    int ends[2], passed;
    char buffer[100], control[CMSG_SPACE(sizeof(int))], byte = 0;
    NEED(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
    pthread_t thread = start(sends_packets, (void *)(long)ends[1]);
    int first = recv(ends[0], buffer, 100, 0), second = recv(ends[0], buffer, 100, 0);
    int third = recv(ends[0], buffer, 100, 0);
    printf("seqpacket: %d %d %d %zd\n", first, second, third, recv(ends[0], buffer, 100, 0));
    join(thread);

    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    struct iovec part = {buffer, 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    thread = start(sends_descriptor, (void *)(long)ends[1]);
    NEED(recvmsg(ends[0], &message, 0) == 1);
    memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof passed);
    ssize_t length = read(passed, &byte, 1);
    join(thread);
    printf("descriptor passed, byte through it: %d\n", length == 1 && byte == 'y');
    struct sockaddr_un peer;
    socklen_t size = sizeof peer;
    NEED(getpeername(ends[0], (struct sockaddr *)&peer, &size) == 0);
    printf("getpeername of a pair is unnamed: %d\n", size == sizeof(sa_family_t));
}

static void say_connect(const char *what, int type)
{
    int fd = socket(AF_UNIX, type, 0);
    int result = connect(fd, (struct sockaddr *)&address, address_size);
    printf("%s: %d %s\n", what, result, error_name(errno));
    close(fd);
}

static void *errors(void *arg)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), other = socket(AF_UNIX, SOCK_STREAM, 0);
    name_it("nothing", 0);
    say_connect("connect to no path", SOCK_STREAM);
    NEED(bind(fd, (struct sockaddr *)&address, address_size) == 0);
    say_connect("connect to a path nobody listens on", SOCK_STREAM);
    say_connect("wrong type", SOCK_DGRAM);
    int result = bind(other, (struct sockaddr *)&address, 200);
    printf("name too long for bind: %d %s\n", result, error_name(errno));
    result = bind(other, (struct sockaddr *)&address, address_size);
    printf("bind in use: %d %s\n", result, error_name(errno));
    unlink(address.sun_path);
    return arg;
}

int main(void)
{
    stream("path", 0);
    stream("abstract name", 1);
    datagrams();
    pairs();
    join(start(errors, NULL));
    return 0;
}
