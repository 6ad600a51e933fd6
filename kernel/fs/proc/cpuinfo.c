/* SPDX-License-Identifier: MIT */
/*
 * /proc/cpuinfo and the processors' caches in /sys, from CPUID.
 *
 * Under a hypervisor each CPUID instruction is an exit, so the answers are
 * asked for once and kept; all processors of a machine are of one kind.
 */
#include "proc_priv.h"

#include <kernel/clock.h>
#include <kernel/cpu.h>
#include <kernel/string.h>
#include <kernel/wait.h>

struct registers {
    u32 a, b, c, d;
};

#define CACHES_MAX 8u
#define FEATURE_WORDS 7u

struct cache {
    u32 level, type, size, line, sets, ways, shared_by;
};

static struct {
    struct mutex lock;
    _Atomic bool known; /* what follows is constant then */
    char vendor[13], model_name[49];
    u32 max_leaf, family, model, stepping, physical_bits, virtual_bits, line;
    u32 feature[FEATURE_WORDS];
    unsigned caches;
    struct cache cache[CACHES_MAX];
} cpu = {.lock = {.queue = WAIT_QUEUE_INIT("cpuinfo", cpu.lock.queue)}};

static struct registers ask(u32 leaf, u32 subleaf)
{
    struct registers r;

    __asm__ volatile("cpuid"
                     : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
                     : "0"(leaf), "2"(subleaf));
    return r;
}

/* The words of `features` below: leaf 1 edx, ecx; 7 ebx, ecx, edx; 80000001 edx, ecx. */
static void ask_features(u32 max_extended)
{
    struct registers r = ask(1, 0);

    cpu.feature[0] = r.d;
    cpu.feature[1] = r.c;
    cpu.stepping = r.a & 15;
    cpu.family = r.a >> 8 & 15;
    cpu.model = (r.a >> 4 & 15) | (r.a >> 12 & 0xf0);
    cpu.family += cpu.family == 15 ? r.a >> 20 & 0xff : 0;
    cpu.line = (r.b >> 8 & 0xff) * 8;
    if (cpu.max_leaf >= 7) {
        r = ask(7, 0);
        cpu.feature[2] = r.b;
        cpu.feature[3] = r.c;
        cpu.feature[4] = r.d;
    }
    if (max_extended >= 0x80000001) {
        r = ask(0x80000001, 0);
        cpu.feature[5] = r.d;
        cpu.feature[6] = r.c;
    }
}

static void ask_names(u32 max_extended)
{
    struct registers r = ask(0, 0);

    memcpy(cpu.vendor, &r.b, 4);
    memcpy(cpu.vendor + 4, &r.d, 4);
    memcpy(cpu.vendor + 8, &r.c, 4);
    for (u32 i = 0; i < 3 && max_extended >= 0x80000004; i++) {
        r = ask(0x80000002 + i, 0);
        memcpy(cpu.model_name + (size_t)16 * i, &r, 16);
    }
    cpu.physical_bits = 36;
    cpu.virtual_bits = 48;
    if (max_extended >= 0x80000008) {
        r = ask(0x80000008, 0);
        cpu.physical_bits = r.a & 0xff;
        cpu.virtual_bits = r.a >> 8 & 0xff;
    }
}

/* Leaf 4 on Intel's, 0x8000001d on AMD's: the same layout. */
static void ask_caches(u32 max_extended)
{
    u32 leaf = strcmp(cpu.vendor, "AuthenticAMD") == 0 ? 0x8000001d : 4;

    if (leaf == 4 ? cpu.max_leaf < 4 : max_extended < leaf) {
        return;
    }
    while (cpu.caches < CACHES_MAX) {
        struct registers r = ask(leaf, cpu.caches);
        struct cache *c = &cpu.cache[cpu.caches];

        if ((r.a & 31) == 0) {
            break;
        }
        c->type = r.a & 31;
        c->level = r.a >> 5 & 7;
        c->shared_by = (r.a >> 14 & 0xfff) + 1;
        c->line = (r.b & 0xfff) + 1;
        c->ways = (r.b >> 22) + 1;
        c->sets = r.c + 1;
        c->size = c->line * c->ways * c->sets * ((r.b >> 12 & 0x3ff) + 1);
        cpu.caches++;
    }
}

