/* The context switch of x86-64: Boost.Context's fcontext, with a jump of our own (jump.S says why), and the TLS base.
 *
 * A context is its stack pointer; context_jump saves rbx rbp r12-r15, mxcsr and the x87 control word on the old stack:
 *
 *     sp -> | mxcsr,x87cw | (guard) | r12 | r13 | r14 | r15 | rbx | rbp | return address |
 *
 * The thread pointer (FS base) is not part of it: the caller sets it right before the jump, and nothing between the two
 * may touch TLS. wrfsbase needs Linux 5.9 and a CPU that has it (AT_HWCAP2 says so); otherwise arch_prctl does it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <asm/prctl.h>

#include "asm/x86_64/syscall.h"

typedef void *fcontext_t;

/* What a resumed context receives: where it was left from, and the word that was handed over. */
struct transfer {
    fcontext_t from;
    void *data;
};

/* stack_top grows down and need not be aligned. entry never returns. */
extern fcontext_t make_fcontext(void *stack_top, size_t size_bytes, void (*entry)(struct transfer));
extern struct transfer context_jump(fcontext_t to, void *data);

/* Set once by context_init; read only afterwards. */
extern bool context_has_fsgsbase;
void context_init(void);

static inline void context_set_thread_pointer(void *pointer)
{
    if (__builtin_expect(context_has_fsgsbase, 1))
        __asm__ volatile("wrfsbase %0" : : "r"(pointer) : "memory");
    else
        sys_call(SYS_arch_prctl, ARCH_SET_FS, pointer);
}

/* The TCB's second word points to itself (tcbhead_t.self, offset 16). */
static inline void *context_thread_pointer(void)
{
    void *pointer;
    __asm__ volatile("mov %%fs:16, %0" : "=r"(pointer));
    return pointer;
}

#define CONTEXT_CACHE_LINE 64

/* Not __builtin_prefetch: gcc drops calls of a function that does nothing else. */
static inline void context_prefetch(const void *address)
{
    __asm__ volatile("prefetcht0 %0" : : "m"(*(const char *)address));
}

static inline void context_relax(void)
{
    __builtin_ia32_pause();
}
