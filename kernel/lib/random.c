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
 *
 * Later additions change the seed in the other of two slots and advance the
 * epoch, which says which slot is valid.  Each CPU's generator mixes the seed
 * into its key when it next makes a block and sees a new epoch.  A reader that
 * is overtaken by two additions mixes in parts of both: as good as either.
 */
#include <kernel/random.h>

#include "chacha20_priv.h"
#include <kernel/assert.h>
#include <kernel/cpu.h>
#include <kernel/print.h>
#include <kernel/spinlock.h>
#include <kernel/string.h>

#define CPUID_1_ECX_RDRAND (1u << 30)
#define TSC_SAMPLES 256
#define SEEDED_BYTES 32u

/* (i) own CPU, interrupts off */
struct generator {
    u32 key[CHACHA_KEY_WORDS]; /* (i) */
    u32 block;                 /* (i) blocks made; 0: no key yet */
    u32 left;                  /* (i) numbers in ready[] */
    u32 epoch;                 /* (i) of the seed that its key has been mixed with */
    u64 ready[4];              /* (i) */
} aligned_to(CACHE_LINE);

/* (s) start-up, then the lock   (a) atomic */
static struct {
    u32 seed[CHACHA_KEY_WORDS]; /* (s) */
    struct spinlock lock;
    _Atomic u32 slot[2][CHACHA_KEY_WORDS]; /* (a) written under the lock */
    _Atomic u32 epoch;                     /* (a) slot[epoch % 2] is valid; 0: none is */
    _Atomic u32 trusted;                   /* (a) bytes from sources that are */
    struct generator generator[MAX_CPUS];
} state = {.lock = SPINLOCK_INIT("random seed", RANK_DEVICE)};

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
    atomic_store_explicit(&state.trusted, SEEDED_BYTES, memory_order_relaxed);
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

void random_add(const void *data, size_t size)
{
    const u8 *bytes = data;
    u32 epoch;
    bool irq = spin_lock(&state.lock);

    for (size_t at = 0; at < size; at += sizeof(u64)) {
        u64 value = 0;

        memcpy(&value, bytes + at, MIN(sizeof(value), size - at));
        stir(value);
    }
    epoch = atomic_load_explicit(&state.epoch, memory_order_relaxed) + 1;
    epoch += epoch == 0;
    for (unsigned i = 0; i < CHACHA_KEY_WORDS; i++) {
        atomic_store_explicit(&state.slot[epoch % 2][i], state.seed[i], memory_order_relaxed);
    }
    stir(0); /* what the generators have got cannot be computed from what is kept */
    /* Release: who sees the epoch sees the slot. */
    atomic_store_explicit(&state.epoch, epoch, memory_order_release);
    spin_unlock(&state.lock, irq);
    atomic_fetch_add_explicit(&state.trusted, (u32)MIN(size, SEEDED_BYTES), memory_order_relaxed);
}

bool random_is_seeded(void)
{
    return atomic_load_explicit(&state.trusted, memory_order_relaxed) >= SEEDED_BYTES;
}

/* Own CPU, interrupts off. */
static void mix_seed(struct generator *g, u32 epoch)
{
    for (unsigned i = 0; i < CHACHA_KEY_WORDS; i++) {
        g->key[i] ^= atomic_load_explicit(&state.slot[epoch % 2][i], memory_order_relaxed);
    }
    g->epoch = epoch;
}

/* Own CPU, interrupts off. */
static void refill(struct generator *g)
{
    u32 epoch = atomic_load_explicit(&state.epoch, memory_order_acquire);
    const u32 nonce[3] = {cpu_id() + 1, 0, 0};
    u32 block[CHACHA_BLOCK_WORDS];

    if (g->block == 0) {
        memcpy(g->key, state.seed, sizeof(g->key));
    }
    if (g->epoch != epoch) {
        mix_seed(g, epoch);
    }
    chacha20_block(g->key, g->block, nonce, block);
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
