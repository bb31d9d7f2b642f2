/* Boost.Context's jump_fcontext, but for its last instruction: the frame is the one that make_fcontext builds and context.h
 * draws.
 *
 * jump_fcontext leaves by an indirect jump. The call that entered it stays on the CPU's return stack, every return address
 * above it is then predicted one too low, and each `ret` on the way back from a switch is a misprediction. Leaving by `ret`
 * keeps calls and returns in pairs: contexts that park at the same depth are predicted right. */
        .text
        .globl  context_jump
        .hidden context_jump
        .type   context_jump, @function
        .p2align 4
/* struct transfer context_jump(fcontext_t to (rdi), void *data (rsi)) */
context_jump:
        .cfi_startproc
        leaq    -0x38(%rsp), %rsp
        .cfi_adjust_cfa_offset 0x38
        stmxcsr (%rsp)
        fnstcw  0x4(%rsp)
        movq    %r12, 0x8(%rsp)
        movq    %r13, 0x10(%rsp)
        movq    %r14, 0x18(%rsp)
        movq    %r15, 0x20(%rsp)
        movq    %rbx, 0x28(%rsp)
        movq    %rbp, 0x30(%rsp)
        movq    %rsp, %rax      /* transfer.from, for a resumed context */
        movq    %rdi, %rsp
        ldmxcsr (%rsp)
        fldcw   0x4(%rsp)
        movq    0x8(%rsp), %r12
        movq    0x10(%rsp), %r13
        movq    0x18(%rsp), %r14
        movq    0x20(%rsp), %r15
        movq    0x28(%rsp), %rbx
        movq    0x30(%rsp), %rbp
        leaq    0x38(%rsp), %rsp
        .cfi_adjust_cfa_offset -0x38
        movq    %rsi, %rdx      /* transfer.data */
        movq    %rax, %rdi      /* the same two as arguments, for a context that starts */
        ret
        .cfi_endproc
        .size   context_jump, . - context_jump
        .section .note.GNU-stack, "", @progbits
