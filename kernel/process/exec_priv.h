/* SPDX-License-Identifier: MIT */
/* The steps of loading a program; exec.c tells the whole. */
#pragma once

#include "elf_priv.h"
#include "process_priv.h"

struct file;

struct exec_module { /* the program, or its interpreter */
    struct elf_header header;
    struct elf_image image;
    u64 bias; /* where it lies, less what it says */
};

/* exec_map.c: reads and checks the headers; maps the segments. */
must_check int exec_read_headers(struct file *file, struct exec_module *module);
must_check int exec_map(struct file *file, struct exec_module *module, vaddr_t zone);

/* exec_args.c: argument list of the program, in the kernel's memory. */
#define EXEC_STRING_MAX (32 * PAGE_SIZE) /* Linux's MAX_ARG_STRLEN */
#define EXEC_ARGS_MAX (2 * MIB)          /* a quarter of the usual stack */
struct exec_args {
    const char **argv; /* kmalloc'ed array; the strings are others' */
    unsigned argc;
    const char *const *envp;
    unsigned envc;
    const char *execfn;
    u64 bytes; /* of all strings */
};
must_check int exec_args_init(struct exec_args *args, const struct process_start *start);
/* In front: a script's interpreter, its argument (or NULL), the script instead of argv[0]. */
must_check int exec_args_script(struct exec_args *args, const char *interp, const char *option,
                                const char *script);

/* exec_stack.c: maps the stack and fills it. */
must_check int exec_stack(const struct exec_args *args, const struct exec_module *program,
                          const struct exec_module *interp, struct exec_result *result);
/* A multiple of a page below 2^bits pages. */
u64 exec_random_pages(unsigned bits);
