/* SPDX-License-Identifier: MIT */
/*
 * musl's system calls as calls of the kernel's entry: number and arguments in
 * the registers that SYSCALL takes, the result in rax.  The entry is an
 * ordinary function to the compiler, so what the SysV ABI lets a function
 * change is lost: the argument registers, all vector and mask registers, the
 * x87 stack.  The call pushes a return address, which is why this libc is built
 * without a red zone.
 *
 * The address comes in the auxiliary vector; see moka_syscall.h.
 */
#ifndef MOKA_SYSCALL_ARCH_H
#define MOKA_SYSCALL_ARCH_H

/* The kernel's entry.  NULL, which faults, on a system that is not Moka. */
extern __attribute__((__visibility__("hidden"))) void *__moka_syscall;

#define __SYSCALL_LL_E(x) (x)
#define __SYSCALL_LL_O(x) (x)

/* What no argument of a call is in; mask registers are unknown to a baseline compiler. */
#define MOKA_CALL_LOST \
    "rcx", "r11", "memory", "cc", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", \
        "st(7)", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", \
        "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

/*
 * One sequence for all: an argument that a call does not take is a register
 * with any content.  The zeros of the shorter forms cost an instruction each,
 * so that they leave the register as it is (an asm output from nothing).
 */
#define MOKA_ANY(name) \
    long name; \
    __asm__("" : "=r"(name))

static inline long __syscall6(long n, long a1, long a2, long a3, long a4, long a5, long a6)
{
    register long r10 __asm__("r10") = a4;
    register long r8 __asm__("r8") = a5;
    register long r9 __asm__("r9") = a6;
    __asm__ __volatile__("call *%[entry]"
                         : "+a"(n), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8), "+r"(r9)
                         : [entry] "m"(__moka_syscall)
                         : MOKA_CALL_LOST);
    return n;
}

static inline long __syscall5(long n, long a1, long a2, long a3, long a4, long a5)
{
    MOKA_ANY(a6);
    return __syscall6(n, a1, a2, a3, a4, a5, a6);
}

static inline long __syscall4(long n, long a1, long a2, long a3, long a4)
{
    MOKA_ANY(a5);
    return __syscall5(n, a1, a2, a3, a4, a5);
}

static inline long __syscall3(long n, long a1, long a2, long a3)
{
    MOKA_ANY(a4);
    return __syscall4(n, a1, a2, a3, a4);
}

static inline long __syscall2(long n, long a1, long a2)
{
    MOKA_ANY(a3);
    return __syscall3(n, a1, a2, a3);
}

static inline long __syscall1(long n, long a1)
{
    MOKA_ANY(a2);
    return __syscall2(n, a1, a2);
}

static inline long __syscall0(long n)
{
    MOKA_ANY(a1);
    return __syscall1(n, a1);
}

/* clock_gettime() and getcpu() come from the vDSO, if the kernel has one. */
#define VDSO_USEFUL
#define VDSO_CGT_SYM "__vdso_clock_gettime"
#define VDSO_CGT_VER "LINUX_2.6"
#define VDSO_GETCPU_SYM "__vdso_getcpu"
#define VDSO_GETCPU_VER "LINUX_2.6"

#define IPC_64 0

#endif
