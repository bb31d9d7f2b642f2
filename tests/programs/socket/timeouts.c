/* SO_RCVTIMEO and SO_SNDTIMEO on every call that they govern; getsockopt gives them back; other threads go on. */
/* run: */
/* expect:
recv: -1 EAGAIN
read: -1 EAGAIN
readv: -1 EAGAIN
recvfrom: -1 EAGAIN
recvmsg: -1 EAGAIN
five receives: waited: in time
accept: -1 EAGAIN
send fills, then: EAGAIN
write fills, then: EAGAIN
writev fills, then: EAGAIN
sendmsg fills, then: EAGAIN
sends: waited: in time
partial, MSG_WAITALL: 3
data before the time-out: 1
set and gotten: 0 30000
off again, comes late: 1
bad time-out: -1 EDOM
ticks of a thread meanwhile: enough
*/
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include "say.h"

static char block[65536];
static struct iovec part = {block, sizeof block};
static struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
static int ticks, over;

static void *ticker(void *arg)
{
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
        sleep_ms(1);
        ticks++;
    }
    return arg;
}

static void limit(int fd, int option, int ms)
{
    struct timeval time = {ms / 1000, ms % 1000 * 1000};
    NEED(setsockopt(fd, SOL_SOCKET, option, &time, sizeof time) == 0);
}

static void say_result(const char *what, ssize_t result)
{
    if (result == -1)
        printf("%s: -1 %s\n", what, error_name(errno));
    else
        printf("%s: %zd\n", what, result);
}

static void receives(int fd)
{
    long long begin = now_ms();
    limit(fd, SO_RCVTIMEO, 30);
    say_result("recv", recv(fd, block, 1, 0));
    say_result("read", read(fd, block, 1));
    say_result("readv", readv(fd, &part, 1));
    say_result("recvfrom", recvfrom(fd, block, 1, 0, NULL, NULL));
    say_result("recvmsg", recvmsg(fd, &message, 0));
    say_took("five receives: waited", begin, 145, 5000);
}

static void accepts(void)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    NEED(bind(listener, (struct sockaddr *)&any, sizeof any) == 0 && listen(listener, 1) == 0);
    limit(listener, SO_RCVTIMEO, 30);
    say_result("accept", accept(listener, NULL, NULL));
    close(listener);
}

static ssize_t send_by(int way, int fd)
{
    switch (way) {
    case 0: return send(fd, block, sizeof block, 0);
    case 1: return write(fd, block, sizeof block);
    case 2: return writev(fd, &part, 1);
    default: return sendmsg(fd, &message, 0);
    }
}

static void sends(void)
{
    static const char *const names[] = {"send", "write", "writev", "sendmsg"};
    long long begin = now_ms();
    for (int way = 0; way < 4; way++) {
        int ends[2];
        NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
        limit(ends[0], SO_SNDTIMEO, 30);
        while (send_by(way, ends[0]) > 0)
            ;
        printf("%s fills, then: %s\n", names[way], error_name(errno));
        close(ends[0]);
        close(ends[1]);
    }
    say_took("sends: waited", begin, 118, 5000);
}

static void *sends_later(void *arg)
{
    sleep_ms(60);
    NEED(send((int)(long)arg, "x", 1, 0) == 1);
    return NULL;
}

int main(void)
{
    int ends[2];
    struct timeval time;
    socklen_t size = sizeof time;
    pthread_t thread = start(ticker, NULL), sender;
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    receives(ends[0]);
    accepts();
    sends();
    send(ends[1], "abc", 3, 0);
    say_result("partial, MSG_WAITALL", recv(ends[0], block, 10, MSG_WAITALL));
    limit(ends[0], SO_RCVTIMEO, 10000);
    sender = start(sends_later, (void *)(long)ends[1]);
    say_result("data before the time-out", recv(ends[0], block, 1, 0));
    join(sender);
    limit(ends[0], SO_RCVTIMEO, 30);
    getsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &time, &size);
    printf("set and gotten: %ld %ld\n", (long)time.tv_sec, time.tv_usec / 10000 * 10000);
    limit(ends[0], SO_RCVTIMEO, 0);
    sender = start(sends_later, (void *)(long)ends[1]);
    say_result("off again, comes late", recv(ends[0], block, 1, 0));
    join(sender);
    time = (struct timeval){0, 1000000};
    say_result("bad time-out", setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
    join(thread);
    printf("ticks of a thread meanwhile: %s\n", ticks > 50 ? "enough" : "too few");
    return 0;
}
