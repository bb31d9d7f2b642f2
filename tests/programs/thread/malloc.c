/* Memory allocated in one thread, used in others and freed in a third, of all sizes, over waits; memory does not pile up. */
/* run: */
/* expect:
blocks handed on: 20000, damaged 0
after ten rounds as after one: 1
aligned: 1000
realloc over threads: 100
*/
#include <malloc.h>
#include <stdint.h>
#include "say.h"

enum { THREADS = 20, BLOCKS = 1000, SLOTS = 64 };
struct block {
    size_t size;
    unsigned char seed, data[];
};

static struct block *slots[SLOTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int handed, damaged;

static int is_whole(const struct block *block)
{
    for (size_t i = 0; i < block->size; i++)
        if (block->data[i] != (unsigned char)(block->seed + i))
            return 0;
    return 1;
}

static void exchange(struct block *block, unsigned slot)
{
    pthread_mutex_lock(&lock);
    struct block *other = slots[slot];
    slots[slot] = block;
    handed += block != NULL;
    pthread_mutex_unlock(&lock);
    if (other && !is_whole(other))
        __atomic_add_fetch(&damaged, 1, __ATOMIC_RELAXED);
    free(other);
}

static void *body(void *arg)
{
    unsigned random = (unsigned)(long)arg * 2654435761u + 1;
    for (int i = 0; i < BLOCKS; i++) {
        random = random * 1664525 + 1013904223;
        size_t size = (random >> 8) % 100 == 0 ? 200000 : (random >> 8) % 3000;
        struct block *block = malloc(sizeof *block + size);
        NEED(block);
        block->size = size;
        block->seed = (unsigned char)random;
        for (size_t j = 0; j < size; j++)
            block->data[j] = (unsigned char)(block->seed + j);
        if (i % 50 == 0)
            sched_yield();
        exchange(block, random >> 26);
    }
    return NULL;
}

static void one_round(void)
{
    pthread_t threads[THREADS];
    for (long i = 0; i < THREADS; i++)
        threads[i] = start(body, (void *)i);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    for (unsigned i = 0; i < SLOTS; i++)
        exchange(NULL, i);
}

static long resident_kib(void)
{
    long total, resident;
    FILE *file = fopen("/proc/self/statm", "r");
    NEED(file && fscanf(file, "%ld %ld", &total, &resident) == 2);
    fclose(file);
    return resident * 4;
}

static void *aligns(void *arg)
{
    long right = 0;
    for (size_t i = 0; i < 50; i++) {
        void *memory = aligned_alloc(64 << i % 6, 64 << i % 6);
        right += (uintptr_t)memory % (64 << i % 6) == 0;
        sched_yield();
        free(memory);
    }
    return (void *)(right + (long)arg);
}

static void *grows(void *arg)
{
    return realloc(arg, malloc_usable_size(arg) * 2);
}

int main(void)
{
    pthread_t threads[20];
    long right = 0;
    one_round();
    printf("blocks handed on: %d, damaged %d\n", handed, damaged);
    long before = resident_kib();
    for (int i = 0; i < 9; i++)
        one_round();
    printf("after ten rounds as after one: %d\n", resident_kib() - before < 20000);
    for (int i = 0; i < 20; i++)
        threads[i] = start(aligns, NULL);
    for (int i = 0; i < 20; i++)
        right += (long)join(threads[i]);
    printf("aligned: %ld\n", right);
    right = 0;
    for (int i = 0; i < 100; i++) {
        char *memory = strcpy(malloc(16), "kept");
        for (int j = 0; j < 8; j++)
            memory = join(start(grows, memory));
        right += strcmp(memory, "kept") == 0;
        free(memory);
    }
    printf("realloc over threads: %ld\n", right);
    return 0;
}
