/* With _FORTIFY_SOURCE the compiler calls read, recv, recvfrom, poll, fgets, fread, FD_SET, printf by their __..._chk
   names: they wait as the plain ones, and an overflow still aborts. */
/* run: args=wait; cflags=-D_FORTIFY_SOURCE=2 */
/* expect:
read 5 late!
recv 5 late!
recvfrom 5 late!
poll 1, read 5 late!
select 1, read 5 late!
fgets late!
fread 5 late!
*/
/* run: args=overflow; cflags=-D_FORTIFY_SOURCE=2; signal=SIGABRT */
#include <poll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include "say.h"

static void *writes_late(void *arg)
{
    sleep_ms(10);
    NEED(write((int)(long)arg, "late!", 5) == 5);
    return NULL;
}

static void *closes_late(void *arg)
{
    sleep_ms(10);
    NEED(write((int)(long)arg, "late!", 5) == 5);
    close((int)(long)arg);
    return NULL;
}

/* A length the compiler does not know, so that it has to check at run time. */
static volatile size_t five = 5, much = 100;

static void waits(void)
{
    char text[8] = "";
    int sockets[2], pipes[2];
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0 && pipe(pipes) == 0);
    pthread_t thread = start(writes_late, (void *)(long)pipes[1]);
    printf("read %zd %s\n", read(pipes[0], text, five), text);
    join(thread);
    thread = start(writes_late, (void *)(long)sockets[1]);
    printf("recv %zd %s\n", recv(sockets[0], text, five, 0), text);
    join(thread);
    thread = start(writes_late, (void *)(long)sockets[1]);
    printf("recvfrom %zd %s\n", recvfrom(sockets[0], text, five, 0, (struct sockaddr *)&from, &size), text);
    join(thread);
    struct pollfd entries[1] = {{pipes[0], POLLIN, 0}};
    thread = start(writes_late, (void *)(long)pipes[1]);
    int ready = poll(entries, five - 4, -1);
    join(thread);
    printf("poll %d, read %zd %s\n", ready, read(pipes[0], text, five), text);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pipes[five - 5], &set);
    thread = start(writes_late, (void *)(long)pipes[1]);
    ready = select(pipes[0] + 1, &set, NULL, NULL, NULL);
    join(thread);
    printf("select %d, read %zd %s\n", ready, read(pipes[0], text, five), text);
    FILE *in = fdopen(pipes[0], "r");
    thread = start(writes_late, (void *)(long)pipes[1]);
    printf("fgets %s\n", fgets(text, (int)five + 1, in));
    join(thread);
    thread = start(closes_late, (void *)(long)pipes[1]);
    printf("fread %zu %s\n", fread(text, 1, five + 1, in), text);
    join(thread);
}

static void *overflows(void *arg)
{
    char text[8];
    int pipes[2];
    NEED(pipe(pipes) == 0);
    say("overflow");
    NEED(read(pipes[0], text, much) == 8);
    return arg;
}

int main(int argc, char **argv)
{
    NEED(argc == 2);
    if (strcmp(argv[1], "wait") == 0)
        waits();
    else
        join(start(overflows, NULL));
    return 0;
}
