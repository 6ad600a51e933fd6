/* SPDX-License-Identifier: MIT */
/*
 * Random numbers.  One generator per CPU, used with interrupts off, so that
 * there is no lock and a caller may hold any.  A block of ChaCha20 gives a
 * new key, which replaces the old one at once (what was drawn before cannot
 * be computed from a memory dump), and four numbers: about 150 cycles each.
 *
 * The seed mixes 256 bits of RDRAND with the TSC read some hundred times.
 * RDSEED would cost two more CPUIDs to find, each of which is an exit to the
 * host, and gives nothing that 256 bits of RDRAND lack.  Without RDRAND the
 * addresses of this boot are only as unpredictable as the TSC.
 */
#include <kernel/random.h>

#include "chacha20_priv.h"
#include <kernel/assert.h>
#include <kernel/cpu.h>
#include <kernel/print.h>
#include <kernel/string.h>

#define CPUID_1_ECX_RDRAND (1u << 30)
#define TSC_SAMPLES 256

/* (i) own CPU, interrupts off */
struct generator {
    u32 key[CHACHA_KEY_WORDS]; /* (i) */
    u32 block;                 /* (i) blocks made; 0: no key yet */
    u32 left;                  /* (i) numbers in ready[] */
    u64 ready[4];              /* (i) */
} aligned_to(CACHE_LINE);

static struct {
    u32 seed[CHACHA_KEY_WORDS]; /* constant after random_init() */
    struct generator generator[MAX_CPUS];
} state;

/* Read by each function that gcc gives a canary. */
u64 __stack_chk_guard;
noreturn void __stack_chk_fail(void);

noreturn void __stack_chk_fail(void)
{
    BUG("stack smashed in the caller of %p", __builtin_return_address(0));
}

static bool has_rdrand(void)
{
    u32 a = 1, b, c = 0, d;

    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return (c & CPUID_1_ECX_RDRAND) != 0;
}

/* The SDM (vol. 1, 7.3.17.1) asks for ten tries before giving up. */
static bool rdrand(u64 *value)
{
    for (int i = 0; i < 10; i++) {
        bool ok;

        __asm__ volatile("rdrand %0" : "=r"(*value), "=@ccc"(ok));
        if (ok) {
            return true;
        }
    }
    return false;
}

/* Turns the seed over: a block of ChaCha20 keyed with it, `value` mixed in. */
static void stir(u64 value)
{
    const u32 nonce[3] = {(u32)value, (u32)(value >> 32), 0};
    u32 block[CHACHA_BLOCK_WORDS];

    chacha20_block(state.seed, 0, nonce, block);
    memcpy(state.seed, block, sizeof(state.seed));
}

/* False if the processor gives no random numbers. */
static bool seed_from_cpu(void)
{
    if (!has_rdrand()) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        u64 value;

        if (!rdrand(&value)) {
            return false;
        }
        stir(value);
    }
    return true;
}

static void seed_from_tsc(void)
{
    u64 sum = 0;

    for (int i = 0; i < TSC_SAMPLES; i++) {
        sum = (sum << 5 | sum >> 59) ^ rdtsc();
    }
    stir(sum);
}

/*
 * Sets the canary on the way; it has none itself, and neither may a caller
 * that returns.
 */
__attribute__((no_stack_protector)) void random_init(void)
{
    seed_from_tsc();
    if (!seed_from_cpu()) {
        kprintf("random: no RDRAND, numbers come from the TSC's jitter alone\n");
    }
    /* The lowest byte stays 0: it ends a string that overruns its buffer. */
    __stack_chk_guard = random_u64() << 8;
}

/* Own CPU, interrupts off. */
static void refill(struct generator *g)
{
    const u32 nonce[3] = {cpu_id() + 1, 0, 0};
    u32 block[CHACHA_BLOCK_WORDS];

    chacha20_block(g->block == 0 ? state.seed : g->key, g->block, nonce, block);
    g->block = MAX(g->block + 1, 1u);
    memcpy(g->key, block, sizeof(g->key));
    memcpy(g->ready, block + CHACHA_KEY_WORDS, sizeof(g->ready));
    g->left = ARRAY_SIZE(g->ready);
}

u64 random_u64(void)
{
    bool irq = irq_save();
    struct generator *g = &state.generator[cpu_id()];
    u64 value;

    if (g->left == 0) {
        refill(g);
    }
    g->left--;
    value = g->ready[g->left];
    g->ready[g->left] = 0;
    irq_restore(irq);
    return value;
}
