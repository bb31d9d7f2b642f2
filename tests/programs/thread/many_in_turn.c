/* 200,000 threads created and joined one after the other, as many detached: resident memory and the number of mappings
   stay flat. */
/* run: timeout=90 */
/* expect:
joined: memory flat, mappings flat
detached: memory flat, mappings flat
with malloc and stdio in each: memory flat, mappings flat
*/
#include <semaphore.h>
#include "say.h"

static sem_t done;

static long resident_kib(void)
{
    long total, resident;
    FILE *file = fopen("/proc/self/statm", "r");
    NEED(file && fscanf(file, "%ld %ld", &total, &resident) == 2);
    fclose(file);
    return resident * 4;
}

static int mappings(void)
{
    FILE *file = fopen("/proc/self/maps", "r");
    int lines = 0, c;
    NEED(file);
    while ((c = getc(file)) != EOF)
        lines += c == '\n';
    fclose(file);
    return lines;
}

static void *nothing(void *arg)
{
    return arg;
}

static void *posts(void *arg)
{
    sem_post(&done);
    return arg;
}

static void *allocates(void *arg)
{
    char *memory = malloc(5000), text[64];
    memset(memory, 1, 5000);
    snprintf(text, sizeof text, "%p", arg);
    free(memory);
    return strdup(text);
}

static void turn_joined(void)
{
    join(start(nothing, NULL));
}

static void turn_detached(void)
{
    pthread_detach(start(posts, NULL));
    sem_wait(&done);
}

static void turn_allocating(void)
{
    free(join(start(allocates, NULL)));
}

static void check(const char *name, void (*turn)(void), int turns)
{
    for (int i = 0; i < 1000; i++)
        turn();
    long memory = resident_kib();
    int maps = mappings();
    for (int i = 0; i < turns; i++)
        turn();
    long grown = resident_kib() - memory;
    printf("%s: memory %s, mappings %s\n", name, grown < 2048 ? "flat" : "grows",
           mappings() - maps < 20 ? "flat" : "grow");
}

int main(void)
{
    sem_init(&done, 0, 0);
    check("joined", turn_joined, 200000);
    check("detached", turn_detached, 50000);
    check("with malloc and stdio in each", turn_allocating, 20000);
    return 0;
}
