/* getaddrinfo against a DNS server that is a thread of the same program and takes its time: 50 look-ups overlap, other
   threads go on, names that do not exist, and an answer over TCP. The program gives itself a resolv.conf and a network of
   its own; that takes root. */
/* run: needs=root */
/* expect:
50 look-ups: 50
50 look-ups: in time
no such name: EAI_NONAME
by TCP after truncation: 40 addresses
ticks meanwhile: enough
*/
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include "say.h"

enum { DELAY_MS = 300, NXDOMAIN = 3, A = 1 };

struct question {
    unsigned char packet[512];
    size_t size;
    struct sockaddr_in peer;
    socklen_t peer_size;
};

static int udp, tcp, ticks, over;

/* A name space of our own: /etc/resolv.conf and nsswitch.conf are ours, loopback is all the network there is. */
static void own_world(void)
{
    char path[64];
    struct ifreq loopback = {.ifr_name = "lo"};
    const char *const files[][2] = {{"/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:20 attempts:1\n"},
                                    {"/etc/nsswitch.conf", "hosts: dns\n"}};
    if (unshare(CLONE_NEWNS | CLONE_NEWNET) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        exit(77);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "/tmp/test-dns-%d-%d", getpid(), i);
        int fd = open(path, O_CREAT | O_WRONLY, 0644);
        NEED(write(fd, files[i][1], strlen(files[i][1])) > 0);
        close(fd);
        int mounted = mount(path, files[i][0], NULL, MS_BIND, NULL);
        unlink(path);
        if (mounted != 0)
            exit(77);
    }
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    NEED(ioctl(fd, SIOCGIFFLAGS, &loopback) == 0);
    loopback.ifr_flags |= IFF_UP;
    NEED(ioctl(fd, SIOCSIFFLAGS, &loopback) == 0);
    close(fd);
}

/* The answer is made in place: header, the question as it came, and addresses 10.9.8.x for "nX.test" names. */
static size_t make_answer(unsigned char *packet, size_t size, int count, int is_truncated)
{
    int exists = packet[13] == 'n' || packet[13] == 'b';
    int type = packet[size - 3];
    packet[2] = 0x84 | (is_truncated ? 2 : 0);
    packet[3] = exists ? 0x80 : 0x80 | NXDOMAIN;
    packet[6] = 0;
    packet[7] = exists && type == A && !is_truncated ? (unsigned char)count : 0;
    memset(packet + 8, 0, 4);
    for (int i = 0; i < packet[7]; i++) {
        const unsigned char record[16] = {0xc0, 12, 0, A, 0, 1, 0, 0, 0, 60, 0, 4, 10, 9, 8, (unsigned char)(i + 1)};
        memcpy(packet + size, record, sizeof record);
        size += sizeof record;
    }
    return size;
}

static void *answers_late(void *arg)
{
    struct question *question = arg;
    int is_big = question->packet[13] == 'b';
    sleep_ms(DELAY_MS);
    size_t size = make_answer(question->packet, question->size, 1, is_big);
    sendto(udp, question->packet, size, 0, (struct sockaddr *)&question->peer, question->peer_size);
    free(question);
    return NULL;
}

static void *serves_udp(void *arg)
{
    for (;;) {
        struct question *question = calloc(1, sizeof *question);
        question->peer_size = sizeof question->peer;
        ssize_t size = recvfrom(udp, question->packet, sizeof question->packet, 0, (struct sockaddr *)&question->peer,
                                &question->peer_size);
        if (size <= 0)
            return arg;
        /* No additional records (EDNS) in what we send back. */
        question->size = (size_t)size;
        pthread_detach(start(answers_late, question));
    }
}

static void *serves_tcp(void *arg)
{
    for (;;) {
        unsigned char packet[2 + 2048];
        int fd = accept(tcp, NULL, NULL);
        if (fd < 0)
            return arg;
        while (recv(fd, packet, 2, MSG_WAITALL) == 2) {
            size_t size = packet[0] << 8 | packet[1];
            NEED(recv(fd, packet + 2, size, MSG_WAITALL) == (ssize_t)size);
            size = make_answer(packet + 2, size, 40, 0);
            packet[0] = (unsigned char)(size >> 8);
            packet[1] = (unsigned char)size;
            NEED(send(fd, packet, size + 2, 0) == (ssize_t)size + 2);
        }
        close(fd);
    }
}

static int addresses_of(const char *name)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    int count = 0, error = getaddrinfo(name, "80", &hints, &found);
    if (error != 0)
        return error;
    for (struct addrinfo *each = found; each; each = each->ai_next)
        count += (ntohl(((struct sockaddr_in *)each->ai_addr)->sin_addr.s_addr) & ~0xffU) == 0x0a090800;
    freeaddrinfo(found);
    return count;
}

static void *looks_up(void *arg)
{
    char name[32];
    snprintf(name, sizeof name, "n%ld.test", (long)arg);
    return (void *)(long)(addresses_of(name) == 1);
}

static void *ticker(void *arg)
{
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
        sleep_ms(1);
        ticks++;
    }
    return arg;
}

int main(void)
{
    pthread_t threads[50], tick;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(53),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    long right = 0;
    own_world();
    udp = socket(AF_INET, SOCK_DGRAM, 0);
    tcp = socket(AF_INET, SOCK_STREAM, 0);
    NEED(bind(udp, (struct sockaddr *)&address, sizeof address) == 0);
    NEED(bind(tcp, (struct sockaddr *)&address, sizeof address) == 0 && listen(tcp, 10) == 0);
    start(serves_udp, NULL);
    start(serves_tcp, NULL);
    tick = start(ticker, NULL);
    long long begin = now_ms();
    for (long i = 0; i < 50; i++)
        threads[i] = start(looks_up, (void *)i);
    for (int i = 0; i < 50; i++)
        right += (long)join(threads[i]);
    printf("50 look-ups: %ld\n", right);
    say_took("50 look-ups", begin, DELAY_MS - 1, 5000);
    int error = addresses_of("missing.test");
    printf("no such name: %s\n", error == EAI_NONAME ? "EAI_NONAME" : gai_strerror(error));
    printf("by TCP after truncation: %d addresses\n", addresses_of("big.test"));
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
    join(tick);
    printf("ticks meanwhile: %s\n", ticks > 100 ? "enough" : "too few");
    return 0;
}
