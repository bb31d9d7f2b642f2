/* Load for an echo server: N connections, 64-byte messages, one outstanding on each, every byte of every answer checked.
 *
 *   echo_load [-n CONNECTIONS] [-w WARM_UP_SECONDS] [-d SECONDS] [-s BACKEND_PORT] PORT
 *
 * Three phases: all connect at once, and each gets one answer; warm-up; measurement. A line of JSON comes out when all are
 * connected, and one with the result. Before the warm-up it waits for a line of standard input, and after the result for its
 * end, so that the server can be looked at while all connections are open and silent.
 * With -s, PORT is a SOCKS5 proxy (RFC 1928) and the echo server behind it is BACKEND_PORT.
 *
 * Epoll is edge-triggered: an answer is complete with one read, so the load costs less than any server that it measures.
 * Exit status 1: a wrong answer, a lost connection, or ten seconds without any answer at all. */
#include <sys/epoll.h>

#include "bench.h"

#define MESSAGE 64
#define EVENTS 512
#define STALL_MS 10000

enum step { CONNECTING, GREETING, REQUEST, ECHO };

struct client {
    int fd;
    enum step step;
    uint32_t index, sequence; /* what the outstanding message is made from */
    uint32_t have, need;      /* of the answer */
    int64_t sent_ns;
    unsigned char answer[MESSAGE];
};

static struct client *clients;
static uint32_t count = 100, connected;
static int port, backend_port;
static int epoll_fd;
static int is_running; /* an answer is followed by the next message */

static uint32_t *latency_ns; /* of each measured message */
static size_t measured, latency_room;
static int64_t measure_from = INT64_MAX;

static _Noreturn void fail(const struct client *c, const char *what)
{
    fprintf(stderr, "echo_load: connection %u, message %u: %s\n", c->index, c->sequence, what);
    exit(1);
}

/* No two messages are alike: an answer that belongs to another connection or message is found out. */
static void message_make(const struct client *c, uint64_t message[MESSAGE / 8])
{
    uint64_t x = (uint64_t)c->index << 32 | c->sequence;
    for (int i = 0; i < MESSAGE / 8; i++) {
        x = (x ^ x >> 29) * UINT64_C(0xbf58476d1ce4e5b9) + (uint64_t)i;
        message[i] = x;
    }
}

static void client_send(struct client *c, const void *data, size_t length, uint32_t need)
{
    c->have = 0;
    c->need = need;
    if (write(c->fd, data, length) != (ssize_t)length)
        fail(c, strerror(errno));
}

static void message_send(struct client *c)
{
    uint64_t message[MESSAGE / 8];
    message_make(c, message);
    c->step = ECHO;
    c->sent_ns = now_ns();
    client_send(c, message, MESSAGE, MESSAGE);
}

static void latency_add(int64_t ns)
{
    if (measured == latency_room) {
        latency_room = latency_room ? 2 * latency_room : 1 << 20;
        latency_ns = realloc(latency_ns, latency_room * sizeof *latency_ns);
        if (!latency_ns)
            must(-1, "realloc");
    }
    latency_ns[measured++] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

static void message_answered(struct client *c)
{
    uint64_t expected[MESSAGE / 8];
    message_make(c, expected);
    if (memcmp(c->answer, expected, MESSAGE))
        fail(c, "wrong answer");
    if (measure_from != INT64_MAX)
        latency_add(now_ns() - c->sent_ns);
    if (c->sequence++ == 0)
        connected++;
    if (is_running)
        message_send(c);
}

static void socks_greet(struct client *c)
{
    c->step = GREETING;
    client_send(c, "\5\1\0", 3, 2); /* version 5, one method: no authentication */
}

static void socks_request(struct client *c)
{
    unsigned char request[10] = {
        5, 1, 0, 1, 127, 0, 0, 1, (unsigned char)(backend_port >> 8), (unsigned char)backend_port};
    if (memcmp(c->answer, "\5\0", 2))
        fail(c, "the proxy refused the greeting");
    c->step = REQUEST;
    client_send(c, request, sizeof request, 10);
}

static void client_answered(struct client *c)
{
    switch (c->step) {
    case CONNECTING: break;
    case GREETING: socks_request(c); break;
    case REQUEST:
        if (memcmp(c->answer, "\5\0", 2))
            fail(c, "the proxy refused the request");
        message_send(c);
        break;
    case ECHO: message_answered(c); break;
    }
}

static void client_read(struct client *c)
{
    ssize_t n = read(c->fd, c->answer + c->have, c->need - c->have);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        fail(c, n ? strerror(errno) : "the server closed the connection");
    c->have += (uint32_t)n;
    if (c->have == c->need)
        client_answered(c);
}

static void client_connected(struct client *c)
{
    int error;
    socklen_t length = sizeof error;
    must(getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &length), "SO_ERROR");
    if (error)
        fail(c, strerror(error));
    if (backend_port)
        socks_greet(c);
    else
        message_send(c);
}

