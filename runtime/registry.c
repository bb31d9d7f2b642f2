/* Open addressing, linear probing, deletion by moving later entries back; at most half full. Memory by mmap, never malloc. */
#include "runtime/registry.h"

#include <sys/mman.h>

static struct green **slots;
static size_t capacity, count;
static struct spin lock;

static size_t home_of(const void *tcb)
{
    return ((uintptr_t)tcb >> 6) * 0x9E3779B97F4A7C15ull >> 20 & (capacity - 1);
}

static void place(struct green *g)
{
    size_t i = home_of(g->tcb);
    while (slots[i])
        i = (i + 1) & (capacity - 1);
    slots[i] = g;
}

static int grow(void)
{
    size_t wanted = capacity ? capacity * 2 : 512;
    long memory =
        sys_call(SYS_mmap, NULL, wanted * sizeof(*slots), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if ((unsigned long)memory > -4096UL)
        return -1;
    struct green **before = slots;
    size_t before_capacity = capacity;
    slots = (struct green **)memory;
    capacity = wanted;
    for (size_t i = 0; i < before_capacity; i++)
        if (before[i])
            place(before[i]);
    if (before)
        sys_call(SYS_munmap, before, before_capacity * sizeof(*slots));
    return 0;
}

int registry_add(struct green *g)
{
    spin_lock(&lock);
    int result = count * 2 >= capacity ? grow() : 0;
    if (!result) {
        place(g);
        count++;
    }
    spin_unlock(&lock);
    return result;
}

void registry_remove(struct green *g)
{
    spin_lock(&lock);
    size_t hole = home_of(g->tcb);
    while (slots[hole] != g)
        hole = (hole + 1) & (capacity - 1);
    for (size_t i = (hole + 1) & (capacity - 1); slots[i]; i = (i + 1) & (capacity - 1)) {
        /* An entry may move into the hole unless its home lies cyclically in (hole, i]. */
        size_t home = home_of(slots[i]->tcb);
        if (((i - home) & (capacity - 1)) >= ((i - hole) & (capacity - 1))) {
            slots[hole] = slots[i];
            hole = i;
        }
    }
    slots[hole] = NULL;
    count--;
    spin_unlock(&lock);
}

struct green *registry_find(const void *tcb)
{
    struct green *found = NULL;
    spin_lock(&lock);
    if (capacity)
        for (size_t i = home_of(tcb); slots[i]; i = (i + 1) & (capacity - 1))
            if (slots[i]->tcb == tcb) {
                found = slots[i];
                break;
            }
    spin_unlock(&lock);
    return found;
}

struct green *registry_find_tid(int tid)
{
    struct green *found = NULL;
    spin_lock(&lock);
    for (size_t i = 0; i < capacity && !found; i++)
        if (slots[i] && slots[i]->tid == tid && atomic_load(&slots[i]->state) == GREEN_LIVE)
            found = slots[i];
    spin_unlock(&lock);
    return found;
}

void registry_each(void (*visit)(struct green *, void *), void *argument)
{
    spin_lock(&lock);
    for (size_t i = 0; i < capacity; i++)
        if (slots[i] && atomic_load(&slots[i]->state) != GREEN_FREE)
            visit(slots[i], argument);
    spin_unlock(&lock);
}

void registry_after_fork(void)
{
    slots = NULL;
    capacity = count = 0;
    atomic_store(&lock.locked, 0);
}
