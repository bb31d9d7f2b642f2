/* Many threads on one FILE: lines stay whole, flockfile keeps others out over waits, ftrylockfile, a reader that waits
   holds the stream's lock and nobody else's, printf to stdout by many, and two threads that share an input stream. */
/* run: */
/* expect:
lines whole: 10000
flockfile over a sleep: records whole 500
ftrylockfile held by another: 1, own: 1, free again: 1
lines read by two threads: 1000, sum 499500
stdout from 50 threads: 50
a reader waits, others print: 1
putc_unlocked under flockfile: 1
*/
#include "say.h"

static int ends[2];
static FILE *in, *out;

static void fresh(void)
{
    NEED(pipe(ends) == 0);
    in = fdopen(ends[0], "r");
    out = fdopen(ends[1], "w");
    NEED(in && out);
}

static void *prints_lines(void *arg)
{
    for (int i = 0; i < 500; i++)
        fprintf(out, "%ld-%04d-abcdefghijklmnopqrstuvwxyz\n", (long)arg + 10, i);
    return NULL;
}

static void *counts_whole(void *arg)
{
    char line[200], rest[40];
    long whole = 0, number, turn;
    (void)arg;
    while (fgets(line, sizeof line, in))
        whole += sscanf(line, "%ld-%4ld-%39s", &number, &turn, rest) == 3 && strlen(rest) == 26;
    return (void *)whole;
}

static void lines(void)
{
    pthread_t threads[20], reader;
    fresh();
    reader = start(counts_whole, NULL);
    for (long i = 0; i < 20; i++)
        threads[i] = start(prints_lines, (void *)i);
    for (int i = 0; i < 20; i++)
        join(threads[i]);
    fclose(out);
    printf("lines whole: %ld\n", (long)join(reader));
    fclose(in);
}

static void *prints_records(void *arg)
{
    for (int i = 0; i < 50; i++) {
        flockfile(out);
        fprintf(out, "%ld ", (long)arg);
        if (i % 5 == 0)
            usleep(10);
        fprintf(out, "%ld\n", (long)arg);
        funlockfile(out);
    }
    return NULL;
}

static void records(void)
{
    pthread_t threads[10];
    int whole = 0, one, two;
    fresh();
    for (long i = 0; i < 10; i++)
        threads[i] = start(prints_records, (void *)i);
    for (int i = 0; i < 10; i++)
        join(threads[i]);
    fclose(out);
    while (fscanf(in, "%d %d", &one, &two) == 2)
        whole += one == two;
    fclose(in);
    printf("flockfile over a sleep: records whole %d\n", whole);
}

static void *tries(void *arg)
{
    long got = ftrylockfile(arg) == 0;
    if (got)
        funlockfile(arg);
    return (void *)got;
}

static long sum, count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *reads_lines(void *arg)
{
    char line[100];
    while (fgets(line, sizeof line, in)) {
        pthread_mutex_lock(&lock);
        sum += atol(line);
        count++;
        pthread_mutex_unlock(&lock);
    }
    return arg;
}

static void two_readers(void)
{
    fresh();
    pthread_t one = start(reads_lines, NULL), two = start(reads_lines, NULL);
    for (int i = 0; i < 1000; i++) {
        fprintf(out, "%d\n", i);
        if (i % 10 == 0) {
            fflush(out);
            usleep(10);
        }
    }
    fclose(out);
    join(one);
    join(two);
    printf("lines read by two threads: %ld, sum %ld\n", count, sum);
}

static void *prints_nothing_much(void *arg)
{
    printf("%s", "");
    fflush(stdout);
    return arg;
}

static void *waits_for_a_line(void *arg)
{
    char line[100];
    (void)arg;
    return (void *)(long)(fgets(line, sizeof line, in) != NULL);
}

int main(void)
{
    pthread_t threads[50];
    lines();
    records();
    fresh();
    flockfile(out);
    long other = (long)join(start(tries, out)), own = ftrylockfile(out) == 0;
    funlockfile(out);
    funlockfile(out);
    printf("ftrylockfile held by another: %d, own: %ld, free again: %ld\n", !other, own, (long)join(start(tries, out)));
    two_readers();
    for (int i = 0; i < 50; i++)
        threads[i] = start(prints_nothing_much, NULL);
    for (int i = 0; i < 50; i++)
        join(threads[i]);
    printf("stdout from 50 threads: 50\n");
    fresh();
    pthread_t reader = start(waits_for_a_line, NULL);
    sleep_ms(10);
    for (int i = 0; i < 50; i++)
        threads[i] = start(prints_nothing_much, NULL);
    for (int i = 0; i < 50; i++)
        join(threads[i]);
    fputs("line\n", out);
    fflush(out);
    printf("a reader waits, others print: %ld\n", (long)join(reader));
    flockfile(stdout);
    for (const char *c = "putc_unlocked under flockfile: 1\n"; *c; c++) {
        putc_unlocked(*c, stdout);
        sched_yield();
    }
    funlockfile(stdout);
    return 0;
}
