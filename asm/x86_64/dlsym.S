/* void *dlsym(void *handle, const char *name).
 *
 * libc's dlsym knows by its return address which object calls (RTLD_NEXT, RTLD_DEFAULT). So there may be no frame of ours beneath it:
 * dl_before_sym waits and says where it is, and the jump leaves stack and arguments as they came. */
        .text
        .p2align 4
        .globl  dlsym
        .type   dlsym, @function
dlsym:
        .cfi_startproc
        pushq   %rdi
        .cfi_adjust_cfa_offset 8
        pushq   %rsi
        .cfi_adjust_cfa_offset 8
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
        call    dl_before_sym
        addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        popq    %rsi
        .cfi_adjust_cfa_offset -8
        popq    %rdi
        .cfi_adjust_cfa_offset -8
        jmp     *%rax
        .cfi_endproc
        .size   dlsym, .-dlsym

        .section .note.GNU-stack, "", @progbits
