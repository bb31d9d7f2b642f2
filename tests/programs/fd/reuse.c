/* Numbers of descriptors used again at once: by close and open, dup2 and dup3 onto one that is in use, close_range; what
   was known of the old one may not be applied to the new one. */
/* run: */
/* expect:
closed and opened again: 500 of 500
dup2 onto a used one: 500 of 500
kind changes, pipe to socket to eventfd: 300 of 300
dup shares, original closed: late data 1
close_range, then new ones: 50 of 50
poll waits on the new one: 200 of 200
threads churn: 2000
*/
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include "say.h"

static void *writes_late(void *arg)
{
    sched_yield();
    NEED(write((int)(long)arg, "12345678", 8) == 8);
    return NULL;
}

/* A read that has to wait, so that whoever watches descriptors gets to know this one. */
static int waits_right(int reader, int writer)
{
    char buffer[8];
    pthread_t thread = start(writes_late, (void *)(long)writer);
    ssize_t n = read(reader, buffer, 8);
    join(thread);
    return n == 8;
}

static int closed_and_opened(void)
{
    int right = 0, number = -1;
    for (int i = 0; i < 500; i++) {
        int ends[2];
        NEED(pipe(ends) == 0 && (number == -1 || number == ends[0]));
        number = ends[0];
        right += waits_right(ends[0], ends[1]);
        close(ends[0]);
        close(ends[1]);
    }
    return right;
}

static int dup2_onto_used(void)
{
    int right = 0, used[2];
    NEED(pipe(used) == 0);
    for (int i = 0; i < 500; i++) {
        int ends[2];
        NEED(pipe(ends) == 0);
        if (i % 2)
            NEED(dup2(ends[0], used[0]) == used[0]);
        else
            NEED(dup3(ends[0], used[0], 0) == used[0]);
        close(ends[0]);
        right += waits_right(used[0], ends[1]);
        close(ends[1]);
    }
    close(used[0]);
    close(used[1]);
    return right;
}

static int kinds(void)
{
    int right = 0;
    for (int i = 0; i < 300; i++) {
        int ends[2];
        if (i % 3 == 0)
            NEED(pipe(ends) == 0);
        else if (i % 3 == 1)
            NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
        else
            NEED((ends[0] = eventfd(0, 0)) >= 0 && (ends[1] = dup(ends[0])) >= 0);
        right += waits_right(ends[0], ends[1]);
        close(ends[0]);
        close(ends[1]);
    }
    return right;
}

static int dup_shares(void)
{
    int ends[2], other;
    NEED(pipe(ends) == 0);
    waits_right(ends[0], ends[1]);
    other = dup(ends[0]);
    close(ends[0]);
    int right = waits_right(other, ends[1]);
    close(other);
    close(ends[1]);
    return right;
}

static int range(void)
{
    int right = 0;
    for (int i = 0; i < 50; i++) {
        int ends[2];
        NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && ends[1] == ends[0] + 1);
        right += waits_right(ends[0], ends[1]);
        NEED(close_range(ends[0], ends[1], 0) == 0);
    }
    return right;
}

static int polls(void)
{
    int right = 0;
    for (int i = 0; i < 200; i++) {
        int ends[2];
        NEED(pipe(ends) == 0);
        struct pollfd entry = {ends[0], POLLIN, 0};
        right += waits_right(ends[0], ends[1]);
        right -= poll(&entry, 1, 0) != 0;
        pthread_t thread = start(writes_late, (void *)(long)ends[1]);
        right -= poll(&entry, 1, 5000) != 1;
        join(thread);
        close(ends[0]);
        close(ends[1]);
    }
    return right;
}

static void *churns(void *arg)
{
    long right = 0;
    for (int i = 0; i < 100; i++) {
        int ends[2];
        NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
        right += waits_right(ends[0], ends[1]);
        close(ends[i % 2]);
        close(ends[!(i % 2)]);
    }
    return (void *)(right + (long)arg);
}

int main(void)
{
    pthread_t threads[20];
    long sum = 0;
    printf("closed and opened again: %d of 500\n", closed_and_opened());
    printf("dup2 onto a used one: %d of 500\n", dup2_onto_used());
    printf("kind changes, pipe to socket to eventfd: %d of 300\n", kinds());
    printf("dup shares, original closed: late data %d\n", dup_shares());
    printf("close_range, then new ones: %d of 50\n", range());
    printf("poll waits on the new one: %d of 200\n", polls());
    for (int i = 0; i < 20; i++)
        threads[i] = start(churns, NULL);
    for (int i = 0; i < 20; i++)
        sum += (long)join(threads[i]);
    printf("threads churn: %ld\n", sum);
    return 0;
}
