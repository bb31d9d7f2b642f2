/* Raw Linux system calls for x86-64.
 *
 * Hooks and the runtime must not go through libc's wrappers: the entries of many of them are overwritten by
 * deep hooks (preload/deep.c), and the wrappers are cancellation points. Here a call is one instruction.
 * The result is the kernel's: -4095..-1 is a negated errno. Never switches. Signal-safe. */
#pragma once

#include <errno.h>
#include <sys/syscall.h>

static inline long sys_call6(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

/* sys_call(nr, args…): zero to six arguments of integer or pointer type. */
#define sys_call(...) SYS_PICK(__VA_ARGS__, SYS_6, SYS_5, SYS_4, SYS_3, SYS_2, SYS_1, SYS_0)(__VA_ARGS__)
#define SYS_PICK(n, a, b, c, d, e, f, name, ...) name
#define SYS_0(n) sys_call6(n, 0, 0, 0, 0, 0, 0)
#define SYS_1(n, a) sys_call6(n, (long)(a), 0, 0, 0, 0, 0)
#define SYS_2(n, a, b) sys_call6(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define SYS_3(n, a, b, c) sys_call6(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define SYS_4(n, a, b, c, d) sys_call6(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define SYS_5(n, a, b, c, d, e) sys_call6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define SYS_6(n, a, b, c, d, e, f) sys_call6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* What libc's wrapper would return: the result, or -1 with errno set. */
static inline long sys_ret(long result)
{
    if ((unsigned long)result > -4096UL) {
        errno = (int)-result;
        return -1;
    }
    return result;
}