static void know(void)
{
    u32 max_extended;

    if (atomic_load_explicit(&cpu.known, memory_order_acquire)) {
        return;
    }
    mutex_lock(&cpu.lock);
    if (!atomic_load_explicit(&cpu.known, memory_order_relaxed)) {
        max_extended = ask(0x80000000, 0).a;
        cpu.max_leaf = ask(0, 0).a;
        ask_names(max_extended);
        ask_features(max_extended);
        ask_caches(max_extended);
        atomic_store_explicit(&cpu.known, true, memory_order_release);
    }
    mutex_unlock(&cpu.lock);
}

/* Linux's names, by word and bit; Intel SDM 2A, CPUID. */
static const char *const features[FEATURE_WORDS][32] = {
    {"fpu",  "vme",  "de",   "pse", "tsc",  "msr", "pae",   "mce", "cx8",     "apic", NULL,
     "sep",  "mtrr", "pge",  "mca", "cmov", "pat", "pse36", "pn",  "clflush", NULL,   "dts",
     "acpi", "mmx",  "fxsr", "sse", "sse2", "ss",  "ht",    "tm",  "ia64",    "pbe"},
    {"pni",    "pclmulqdq", "dtes64", "monitor", "ds_cpl",
     "vmx",    "smx",       "est",    "tm2",     "ssse3",
     "cid",    "sdbg",      "fma",    "cx16",    "xtpr",
     "pdcm",   NULL,        "pcid",   "dca",     "sse4_1",
     "sse4_2", "x2apic",    "movbe",  "popcnt",  "tsc_deadline_timer",
     "aes",    "xsave",     NULL,     "avx",     "f16c",
     "rdrand", "hypervisor"},
    {"fsgsbase",   "tsc_adjust", "sgx",        "bmi1",     "hle",      "avx2",     NULL,
     "smep",       "bmi2",       "erms",       "invpcid",  "rtm",      "cqm",      NULL,
     "mpx",        "rdt_a",      "avx512f",    "avx512dq", "rdseed",   "adx",      "smap",
     "avx512ifma", NULL,         "clflushopt", "clwb",     "intel_pt", "avx512pf", "avx512er",
     "avx512cd",   "sha_ni",     "avx512bw",   "avx512vl"},
    {NULL,
     "avx512vbmi",
     "umip",
     "pku",
     "ospke",
     "waitpkg",
     "avx512_vbmi2",
     NULL,
     "gfni",
     "vaes",
     "vpclmulqdq",
     "avx512_vnni",
     "avx512_bitalg",
     "tme",
     "avx512_vpopcntdq",
     NULL,
     "la57",
     NULL,
     NULL,
     NULL,
     NULL,
     NULL,
     "rdpid",
     NULL,
     NULL,
     "cldemote",
     NULL,
     "movdiri",
     "movdir64b",
     "enqcmd",
     NULL,
     NULL},
    {NULL,
     NULL,
     "avx512_4vnniw",
     "avx512_4fmaps",
     "fsrm",
     NULL,
     NULL,
     NULL,
     "avx512_vp2intersect",
     NULL,
     "md_clear",
     NULL,
     NULL,
     NULL,
     "serialize",
     NULL,
     "tsxldtrk",
     NULL,
     "pconfig",
     NULL,
     NULL,
     NULL,
     "amx_bf16",
     "avx512_fp16",
     "amx_tile",
     "amx_int8",
     NULL,
     NULL,
     "flush_l1d",
     "arch_capabilities",
     NULL,
     NULL},
    {[11] = "syscall",
     [20] = "nx",
     [22] = "mmxext",
     [25] = "fxsr_opt",
     [26] = "pdpe1gb",
     [27] = "rdtscp",
     [29] = "lm",
     [30] = "3dnowext",
     [31] = "3dnow"},
    {[0] = "lahf_lm",
     [1] = "cmp_legacy",
     [2] = "svm",
     [3] = "extapic",
     [4] = "cr8_legacy",
     [5] = "abm",
     [6] = "sse4a",
     [7] = "misalignsse",
     [8] = "3dnowprefetch",
     [9] = "osvw",
     [11] = "xop",
     [16] = "fma4",
     [21] = "tbm",
     [22] = "topoext"},
};

