/* SPDX-License-Identifier: MIT */
/*
 * The stack that a program begins with (System V ABI for x86-64, 3.4.1):
 *
 *   top     8 zero bytes
 *           path of the program; strings of envp; strings of argv
 *           "x86_64", 16 random bytes
 *           a random gap
 *           auxiliary vector, envp, argv, argc    <- stack pointer
 *
 * The mapping is as large as RLIMIT_STACK says, with a guard below; frames
 * come when they are touched.
 */
#include "exec_priv.h"

#include <kernel/aspace.h>
#include <kernel/auxv.h>
#include <kernel/errno.h>
#include <kernel/pagetable.h>
#include <kernel/random.h>
#include <kernel/signal.h>
#include <kernel/string.h>
#include <kernel/syscall.h>
#include <kernel/uaccess.h>
#include <kernel/vdso.h>

#define STACK_ZONE (64 * TIB)
#define STACK_RANDOM_BITS 22 /* pages, as Linux */
#define STACK_MIN (128 * KIB)
#define STACK_MAX (1 * GIB)
#define STACK_TRIES 16
#define GAP_RANDOM 8192
#define CLOCK_TICKS 100
#define AUXV_MAX 24

struct auxv {
    u64 type, value;
};

struct builder {
    u64 at; /* next free address, upwards */
    int err;
};

static void put(struct builder *b, const void *data, u64 size)
{
    if (b->err == 0) {
        b->err = user_write((void *)b->at, data, size);
    }
    b->at += size;
}

static void put_word(struct builder *b, u64 word)
{
    put(b, &word, sizeof(word));
}

static int map_stack(vaddr_t *top)
{
    u64 limit = process_limit(RLIMIT_STACK).soft;
    u64 size = ALIGN_UP(MIN(MAX(limit, STACK_MIN), STACK_MAX), PAGE_SIZE);
    vaddr_t addr;
    int err = -ENOMEM;

    for (unsigned i = 0; i < STACK_TRIES && err != 0; i++) {
        vaddr_t start = STACK_ZONE + exec_random_pages(STACK_RANDOM_BITS);

        err = aspace_map(start, size, PROT_READ | PROT_WRITE, MAP_PLACE_NOREPLACE | MAP_STACK_GUARD,
                         &addr);
    }
    if (err == 0) {
        *top = addr + size;
        err = aspace_advise_pages(addr, size, PAGES_SMALL);
    }
    return err;
}

static u64 strings_size(const char *const *strings, unsigned count)
{
    u64 size = 0;

    for (unsigned i = 0; i < count; i++) {
        size += strlen(strings[i]) + 1;
    }
    return size;
}

static void put_strings(struct builder *b, const char *const *strings, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        put(b, strings[i], strlen(strings[i]) + 1);
    }
}

/* Pointers to strings that lie one behind the other from `at` on. */
static void put_pointers(struct builder *b, u64 at, const char *const *strings, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        put_word(b, at);
        at += strlen(strings[i]) + 1;
    }
    put_word(b, 0);
}

static unsigned fill_auxv(struct auxv *v, const struct exec_module *program,
                          const struct exec_module *interp, u64 random, u64 platform_name,
                          u64 execfn)
{
    const struct auxv all[] = {
        {AT_MOKA_SYSCALL, (u64)syscall_entry},
        {AT_SYSINFO_EHDR, (u64)&vdso_image},
        {AT_HWCAP, arch_hwcap()},
        {AT_PAGESZ, PAGE_SIZE},
        {AT_CLKTCK, CLOCK_TICKS},
        {AT_PHDR, program->image.phdr_vaddr != 0 ? program->bias + program->image.phdr_vaddr : 0},
        {AT_PHENT, ELF_PHDR_SIZE},
        {AT_PHNUM, program->header.phdr_count},
        {AT_BASE, interp != NULL ? interp->bias + interp->image.low : 0},
        {AT_FLAGS, 0},
        {AT_ENTRY, program->bias + program->header.entry},
        {AT_UID, 0},
        {AT_EUID, 0},
        {AT_GID, 0},
        {AT_EGID, 0},
        {AT_SECURE, 0},
        {AT_RANDOM, random},
        {AT_HWCAP2, arch_hwcap2()},
        {AT_EXECFN, execfn},
        {AT_PLATFORM, platform_name},
        {AT_MINSIGSTKSZ, arch_signal_frame_size()},
        {AT_NULL, 0},
    };

    _Static_assert(ARRAY_SIZE(all) <= AUXV_MAX, "room for all");
    memcpy(v, all, sizeof(all));
    return ARRAY_SIZE(all);
}

int exec_stack(const struct exec_args *args, const struct exec_module *program,
               const struct exec_module *interp, struct exec_result *result)
{
    static const char platform_name[] = "x86_64";
    u64 random[2] = {random_u64(), random_u64()}, names, execfn, words;
    struct auxv auxv[AUXV_MAX];
    struct builder b = {0};
    unsigned auxc;
    vaddr_t top;
    int err = map_stack(&top);

    if (err != 0) {
        return err;
    }
    execfn = top - 8 - (strlen(args->execfn) + 1);
    result->envp_end = execfn;
    result->envp = execfn - strings_size(args->envp, args->envc);
    result->argv_end = result->envp;
    result->argv = result->envp - strings_size(args->argv, args->argc);
    names = ALIGN_DOWN(result->argv - sizeof(platform_name) - sizeof(random), 16);

    b.at = names;
    put(&b, random, sizeof(random));
    put(&b, platform_name, sizeof(platform_name));
    b.at = result->argv;
    put_strings(&b, args->argv, args->argc);
    put_strings(&b, args->envp, args->envc);
    put(&b, args->execfn, strlen(args->execfn) + 1);

    auxc = fill_auxv(auxv, program, interp, names, names + sizeof(random), execfn);
    words = 1 + args->argc + 1 + args->envc + 1 + 2ull * auxc;
    b.at = ALIGN_DOWN(names - random_u64() % GAP_RANDOM - words * sizeof(u64), 16);
    result->stack = b.at;
    put_word(&b, args->argc);
    put_pointers(&b, result->argv, args->argv, args->argc);
    put_pointers(&b, result->envp, args->envp, args->envc);
    result->auxv = b.at;
    put(&b, auxv, auxc * sizeof(auxv[0]));
    result->auxv_end = b.at;
    return b.err;
}
