/* A thread-per-connection TCP echo server and its clients in one process: 300 connections at once, every byte checked;
   over recv/send, read/write, readv/writev and recvmsg/sendmsg. */
/* run: args=recv */
/* run: args=read */
/* run: args=readv */
/* run: args=recvmsg */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include "say.h"

enum { CLIENTS = 300, MESSAGES = 20 };

static const char *how;
static struct sockaddr_in address;
static int right, echoed;

static ssize_t get(int fd, void *buffer, size_t size)
{
    struct iovec parts[2] = {{buffer, size / 2}, {(char *)buffer + size / 2, size - size / 2}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    if (strcmp(how, "recv") == 0)
        return recv(fd, buffer, size, 0);
    if (strcmp(how, "read") == 0)
        return read(fd, buffer, size);
    return strcmp(how, "readv") == 0 ? readv(fd, parts, 2) : recvmsg(fd, &message, 0);
}

static ssize_t put(int fd, void *buffer, size_t size)
{
    struct iovec parts[2] = {{buffer, size / 3}, {(char *)buffer + size / 3, size - size / 3}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    if (strcmp(how, "recv") == 0)
        return send(fd, buffer, size, 0);
    if (strcmp(how, "read") == 0)
        return write(fd, buffer, size);
    return strcmp(how, "readv") == 0 ? writev(fd, parts, 2) : sendmsg(fd, &message, 0);
}

static void *serves_one(void *arg)
{
    int fd = (int)(long)arg;
    char buffer[4096];
    ssize_t length;
    while ((length = get(fd, buffer, sizeof buffer)) > 0)
        for (ssize_t done = 0; done < length;) {
            ssize_t n = put(fd, buffer + done, length - done);
            NEED(n > 0);
            done += n;
        }
    NEED(length == 0);
    close(fd);
    __atomic_add_fetch(&echoed, 1, __ATOMIC_RELAXED);
    return NULL;
}

static void *accepts(void *arg)
{
    int listener = (int)(long)arg;
    pthread_t threads[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        struct sockaddr_in peer;
        socklen_t size = sizeof peer;
        int fd = accept(listener, (struct sockaddr *)&peer, &size);
        NEED(fd >= 0 && size == sizeof peer && peer.sin_family == AF_INET);
        threads[i] = start(serves_one, (void *)(long)fd);
    }
    for (int i = 0; i < CLIENTS; i++)
        join(threads[i]);
    return NULL;
}

static void *client(void *arg)
{
    char sent[1000], got[1000];
    int fd = socket(AF_INET, SOCK_STREAM, 0), ok = 1;
    NEED(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    for (int i = 0; i < MESSAGES; i++) {
        size_t size = 1 + ((long)arg * 37 + i * 101) % sizeof sent, have = 0;
        memset(sent, (int)(long)arg + i, size);
        NEED(put(fd, sent, size) == (ssize_t)size);
        while (have < size) {
            ssize_t n = recv(fd, got + have, size - have, 0);
            NEED(n > 0);
            have += n;
        }
        ok &= memcmp(sent, got, size) == 0;
    }
    shutdown(fd, SHUT_WR);
    ok &= recv(fd, got, 1, 0) == 0;
    close(fd);
    __atomic_add_fetch(&right, ok, __ATOMIC_RELAXED);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[CLIENTS];
    socklen_t size = sizeof address;
    NEED(argc == 2);
    how = argv[1];
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    NEED(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 128) == 0);
    NEED(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    pthread_t server = start(accepts, (void *)(long)listener);
    for (long i = 0; i < CLIENTS; i++)
        threads[i] = start(client, (void *)i);
    for (int i = 0; i < CLIENTS; i++)
        join(threads[i]);
    join(server);
    printf("clients that got all back: %d, connections served: %d\n", right, echoed);
    return 0;
}
