/* SPDX-License-Identifier: MIT */
/* Argument lists of programs, before they are copied to the new stack. */
#include "exec_priv.h"

#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>

static int count_strings(const char *const *strings, unsigned *count, u64 *bytes)
{
    for (*count = 0; strings[*count] != NULL; (*count)++) {
        u64 size = strlen(strings[*count]) + 1;

        *bytes += size + sizeof(u64); /* and a pointer to it */
        if (size > EXEC_STRING_MAX || *bytes > EXEC_ARGS_MAX) {
            return -E2BIG;
        }
    }
    return 0;
}

int exec_args_init(struct exec_args *args, const struct process_start *start)
{
    int err;

    *args = (struct exec_args){.envp = start->envp, .execfn = start->path};
    args->bytes = strlen(start->path) + 1;
    err = count_strings(start->argv, &args->argc, &args->bytes);
    if (err == 0) {
        err = count_strings(start->envp, &args->envc, &args->bytes);
    }
    if (err != 0) {
        return err;
    }
    args->argv = kmalloc((args->argc + 1ull) * sizeof(*args->argv));
    if (args->argv == NULL) {
        return -ENOMEM;
    }
    memcpy(args->argv, start->argv, args->argc * sizeof(*args->argv));
    return 0;
}

int exec_args_script(struct exec_args *args, const char *interp, const char *option,
                     const char *script)
{
    unsigned rest = args->argc > 0 ? args->argc - 1 : 0, n = 0;
    const char **argv = kmalloc((rest + 4ull) * sizeof(*argv));

    if (argv == NULL) {
        return -ENOMEM;
    }
    argv[n++] = interp;
    if (option != NULL) {
        argv[n++] = option;
        args->bytes += strlen(option) + 1 + sizeof(u64);
    }
    argv[n++] = script;
    args->bytes += strlen(interp) + strlen(script) + 2 + 2 * sizeof(u64);
    if (rest > 0) {
        memcpy(argv + n, args->argv + 1, rest * sizeof(*argv));
    }
    kfree(args->argv);
    args->argv = argv;
    args->argc = n + rest;
    return args->bytes > EXEC_ARGS_MAX ? -E2BIG : 0;
}