static void print_flags(struct text *text)
{
    text_puts(text, "flags\t\t:");
    for (unsigned word = 0; word < FEATURE_WORDS; word++) {
        for (unsigned bit = 0; bit < 32; bit++) {
            if ((cpu.feature[word] >> bit & 1) != 0 && features[word][bit] != NULL) {
                text_puts(text, " ");
                text_puts(text, features[word][bit]);
            }
        }
    }
    text_puts(text, "\n");
}

static void print_processor(struct text *text, unsigned number)
{
    u64 khz = clock_tsc_khz();
    u32 apic = cpu_get(number)->apic_id;
    const struct cache *last = cpu.caches > 0 ? &cpu.cache[cpu.caches - 1] : NULL;

    text_print(text, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n", number,
               cpu.vendor, cpu.family, cpu.model);
    text_print(text, "model name\t: %s\nstepping\t: %u\n",
               cpu.model_name[0] != 0 ? cpu.model_name : "unknown", cpu.stepping);
    text_print(text, "cpu MHz\t\t: %lu.%03lu\n", (unsigned long)(khz / 1000),
               (unsigned long)(khz % 1000));
    text_print(text, "cache size\t: %u KB\n", last != NULL ? last->size / 1024 : 0);
    text_print(text, "physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\n",
               cpu_count(), number, cpu_count());
    text_print(text, "apicid\t\t: %u\ninitial apicid\t: %u\n", apic, apic);
    text_print(text, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\n",
               cpu.max_leaf);
    print_flags(text);
    text_print(text, "bugs\t\t:\nbogomips\t: %lu.%02lu\nclflush size\t: %u\n",
               (unsigned long)(khz * 2 / 1000), (unsigned long)(khz * 2 % 1000 / 10), cpu.line);
    text_print(text, "cache_alignment\t: %u\naddress sizes\t: %u bits physical, %u bits virtual\n",
               cpu.line, cpu.physical_bits, cpu.virtual_bits);
    text_puts(text, "power management:\n\n");
}

SHOW(show_cpuinfo)
{
    (void)node;
    know();
    for (unsigned i = 0; i < cpu_count(); i++) {
        print_processor(text, i);
    }
    return 0;
}

/* ---- /sys/devices/system/cpu/cpuN/cache/indexM ---------------------------------- */

u64 cache_next(const struct pseudo_node *folder, u64 from)
{
    (void)folder;
    know();
    return from < cpu.caches ? from : PSEUDO_NONE;
}

static const struct cache *cache_of(const struct pseudo_node *node)
{
    return &cpu.cache[node->key[1]];
}

/* The processors that share it: the APIC ids are those of powers of two together. */
static u64 sharers(const struct pseudo_node *node)
{
    u32 group = 1;
    u64 mask = 0;
    u32 mine = cpu_get((unsigned)node->key[0])->apic_id;

    while (group < cache_of(node)->shared_by) {
        group *= 2;
    }
    for (unsigned i = 0; i < cpu_count(); i++) {
        mask |= cpu_get(i)->apic_id / group == mine / group ? 1ull << i : 0;
    }
    return mask;
}

SHOW(show_cache_level)
{
    text_print(text, "%u\n", cache_of(node)->level);
    return 0;
}

SHOW(show_cache_type)
{
    static const char *const names[] = {"Data\n", "Instruction\n", "Unified\n"};

    text_puts(text, names[MIN(cache_of(node)->type, 3u) - 1]);
    return 0;
}

SHOW(show_cache_size)
{
    text_print(text, "%uK\n", cache_of(node)->size / 1024);
    return 0;
}

SHOW(show_cache_line)
{
    text_print(text, "%u\n", cache_of(node)->line);
    return 0;
}

SHOW(show_cache_sets)
{
    text_print(text, "%u\n", cache_of(node)->sets);
    return 0;
}

SHOW(show_cache_ways)
{
    text_print(text, "%u\n", cache_of(node)->ways);
    return 0;
}

SHOW(show_cache_cpus)
{
    u64 mask = sharers(node);
    unsigned first = (unsigned)__builtin_ctzll(mask);
    unsigned last = 63 - (unsigned)__builtin_clzll(mask);

    text_print(text, first == last ? "%u\n" : "%u-%u\n", first, last);
    return 0;
}

SHOW(show_cache_map)
{
    text_print(text, "%lx\n", (unsigned long)sharers(node));
    return 0;
}
