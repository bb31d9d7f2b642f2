/* What a blocked thread costs: `idle cond N` has N threads wait for a condition, `idle read N` each for its own socket.
 *
 * Prints the bytes that resident memory and page tables grew by for each thread (VmRSS and VmPTE of proc(5)). Natively the
 * kernel holds a stack and a task for each thread besides, which no process can see. */
#include <stdatomic.h>

#include "bench.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t finish = PTHREAD_COND_INITIALIZER;
static int is_finished;
static atomic_long arrived;

static void *wait_for_condition(void *argument)
{
    pthread_mutex_lock(&mutex);
    arrived++;
    while (!is_finished)
        pthread_cond_wait(&finish, &mutex);
    pthread_mutex_unlock(&mutex);
    return argument;
}

static void *wait_for_data(void *argument)
{
    char byte;
    arrived++;
    must((int)read((int)(intptr_t)argument, &byte, 1), "read");
    return NULL;
}

static long memory_kib(void)
{
    char line[128];
    long sum = 0, value;
    FILE *status = fopen("/proc/self/status", "r");
    if (!status)
        must(-1, "/proc/self/status");
    while (fgets(line, sizeof line, status))
        if (sscanf(line, "VmRSS: %ld", &value) == 1 || sscanf(line, "VmPTE: %ld", &value) == 1)
            sum += value;
    fclose(status);
    return sum;
}

int main(int argc, char **argv)
{
    long count = argc > 2 ? atol(argv[2]) : 10000;
    int reads = argc > 1 && !strcmp(argv[1], "read");
    pthread_t *threads = calloc((size_t)count, sizeof *threads);
    int(*pairs)[2] = calloc((size_t)count, sizeof *pairs);
    if (!threads || !pairs)
        must(-1, "calloc");
    if (reads)
        want_files((rlim_t)(2 * count + 100));
    for (long i = 0; reads && i < count; i++)
        must(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]), "socketpair");
    memory_kib(); /* so that stdio's own buffers are there before the first figure */

    long before = memory_kib();
    for (long i = 0; i < count; i++)
        threads[i] =
            reads ? start_thread(wait_for_data, (void *)(intptr_t)pairs[i][0]) : start_thread(wait_for_condition, NULL);
    do
        usleep(100000); /* after the last arrival a thread has a few instructions to go until it blocks */
    while (arrived < count);
    printf("%.0f\n", (double)(memory_kib() - before) * 1024 / (double)count);

    pthread_mutex_lock(&mutex);
    is_finished = 1;
    pthread_cond_broadcast(&finish);
    pthread_mutex_unlock(&mutex);
    for (long i = 0; i < count; i++) {
        if (reads)
            close(pairs[i][1]);
        pthread_join(threads[i], NULL);
    }
    return 0;
}
