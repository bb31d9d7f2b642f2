/* pid_t vfork(void).
 *
 * The child runs on its parent's stack and TLS while the parent stands still, and returns from here first. So the return address may
 * not lie on the stack, which the child overwrites, but in rdx, which the kernel leaves alone for both (it changes rax, rcx and
 * r11 only). The child marks the TLS that the two share: hooks that it calls must not touch the runtime, which is its
 * parent's. The parent undoes the mark, to what it was: a child of vfork may itself call vfork.
 *
 *     rdx  return address        rsi  offset of in_vfork_child from the thread pointer        r8d  its former value */
        .text
        .p2align 4
        .globl  vfork
        .type   vfork, @function
vfork:
        .cfi_startproc
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
        call    vfork_begin
        addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        popq    %rdx
        .cfi_adjust_cfa_offset -8
        .cfi_register rip, rdx
        movq    in_vfork_child@gottpoff(%rip), %rsi
        movl    %fs:(%rsi), %r8d
        movl    $58, %eax               /* SYS_vfork */
        syscall
        pushq   %rdx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset rip, 0
        testl   %eax, %eax
        jz      1f
        movl    %r8d, %fs:(%rsi)
        movq    %rax, %rdi
        jmp     vfork_end               /* returns to the caller, in the parent */
1:      movl    $1, %fs:(%rsi)
        ret
        .cfi_endproc
        .size   vfork, .-vfork

        .globl  __vfork
        .set    __vfork, vfork

        .section .note.GNU-stack, "", @progbits
