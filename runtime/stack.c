/* Mapping, guarding and pooling the stacks of green threads. */
#include "runtime/stack.h"

#include <limits.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/glibc.h"
#include "runtime/native.h"
#include "runtime/registry.h"
#include "runtime/tls.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

#define PAGE 4096UL
#define SLACK (4 * PAGE) /* frames of hooks and the runtime beneath the program's own stack */
#define POOL_CLASSES 16  /* different (size, guard) pairs that are pooled */
#define POOL_MAX 1024    /* mappings kept in each */
#define POOL_HOT 64      /* of these, that many are not even trimmed while the hub is busy */

/* Dirty ones first: they are warm in the cache, and what is clean stays clean. */
struct pool {
    size_t stack_size_bytes, guard_size_bytes;
    struct green *dirty, *clean;
    unsigned dirty_count, clean_count;
};

static struct pool pools[POOL_CLASSES];
static struct spin pool_lock;
static _Atomic unsigned dirty_total;
static bool lacks_guard_regions;

static size_t round_up(size_t n, size_t unit)
{
    return (n + unit - 1) & ~(unit - 1);
}

static char *map_memory(size_t size)
{
    long memory = sys_call(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    return (unsigned long)memory > -4096UL ? NULL : (char *)memory;
}

static bool install_guard(char *low, size_t size)
{
    if (!lacks_guard_regions) {
        if (sys_call(SYS_madvise, low, size, MADV_GUARD_INSTALL) == 0)
            return true;
        lacks_guard_regions = true;
    }
    return sys_call(SYS_mprotect, low, size, PROT_NONE) == 0;
}

/* Links the TCB into the list that dlopen walks to initialise late static TLS, and fork to find the caller. */
static void link_into_glibc(void *tcb)
{
    struct glibc_list *node = (struct glibc_list *)((char *)tcb + glibc.list_offset), *head = glibc.stack_user;
    spin_lock(&native_list_lock);
    node->next = head->next;
    node->prev = head;
    head->next->prev = node;
    head->next = node;
    spin_unlock(&native_list_lock);
}

static void unlink_from_glibc(void *tcb)
{
    struct glibc_list *node = (struct glibc_list *)((char *)tcb + glibc.list_offset);
    spin_lock(&native_list_lock);
    node->next->prev = node->prev;
    node->prev->next = node->next;
    spin_unlock(&native_list_lock);
}

void stack_relink(struct green *g)
{
    unlink_from_glibc(g->tcb);
    link_into_glibc(g->tcb);
}

/* Maps guard + below + TLS + TCB + above bytes and builds the TCB; the caller finds it in *tcb. */
static char *map_with_tcb(size_t guard, size_t below, size_t above, size_t *map_size, char **tcb)
{
    size_t size = round_up(guard + below + above, PAGE);
    char *low = map_memory(size);
    if (!low)
        return NULL;
    *tcb = (char *)((uintptr_t)(low + size - above - glibc.pthread_size) & ~(glibc.tls_align - 1));
    if (!install_guard(low, guard) || tls_build(*tcb)) {
        sys_call(SYS_munmap, low, size);
        return NULL;
    }
    *map_size = size;
    return low;
}

static struct green *map_green(size_t stack_size, size_t guard_asked)
{
    if (stack_size > SSIZE_MAX / 4 || guard_asked > SSIZE_MAX / 4)
        return NULL;
    size_t guard = round_up(guard_asked, PAGE), map_size;
    if (!guard)
        guard = PAGE;
    size_t below = round_up(stack_size, PAGE) + SLACK;
    if (stack_size == 0) /* only TLS and TCB */
        below = round_up(glibc.tls_size, PAGE);
    char *tcb, *low = map_with_tcb(guard, below, round_up(sizeof(struct green), 64), &map_size, &tcb);
    if (!low)
        return NULL;
    struct green *g = (struct green *)(low + map_size - round_up(sizeof(struct green), 64));
    g->tcb = tcb;
    g->map_low = low;
    g->map_size_bytes = map_size;
    g->stack_size_bytes = stack_size;
    g->guard_size_bytes = guard_asked;
    if (stack_size)
        g->stack_low = (char *)round_up((uintptr_t)tcb + glibc.pthread_size, PAGE) - round_up(stack_size, PAGE);
    if (registry_add(g)) {
        tls_destroy(tcb);
        sys_call(SYS_munmap, low, map_size);
        return NULL;
    }
    link_into_glibc(tcb);
    return g;
}

static void unmap_green(struct green *g)
{
    registry_remove(g);
    unlink_from_glibc(g->tcb);
    tls_destroy(g->tcb);
    sys_call(SYS_munmap, g->map_low, g->map_size_bytes);
}

static struct pool *pool_of(size_t stack_size, size_t guard, bool make)
{
    for (struct pool *p = pools; p < pools + POOL_CLASSES; p++) {
        if (p->stack_size_bytes == stack_size && p->guard_size_bytes == guard)
            return p;
        if (make && !p->dirty_count && !p->clean_count) {
            *p = (struct pool){.stack_size_bytes = stack_size, .guard_size_bytes = guard};
            return p;
        }
    }
    return NULL;
}

static struct green *pool_take(size_t stack_size, size_t guard)
{
    struct green *g = NULL;
    spin_lock(&pool_lock);
    struct pool *p = pool_of(stack_size, guard, false);
    if (p && p->dirty) {
        g = p->dirty;
        p->dirty = g->next;
        p->dirty_count--;
        atomic_fetch_sub_explicit(&dirty_total, 1, memory_order_relaxed);
    } else if (p && p->clean) {
        g = p->clean;
        p->clean = g->next;
        p->clean_count--;
    }
    spin_unlock(&pool_lock);
    return g;
}

struct green *stack_take(size_t stack_size_bytes, size_t guard_size_bytes)
{
    struct green *g = pool_take(stack_size_bytes, guard_size_bytes);
    if (!g)
        return map_green(stack_size_bytes, guard_size_bytes);
    tls_renew(g->tcb);
    return g;
}

/* Everything below the page that holds the TLS in use. */
static void give_pages_back(struct green *g)
{
    if (!g->stack_size_bytes)
        return;
    char *end = (char *)((uintptr_t)g->tcb & ~(PAGE - 1)) - PAGE;
    if (end > g->stack_low)
        sys_call(SYS_madvise, g->stack_low, end - g->stack_low, MADV_DONTNEED);
}

/* False when the pool is full. */
static bool pool_give(struct green *g, bool is_dirty)
{
    spin_lock(&pool_lock);
    struct pool *p = pool_of(g->stack_size_bytes, g->guard_size_bytes, true);
    bool is_kept = p && p->dirty_count + p->clean_count < POOL_MAX && (!is_dirty || p->dirty_count < POOL_HOT);
    if (is_kept && is_dirty) {
        g->next = p->dirty;
        p->dirty = g;
        p->dirty_count++;
        atomic_fetch_add_explicit(&dirty_total, 1, memory_order_relaxed);
    } else if (is_kept) {
        g->next = p->clean;
        p->clean = g;
        p->clean_count++;
    }
    spin_unlock(&pool_lock);
    return is_kept;
}

void stack_give(struct green *g)
{
    /* The memory that it ran on goes back to the program; in the pool it counts as one without a stack. */
    if (g->is_user_stack)
        g->stack_size_bytes = 0;
    if (likely(pool_give(g, true)))
        return;
    give_pages_back(g);
    if (!pool_give(g, false))
        unmap_green(g);
}

void stack_trim(void)
{
    if (likely(atomic_load_explicit(&dirty_total, memory_order_relaxed) == 0))
        return;
    for (struct pool *p = pools; p < pools + POOL_CLASSES; p++) {
        spin_lock(&pool_lock);
        struct green *g = p->dirty;
        p->dirty = NULL;
        atomic_fetch_sub_explicit(&dirty_total, p->dirty_count, memory_order_relaxed);
        p->dirty_count = 0;
        spin_unlock(&pool_lock);
        while (g) {
            struct green *next = g->next;
            give_pages_back(g);
            if (!pool_give(g, false))
                unmap_green(g);
            g = next;
        }
    }
}

bool stack_is_guard(const struct green *g, const void *address)
{
    const char *a = address;
    if (g->is_main || g->is_user_stack || !g->map_low)
        return false;
    return a >= g->map_low && a < g->stack_low;
}

char *stack_top(void *tcb)
{
    return (char *)(((uintptr_t)tcb - (glibc.tls_size - glibc.pthread_size)) & ~63UL);
}

char *stack_for_hub(size_t size_bytes, void **tcb)
{
    size_t map_size;
    char *built, *low = map_with_tcb(PAGE, size_bytes, 0, &map_size, &built);
    if (!low)
        return NULL;
    link_into_glibc(built);
    *tcb = built;
    return low;
}

/* ---- TLS alone ---- */

/* Those that are free form a list, each in its own TLS. */
static __thread void *next_free_tls __attribute__((tls_model("initial-exec")));
static void *free_tls;
static struct spin free_tls_lock;

void *stack_take_tls(void)
{
    spin_lock(&free_tls_lock);
    void *tcb = free_tls;
    if (tcb)
        free_tls = *TLS_OF(tcb, next_free_tls);
    spin_unlock(&free_tls_lock);
    if (tcb)
        tls_renew(tcb);
    else if (!stack_for_hub(glibc.tls_size, &tcb))
        tcb = NULL;
    return tcb;
}

void stack_give_tls(void *tcb)
{
    spin_lock(&free_tls_lock);
    TLS_SET(tcb, next_free_tls, free_tls);
    free_tls = tcb;
    spin_unlock(&free_tls_lock);
}

void stack_after_fork(void)
{
    free_tls = NULL;
    atomic_store(&free_tls_lock.locked, 0);
    memset(pools, 0, sizeof(pools));
    atomic_store(&dirty_total, 0);
    atomic_store(&pool_lock.locked, 0);
}
