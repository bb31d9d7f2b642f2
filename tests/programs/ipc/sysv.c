/* System V message queues and semaphores: calls that wait, in several threads, while others go on; errors. */
/* run: */
/* expect:
messages by type: 10 20 30
messages between 10 senders and 10 receivers: 1000, sum 499500
full queue waited: 200
IPC_NOWAIT: -1 ENOMSG, -1 EAGAIN
removed under a receiver: -1 EIDRM
semop between threads: 500
semtimedop: -1 EAGAIN
removed under a semop: -1 EIDRM
interrupted receiver: -1 EINTR
ticks meanwhile: enough
*/
#include <signal.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include "say.h"

struct message {
    long type;
    int number;
};

static int queue, set, over, ticks;
static long sum, received;

static void *ticker(void *arg)
{
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
        sleep_ms(1);
        ticks++;
    }
    return arg;
}

static void *sends_types(void *arg)
{
    for (long type = 1; type <= 3; type++) {
        struct message message = {type, (int)type * 10};
        sleep_ms(10);
        NEED(msgsnd(queue, &message, sizeof message.number, 0) == 0);
    }
    return arg;
}

static void *sends(void *arg)
{
    for (int i = 0; i < 100; i++) {
        struct message message = {1, (int)(long)arg * 100 + i};
        NEED(msgsnd(queue, &message, sizeof message.number, 0) == 0);
    }
    return NULL;
}

static void *receives(void *arg)
{
    struct message message;
    for (int i = 0; i < 100; i++) {
        NEED(msgrcv(queue, &message, sizeof message.number, 0, 0) == sizeof message.number);
        __atomic_add_fetch(&sum, message.number, __ATOMIC_RELAXED);
        __atomic_add_fetch(&received, 1, __ATOMIC_RELAXED);
    }
    return arg;
}

static void messages(void)
{
    pthread_t senders[10], receivers[10];
    struct message message;
    queue = msgget(IPC_PRIVATE, 0600);
    pthread_t thread = start(sends_types, NULL);
    printf("messages by type:");
    for (long type = 1; type <= 3; type++) {
        NEED(msgrcv(queue, &message, sizeof message.number, type, 0) == sizeof message.number);
        printf(" %d", message.number);
    }
    printf("\n");
    join(thread);
    for (long i = 0; i < 10; i++) {
        receivers[i] = start(receives, NULL);
        senders[i] = start(sends, (void *)i);
    }
    for (int i = 0; i < 10; i++) {
        join(senders[i]);
        join(receivers[i]);
    }
    printf("messages between 10 senders and 10 receivers: %ld, sum %ld\n", received, sum);
}

struct large {
    long type;
    char data[1000];
};

static void *fills(void *arg)
{
    static struct large message = {1, ""};
    for (int i = 0; i < 200; i++)
        NEED(msgsnd(queue, &message, sizeof message.data, 0) == 0);
    return arg;
}

static void *waits_for_message(void *arg)
{
    struct message message;
    (void)arg;
    return (void *)(long)(msgrcv(queue, &message, sizeof message.number, 77, 0) == -1 ? errno : 0);
}

static void limits(void)
{
    struct large large;
    struct message message = {1, 0};
    int got = 0;
    pthread_t thread = start(fills, NULL);
    sleep_ms(20);
    while (got < 200)
        got += msgrcv(queue, &large, sizeof large.data, 0, 0) == sizeof large.data;
    join(thread);
    printf("full queue waited: %d\n", got);
    int none = msgrcv(queue, &message, sizeof message.number, 0, IPC_NOWAIT) == -1 ? errno : 0;
    while (msgsnd(queue, &large, sizeof large.data, IPC_NOWAIT) == 0)
        ;
    printf("IPC_NOWAIT: -1 %s, -1 %s\n", error_name(none), error_name(errno));
    thread = start(waits_for_message, NULL);
    sleep_ms(20);
    msgctl(queue, IPC_RMID, NULL);
    printf("removed under a receiver: -1 %s\n", error_name((int)(long)join(thread)));
}

static int change(int by, int flags)
{
    struct sembuf operation = {0, (short)by, (short)flags};
    return semop(set, &operation, 1);
}

static void *takes_many(void *arg)
{
    for (int i = 0; i < 100; i++) {
        NEED(change(-1, 0) == 0);
        __atomic_add_fetch(&received, 1, __ATOMIC_RELAXED);
    }
    return arg;
}

static void *waits_for_semaphore(void *arg)
{
    (void)arg;
    return (void *)(long)(change(-5, 0) == -1 ? errno : 0);
}

static void semaphores(void)
{
    pthread_t threads[5];
    struct sembuf operation = {0, -1, 0};
    struct timespec soon = {0, 20000000};
    received = 0;
    set = semget(IPC_PRIVATE, 1, 0600);
    for (int i = 0; i < 5; i++)
        threads[i] = start(takes_many, NULL);
    for (int i = 0; i < 500; i++)
        NEED(change(1, 0) == 0);
    for (int i = 0; i < 5; i++)
        join(threads[i]);
    printf("semop between threads: %ld\n", received);
    int result = semtimedop(set, &operation, 1, &soon);
    printf("semtimedop: %d %s\n", result, error_name(errno));
    pthread_t thread = start(waits_for_semaphore, NULL);
    sleep_ms(20);
    semctl(set, 0, IPC_RMID);
    printf("removed under a semop: -1 %s\n", error_name((int)(long)join(thread)));
}

static void on_signal(int signal)
{
    (void)signal;
}

static void interrupted(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    queue = msgget(IPC_PRIVATE, 0600);
    pthread_t thread = start(waits_for_message, NULL);
    void *error;
    do {
        sleep_ms(20);
        pthread_kill(thread, SIGUSR1);
    } while (pthread_tryjoin_np(thread, &error) == EBUSY);
    printf("interrupted receiver: -1 %s\n", error_name((int)(long)error));
    msgctl(queue, IPC_RMID, NULL);
}

int main(void)
{
    pthread_t tick = start(ticker, NULL);
    messages();
    limits();
    semaphores();
    interrupted();
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
    join(tick);
    printf("ticks meanwhile: %s\n", ticks > 50 ? "enough" : "too few");
    return 0;
}
