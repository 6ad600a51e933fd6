/* SPDX-License-Identifier: MIT */
/*
 * musl's atomic operations for x86-64, in terms of the compiler's.  All are
 * sequentially consistent, which musl's own code counts on.
 *
 * a_crash() is ud2: musl's hlt faults in user mode only, and Moka's programs
 * run in ring 0, where it would wait for an interrupt and go on.
 */
#ifndef MOKA_ATOMIC_ARCH_H
#define MOKA_ATOMIC_ARCH_H

#include <stdint.h>

/* Returns what was there; it was exchanged if that is `expected`. */
#define a_cas a_cas
static inline int a_cas(volatile int *p, int expected, int desired)
{
    __atomic_compare_exchange_n(p, &expected, desired, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return expected;
}

#define a_cas_p a_cas_p
static inline void *a_cas_p(volatile void *p, void *expected, void *desired)
{
    __atomic_compare_exchange_n((void *volatile *)p, &expected, desired, 0, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
    return expected;
}

#define a_swap a_swap
static inline int a_swap(volatile int *p, int value)
{
    return __atomic_exchange_n(p, value, __ATOMIC_SEQ_CST);
}

#define a_fetch_add a_fetch_add
static inline int a_fetch_add(volatile int *p, int value)
{
    return __atomic_fetch_add(p, value, __ATOMIC_SEQ_CST);
}

#define a_and a_and
static inline void a_and(volatile int *p, int value)
{
    __atomic_fetch_and(p, value, __ATOMIC_SEQ_CST);
}

#define a_or a_or
static inline void a_or(volatile int *p, int value)
{
    __atomic_fetch_or(p, value, __ATOMIC_SEQ_CST);
}

#define a_and_64 a_and_64
static inline void a_and_64(volatile uint64_t *p, uint64_t value)
{
    __atomic_fetch_and(p, value, __ATOMIC_SEQ_CST);
}

#define a_or_64 a_or_64
static inline void a_or_64(volatile uint64_t *p, uint64_t value)
{
    __atomic_fetch_or(p, value, __ATOMIC_SEQ_CST);
}

#define a_inc a_inc
static inline void a_inc(volatile int *p)
{
    __atomic_fetch_add(p, 1, __ATOMIC_SEQ_CST);
}

#define a_dec a_dec
static inline void a_dec(volatile int *p)
{
    __atomic_fetch_sub(p, 1, __ATOMIC_SEQ_CST);
}

#define a_store a_store
static inline void a_store(volatile int *p, int value)
{
    __atomic_store_n(p, value, __ATOMIC_SEQ_CST);
}

#define a_barrier a_barrier
static inline void a_barrier(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#define a_spin a_spin
static inline void a_spin(void)
{
    __asm__ __volatile__("pause" : : : "memory");
}

#define a_crash a_crash
static inline void a_crash(void)
{
    __asm__ __volatile__("ud2" : : : "memory");
}

/* Of zero, both are undefined. */
#define a_ctz_64 a_ctz_64
static inline int a_ctz_64(uint64_t x)
{
    return __builtin_ctzll(x);
}

#define a_clz_64 a_clz_64
static inline int a_clz_64(uint64_t x)
{
    return __builtin_clzll(x);
}

#endif
