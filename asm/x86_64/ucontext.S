/* getcontext, setcontext and swapcontext (getcontext(3)) as glibc has them, but for the signal mask: that is the green thread's, not
 * the kernel thread's.
 *
 * A context holds what a called function must preserve, the registers of arguments for makecontext, mxcsr and the x87
 * environment. Offsets are those of ucontext_t, which is part of the ABI. */
#define R8_ 40
#define R9_ 48
#define R12_ 72
#define R13_ 80
#define R14_ 88
#define R15_ 96
#define RDI_ 104
#define RSI_ 112
#define RBP_ 120
#define RBX_ 128
#define RDX_ 136
#define RCX_ 152
#define RSP_ 160
#define RIP_ 168
#define FPREGS_ 224
#define MASK_ 296
#define FPMEMORY_ 424
#define MXCSR_ (FPMEMORY_ + 24)

/* Into the context at rdi, as seen by the caller of the function that this is part of. */
.macro save_registers
        movq    %rbx, RBX_(%rdi)
        movq    %rbp, RBP_(%rdi)
        movq    %r12, R12_(%rdi)
        movq    %r13, R13_(%rdi)
        movq    %r14, R14_(%rdi)
        movq    %r15, R15_(%rdi)
        movq    %rdi, RDI_(%rdi)
        movq    %rsi, RSI_(%rdi)
        movq    %rdx, RDX_(%rdi)
        movq    %rcx, RCX_(%rdi)
        movq    %r8, R8_(%rdi)
        movq    %r9, R9_(%rdi)
        movq    (%rsp), %rcx
        movq    %rcx, RIP_(%rdi)
        leaq    8(%rsp), %rcx
        movq    %rcx, RSP_(%rdi)
        leaq    FPMEMORY_(%rdi), %rcx
        movq    %rcx, FPREGS_(%rdi)
        fnstenv (%rcx)
        fldenv  (%rcx)          /* fnstenv masks all exceptions */
        stmxcsr MXCSR_(%rdi)
.endm

        .text
        .globl  getcontext
        .type   getcontext, @function
        .p2align 4
getcontext:
        .cfi_startproc
        save_registers
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
        leaq    MASK_(%rdi), %rdi
        xorl    %esi, %esi
        call    signal_swap_context_mask
        addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        xorl    %eax, %eax
        ret
        .cfi_endproc
        .size   getcontext, .-getcontext

        .globl  swapcontext
        .type   swapcontext, @function
        .p2align 4
swapcontext:
        .cfi_startproc
        save_registers
        pushq   %rsi
        .cfi_adjust_cfa_offset 8
        leaq    MASK_(%rdi), %rdi
        leaq    MASK_(%rsi), %rsi
        call    signal_swap_context_mask
        popq    %rdi
        .cfi_adjust_cfa_offset -8
        jmp     resume
        .cfi_endproc
        .size   swapcontext, .-swapcontext

        .globl  setcontext
        .type   setcontext, @function
        .p2align 4
setcontext:
        .cfi_startproc
        pushq   %rdi
        .cfi_adjust_cfa_offset 8
        leaq    MASK_(%rdi), %rsi
        xorl    %edi, %edi
        call    signal_swap_context_mask
        popq    %rdi
        .cfi_adjust_cfa_offset -8
        .cfi_endproc
        .size   setcontext, .-setcontext

/* Goes on in the context at rdi. */
        .type   resume, @function
resume:
        .cfi_startproc
        movq    FPREGS_(%rdi), %rcx
        fldenv  (%rcx)
        ldmxcsr MXCSR_(%rdi)
        movq    RSP_(%rdi), %rsp
        .cfi_undefined rip
        movq    RBX_(%rdi), %rbx
        movq    RBP_(%rdi), %rbp
        movq    R12_(%rdi), %r12
        movq    R13_(%rdi), %r13
        movq    R14_(%rdi), %r14
        movq    R15_(%rdi), %r15
        pushq   RIP_(%rdi)
        movq    RSI_(%rdi), %rsi
        movq    RDX_(%rdi), %rdx
        movq    RCX_(%rdi), %rcx
        movq    R8_(%rdi), %r8
        movq    R9_(%rdi), %r9
        movq    RDI_(%rdi), %rdi
        xorl    %eax, %eax
        ret
        .cfi_endproc
        .size   resume, .-resume

        .section .note.GNU-stack, "", @progbits
