/* SPDX-License-Identifier: MIT */
/* Where things lie this time; tests/run-programs.sh counts the bits that differ between boots. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

static void print(const char *name, const void *at)
{
    printf("%s %016lx\n", name, (unsigned long)at);
}

int main(void)
{
    int local;

    print("program", (const void *)main);
    print("loader", (const void *)getauxval(AT_BASE));
    print("library", (const void *)malloc);
    print("stack", &local);
    print("mmap", mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    print("heap", sbrk(0));
    return 0;
}
