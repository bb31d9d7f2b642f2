/* What every file of the runtime uses: diagnostics, assertions that stay in, spin locks, intrusive lists. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "asm/x86_64/context.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

/* One line on stderr, prefix "greenrun: ", one write(2), at most 1 KiB. Signal-safe as far as vsnprintf is for
 * %s %d %u %ld %lu %zu %p %x. Never switches. */
void base_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A user's mistake found in the library: says it and ends the process with the contract's status 125. */
_Noreturn void base_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* An impossible state: says file, line and state, and aborts. */
_Noreturn void base_abort(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* An assertion that stays in release builds; the format prints the state. */
#define must(condition, ...)                                                                                           \
    do {                                                                                                               \
        if (unlikely(!(condition)))                                                                                    \
            base_abort(__FILE__, __LINE__, #condition ": " __VA_ARGS__);                                               \
    } while (0)

/* A lock for a few instructions. Its holder is never switched out and takes no signal handler: hold it only inside
 * runtime_enter/runtime_leave (runtime/thread.h) or in a hub. */
struct spin {
    _Atomic uint32_t locked;
};

void spin_lock_slowly(struct spin *s);

static inline void spin_lock(struct spin *s)
{
    if (unlikely(atomic_exchange_explicit(&s->locked, 1, memory_order_acquire)))
        spin_lock_slowly(s);
}

static inline void spin_unlock(struct spin *s)
{
    atomic_store_explicit(&s->locked, 0, memory_order_release);
}

/* A circular doubly linked list; an unlinked node points to itself or nowhere. */
struct link {
    struct link *next, *prev;
};

static inline void link_init(struct link *l)
{
    l->next = l->prev = l;
}

static inline bool link_is_empty(const struct link *l)
{
    return l->next == l;
}

static inline void link_push_back(struct link *list, struct link *l)
{
    l->prev = list->prev;
    l->next = list;
    list->prev->next = l;
    list->prev = l;
}

static inline void link_remove(struct link *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    link_init(l);
}
