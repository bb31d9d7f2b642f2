/* POSIX message queues: waits for room and for messages, priorities, time-outs, O_NONBLOCK, poll on one, mq_notify. */
/* run: */
/* expect:
late message: hello
priorities: 9 5 1
through 10 places: 500, sum 124750
timed receive: -1 ETIMEDOUT, in time
timed send to a full one: -1 ETIMEDOUT
non-blocking: -1 EAGAIN
poll: 1
notified by thread: 1
bad time: -1 EINVAL
*/
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include "say.h"

static mqd_t queue;
static int notified;

static void *sends_late(void *arg)
{
    sleep_ms(20);
    NEED(mq_send(queue, arg, strlen(arg) + 1, 0) == 0);
    return NULL;
}

static void *sends_many(void *arg)
{
    for (int i = 0; i < 500; i++)
        NEED(mq_send(queue, (char *)&i, sizeof i, 0) == 0);
    return arg;
}

static void notify(union sigval value)
{
    __atomic_store_n(&notified, value.sival_int, __ATOMIC_SEQ_CST);
}

static void priorities(void)
{
    char buffer[64];
    unsigned priority;
    for (unsigned i = 1; i <= 9; i += 4)
        NEED(mq_send(queue, "p", 1, i) == 0);
    printf("priorities:");
    for (int i = 0; i < 3; i++) {
        NEED(mq_receive(queue, buffer, sizeof buffer, &priority) == 1);
        printf(" %u", priority);
    }
    printf("\n");
}

static void time_outs(void)
{
    char buffer[64];
    struct timespec soon = in_ms(CLOCK_REALTIME, 30), bad = {time(NULL) + 100, -1};
    long long begin = now_ms();
    ssize_t n = mq_timedreceive(queue, buffer, sizeof buffer, NULL, &soon);
    printf("timed receive: %zd %s, %s\n", n, error_name(errno), now_ms() - begin >= 29 ? "in time" : "early");
    for (int i = 0; i < 10; i++)
        NEED(mq_send(queue, "f", 1, 0) == 0);
    soon = in_ms(CLOCK_REALTIME, 30);
    int result = mq_timedsend(queue, "f", 1, 0, &soon);
    printf("timed send to a full one: %d %s\n", result, error_name(errno));
    for (int i = 0; i < 10; i++)
        NEED(mq_receive(queue, buffer, sizeof buffer, NULL) == 1);
    struct mq_attr attr = {.mq_flags = O_NONBLOCK}, off = {0};
    mq_setattr(queue, &attr, NULL);
    n = mq_receive(queue, buffer, sizeof buffer, NULL);
    printf("non-blocking: %zd %s\n", n, error_name(errno));
    mq_setattr(queue, &off, NULL);
    struct pollfd entry = {queue, POLLIN, 0};
    pthread_t thread = start(sends_late, "poll");
    printf("poll: %d\n", poll(&entry, 1, 20000));
    join(thread);
    NEED(mq_receive(queue, buffer, sizeof buffer, NULL) == 5);
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = notify, .sigev_value.sival_int = 1};
    NEED(mq_notify(queue, &event) == 0 && mq_send(queue, "n", 1, 0) == 0);
    while (!__atomic_load_n(&notified, __ATOMIC_SEQ_CST))
        sleep_ms(1);
    printf("notified by thread: %d\n", notified);
    NEED(mq_receive(queue, buffer, sizeof buffer, NULL) == 1);
    n = mq_timedreceive(queue, buffer, sizeof buffer, NULL, &bad);
    printf("bad time: %zd %s\n", n, error_name(errno));
}

int main(void)
{
    char name[64], buffer[64];
    struct mq_attr attr = {.mq_maxmsg = 10, .mq_msgsize = 64};
    long sum = 0, got = 0;
    snprintf(name, sizeof name, "/test-queue-%d", getpid());
    queue = mq_open(name, O_CREAT | O_RDWR, 0600, &attr);
    if (queue == (mqd_t)-1 && (errno == ENOSYS || errno == EACCES))
        return 77;
    NEED(queue != (mqd_t)-1);
    mq_unlink(name);
    pthread_t thread = start(sends_late, "hello");
    NEED(mq_receive(queue, buffer, sizeof buffer, NULL) == 6);
    printf("late message: %s\n", buffer);
    join(thread);
    priorities();
    thread = start(sends_many, NULL);
    for (int i = 0; i < 500; i++) {
        int number;
        NEED(mq_receive(queue, buffer, sizeof buffer, NULL) == sizeof number);
        memcpy(&number, buffer, sizeof number);
        sum += number;
        got++;
    }
    join(thread);
    printf("through 10 places: %ld, sum %ld\n", got, sum);
    time_outs();
    mq_close(queue);
    return 0;
}
