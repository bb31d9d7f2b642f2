/* What we know of glibc's private structures, and where we know it from.
 *
 * Offsets inside struct pthread come from the descriptors that glibc exports for libthread_db (_thread_db_*: {bits, count,
 * offset}), from kernel calls that return addresses inside it (get_robust_list), or from pointers that it holds itself; each is
 * checked against the live main thread at start. Nothing is assumed from a version number. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct glibc {
    size_t pthread_size;        /* sizeof(struct pthread): what lies above the thread pointer */
    size_t tls_size, tls_align; /* static TLS including struct pthread and the surplus for dlopen */
    size_t tid_offset;          /* pid_t: owner of mutexes and stdio locks */
    size_t list_offset;         /* list_t in the list of threads that dlopen and fork walk */
    size_t cancel_offset;       /* int cancelhandling: bit 0 disabled, 1 asynchronous, 3 cancelled, 4 exiting */
    size_t key_table_offset;    /* struct pthread_key_data *specific[32] */
    size_t key_block_offset;    /* specific_1stblock, which specific[0] points to */
    size_t robust_offset;       /* struct robust_list_head; the word before it is robust_prev */
    long robust_futex_offset;   /* robust_list_head.futex_offset */
    ptrdiff_t resolver_offset;  /* of __resp from the thread pointer */
    ptrdiff_t rseq_offset;      /* of struct rseq from the thread pointer, 0 when there is none */
    struct glibc_list {
        struct glibc_list *next, *prev;
    } * stack_user; /* head of the list of threads whose stacks are not glibc's */
    struct glibc_key {
        uintptr_t sequence; /* odd: in use */
        void (*destructor)(void *);
    } * keys; /* __pthread_keys[PTHREAD_KEYS_MAX] */
    void *(*allocate_tls)(void *tcb);
    void (*deallocate_tls)(void *tcb, bool free_storage);
    void (*call_tls_dtors)(void);
    void (*ctype_init)(void);
};

#define CANCEL_DISABLED 0x01
#define CANCEL_ASYNCHRONOUS 0x02
#define CANCEL_REQUESTED 0x08
#define CANCEL_EXITING 0x10

extern struct glibc glibc;

/* Fills it in; refuses to run (exit 125) on a libc that does not hold what we need. On the main thread. */
void glibc_init(void);

/* Makes glibc believe, as it would natively, that the process has several threads: its locks become atomic and stdio takes
 * them. True when it does. */
bool glibc_become_threaded(void);

/* ---- the cancellation word (nptl/descr.h: cancelhandling) ---- */

static inline _Atomic int *glibc_cancel_word(void *tcb)
{
    return (_Atomic int *)((char *)tcb + glibc.cancel_offset);
}

/* pthread_testcancel would act. */
static inline bool glibc_cancel_is_due(void *tcb)
{
    const int relevant = CANCEL_DISABLED | CANCEL_REQUESTED | CANCEL_EXITING;
    return (*glibc_cancel_word(tcb) & relevant) == CANCEL_REQUESTED;
}

/* It would, and need not wait for a cancellation point. */
static inline bool glibc_cancels_anywhere(void *tcb)
{
    return glibc_cancel_is_due(tcb) && *glibc_cancel_word(tcb) & CANCEL_ASYNCHRONOUS;
}
