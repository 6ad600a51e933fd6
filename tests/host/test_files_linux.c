/* SPDX-License-Identifier: MIT */
/* sources: */
/*
 * The script of file calls on Linux itself: what the guest's test claims is
 * what Linux does.  Skipped when not run as root, whom the script expects.
 */
#include "host.h"

#include <kernel/types.h>
#include <stdio.h>

long syscall(long nr, ...);
int *__errno_location(void);
int getpagesize(void);
unsigned getuid(void);
char *mkdtemp(char *template);
int chdir(const char *path);
int rmdir(const char *path);
unsigned umask(unsigned mask);

static char memory[4096] __attribute__((aligned(16)));

static s64 call(long nr, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    long result = syscall(nr, a0, a1, a2, a3, a4, a5);

    return result == -1 ? -(s64)*__errno_location() : result;
}

#define CALL6(nr, a, b, c, d, e, f, ...) \
    call((nr), (u64)(a), (u64)(b), (u64)(c), (u64)(d), (u64)(e), (u64)(f))
#define CALL(name, ...) CALL6(NR_##name, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define STR(text) (text)
#define MEM memory

#include "../guest/files_script.inc"

int main(void)
{
    char folder[] = P_tmpdir "/files-XXXXXX";

    if (getuid() != 0) {
        printf("1..0 # SKIP not root\n");
        return 0;
    }
    (void)umask(022);
    if (mkdtemp(folder) == NULL || chdir(folder) != 0) {
        return 1;
    }
#define SCRIPT(name) run(#name, script_##name);
#include "../guest/files_script_list.inc"
    if (rmdir(folder) != 0) {
        return 1;
    }
    return finish();
}
