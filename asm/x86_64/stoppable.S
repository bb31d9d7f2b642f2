/* A system call that a signal handler can stop without a race, at whatever instruction it interrupts it: the handler sets *stop and,
 * where it finds the call not yet made (or about to be restarted), moves the interrupted rip from [begin, end) to stopped.
 * Once the kernel has given a result, rip is at end, and the result stands. */
        .text
        .globl  stoppable_call, stoppable_begin, stoppable_end, stoppable_stopped
        .hidden stoppable_call, stoppable_begin, stoppable_end, stoppable_stopped
        .type   stoppable_call, @function
        .p2align 4
/* long stoppable_call(_Atomic uint32_t *stop (rdi), long number (rsi), const long arguments[6] (rdx)) */
stoppable_call:
        .cfi_startproc
        movq    %rdi, %r11
        movq    %rsi, %rax
        movq    %rdx, %rcx
        movq    (%rcx), %rdi
        movq    8(%rcx), %rsi
        movq    16(%rcx), %rdx
        movq    24(%rcx), %r10
        movq    32(%rcx), %r8
        movq    40(%rcx), %r9
stoppable_begin:
        cmpl    $0, (%r11)
        jne     stoppable_stopped
        syscall
stoppable_end:
        ret
stoppable_stopped:
        movq    $-4, %rax               /* -EINTR */
        ret
        .cfi_endproc
        .size   stoppable_call, .-stoppable_call

        .section .note.GNU-stack, "", @progbits
