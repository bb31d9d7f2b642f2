/* The TCB and TLS block of a green thread: glibc's own layout, made by its own _dl_allocate_tls.
 *
 * On reuse the program's variables must be as new, but libc's stay (malloc's cache would leak otherwise); what a program can
 * see of libc's is reset one by one. */
#pragma once

#include "runtime/thread.h"

/* Once, on the main thread, after glibc_init. */
void tls_init(void);

/* Turns glibc.pthread_size zeroed bytes at tcb, with room for static TLS beneath, into a TCB. -1 without memory. */
int tls_build(void *tcb);

/* Frees what tls_build allocated. */
void tls_destroy(void *tcb);

/* Makes the TLS of a pooled TCB as new. */
void tls_renew(void *tcb);

/* tls_renew will ask the dynamic linker for its modules, under its lock. */
bool tls_is_stale(void);

/* Modules came or went: the list that tls_renew walks is made anew at its next use. */
void tls_modules_changed(void);

/* In the child of fork. */
void tls_after_fork(void);

/* A variable of ours in another thread's TLS: its address, and setting it. */
#define TLS_OF(tcb, variable) ((__typeof__(variable) *)((char *)(tcb) + tls_offset_of(&(variable))))
#define TLS_SET(tcb, variable, value) (*TLS_OF(tcb, variable) = (value))
static inline ptrdiff_t tls_offset_of(const void *own_instance)
{
    return (const char *)own_instance - (const char *)context_thread_pointer();
}
