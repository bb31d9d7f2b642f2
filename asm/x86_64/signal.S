/* Where a handler returns to. The bytes are those of glibc's __restore_rt: unwinders and gdb know a signal frame by them, so
 * exceptions and pthread_exit may leave a handler through it. There must be no unwind information for this address. */
        .text
        .p2align 4
        nop
        .globl  signal_restorer
        .hidden signal_restorer
        .type   signal_restorer, @function
signal_restorer:
        movq    $15, %rax               /* SYS_rt_sigreturn */
        syscall
        .size   signal_restorer, .-signal_restorer

        .section .note.GNU-stack, "", @progbits