static void client_open(struct client *c)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)port)};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    struct linger reset = {.l_onoff = 1}; /* thousands of sockets in TIME_WAIT would weigh on the next run */
    c->fd = must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
    must(setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), "SO_LINGER");
    no_delay(c->fd);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
        fail(c, strerror(errno));
    must(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event), "epoll_ctl");
}

static void handle_events(void)
{
    struct epoll_event events[EVENTS];
    int ready = must(epoll_wait(epoll_fd, events, EVENTS, STALL_MS), "epoll_wait");
    if (ready == 0) {
        fprintf(stderr, "echo_load: no answer for %d s; %u of %u connections answered once\n", STALL_MS / 1000,
                connected, count);
        exit(1);
    }
    for (int i = 0; i < ready; i++) {
        struct client *c = events[i].data.ptr;
        if (c->step == CONNECTING) {
            if (events[i].events & EPOLLOUT)
                client_connected(c);
        } else if (events[i].events & EPOLLIN)
            client_read(c);
    }
}

static void connect_all(void)
{
    int64_t begin = now_ns();
    for (uint32_t i = 0; i < count; i++) {
        clients[i].index = i;
        client_open(&clients[i]);
    }
    while (connected < count)
        handle_events();
    printf("{\"connect_s\": %.4f}\n", (double)(now_ns() - begin) / 1e9);
    fflush(stdout);
}

static void run_until(int64_t deadline)
{
    while (now_ns() < deadline)
        handle_events();
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void measure(double warm_up_s, double duration_s)
{
    is_running = 1;
    for (uint32_t i = 0; i < count; i++)
        message_send(&clients[i]);
    run_until(now_ns() + (int64_t)(warm_up_s * 1e9));
    measure_from = now_ns();
    run_until(measure_from + (int64_t)(duration_s * 1e9));
    double elapsed_s = (double)(now_ns() - measure_from) / 1e9;
    if (!measured) {
        fprintf(stderr, "echo_load: no answer in %.1f s\n", elapsed_s);
        exit(1);
    }
    uint64_t answers = 0;
    for (uint32_t i = 0; i < count; i++)
        answers += clients[i].sequence;
    qsort(latency_ns, measured, sizeof *latency_ns, by_value);
    printf("{\"messages_per_s\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"answers\": %llu}\n",
           (double)measured / elapsed_s, latency_ns[measured / 2] / 1e3, latency_ns[measured * 99 / 100] / 1e3,
           (unsigned long long)answers);
    fflush(stdout);
}

/* 0 at the end of standard input. */
static int wait_for_line(void)
{
    int c;
    do
        c = getchar();
    while (c != EOF && c != '\n');
    return c != EOF;
}

int main(int argc, char **argv)
{
    double warm_up_s = 0.5, duration_s = 2;
    int option;
    while ((option = getopt(argc, argv, "n:w:d:s:")) != -1)
        switch (option) {
        case 'n': count = (uint32_t)strtoul(optarg, NULL, 10); break;
        case 'w': warm_up_s = strtod(optarg, NULL); break;
        case 'd': duration_s = strtod(optarg, NULL); break;
        case 's': backend_port = atoi(optarg); break;
        default: return 2;
        }
    port = optind < argc ? atoi(argv[optind]) : 0;
    if (!port || !count) {
        fprintf(stderr, "usage: echo_load [-n CONNECTIONS] [-w SECONDS] [-d SECONDS] [-s BACKEND_PORT] PORT\n");
        return 2;
    }
    want_files(count + 100);
    epoll_fd = must(epoll_create1(0), "epoll_create1");
    clients = calloc(count, sizeof *clients);
    if (!clients)
        must(-1, "calloc");
    connect_all();
    wait_for_line();
    measure(warm_up_s, duration_s);
    while (wait_for_line())
        ;
    return 0;
}
