/* The frame that the kernel pushes for a signal handler, and how to move it to another stack.
 *
 *     fpstate (XSAVE area, 64-byte aligned)        <- uc_mcontext.fpregs
 *     siginfo, 128 bytes
 *     ucontext as the kernel knows it, 304 bytes: uc_sigmask is one word
 *     address of the restorer                      <- rsp when the handler starts; rsp % 16 == 8
 *
 * rt_sigreturn reads it relative to rsp, so a copy elsewhere serves as well once fpregs points to the copy of the XSAVE area
 * (Linux arch/x86/kernel/signal_64.c: x64_setup_rt_frame, rt_sigreturn). */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

#define FRAME_CONTEXT_SIZE 304
#define FRAME_RED_ZONE 128

struct signal_frame {
    void (*restorer)(void);
    char context[FRAME_CONTEXT_SIZE];
    siginfo_t info;
};

void signal_restorer(void);

static inline uint64_t *frame_mask(ucontext_t *context)
{
    return (uint64_t *)&context->uc_sigmask;
}

static inline char *frame_interrupted_sp(const ucontext_t *context)
{
    return (char *)context->uc_mcontext.gregs[REG_RSP];
}

/* FP_XSTATE_MAGIC1 in the software-reserved bytes says that more than the legacy area follows, and how much. */
static inline size_t frame_fpstate_size(const void *fpstate)
{
    uint32_t words[2];
    memcpy(words, (const char *)fpstate + 464, sizeof(words));
    return words[0] == 0x46505853u ? words[1] : 512;
}

/* Copies the frame of context beneath top; returns the copy. May fault where top is no stack. */
static inline struct signal_frame *frame_copy(ucontext_t *context, char *top)
{
    void *fpstate = context->uc_mcontext.fpregs;
    if (fpstate) {
        size_t size = frame_fpstate_size(fpstate);
        top = (char *)(((uintptr_t)top - size) & ~63UL);
        memcpy(top, fpstate, size);
    }
    struct signal_frame *from = (struct signal_frame *)((char *)context - offsetof(struct signal_frame, context));
    struct signal_frame *to = (struct signal_frame *)((((uintptr_t)top - sizeof(*to)) & ~15UL) - 8);
    memcpy(to, from, sizeof(*to));
    to->restorer = signal_restorer;
    if (fpstate)
        ((ucontext_t *)to->context)->uc_mcontext.fpregs = (fpregset_t)top;
    return to;
}

/* Leaves the present stack for the frame: function(sig, info, context) runs as if the kernel had called it there. */
static inline _Noreturn void frame_enter(struct signal_frame *frame, void (*function)(int, siginfo_t *, void *),
                                         int sig)
{
    __asm__ volatile("mov %0, %%rsp\n\tjmp *%1"
                     :
                     : "r"(frame), "r"(function), "D"((long)sig), "S"(&frame->info), "d"(frame->context)
                     : "memory");
    __builtin_unreachable();
}
