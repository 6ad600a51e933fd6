/* SPDX-License-Identifier: MIT */
/*
 * Questions about loaded libraries: what an unwinder, a profiler and a
 * debugger ask.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "glibc.h"

/* glibc 2.35's; libgcc's unwinder calls it for each frame. */
struct dl_find_object {
    unsigned long long dlfo_flags;
    void *dlfo_map_start;
    void *dlfo_map_end;
    struct link_map *dlfo_link_map;
    void *dlfo_eh_frame;
    unsigned long long reserved[7];
};

struct search {
    uintptr_t pc;
    struct dl_find_object *found;
};

/* 1: the object is found; 2: it is, and has no unwind table; 0: look on. */
static int match_object(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct search *search = argument;
    uintptr_t begin = UINTPTR_MAX, end = 0, table = 0;
    int hit = 0;

    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + segment->p_vaddr, to = from + segment->p_memsz;

        if (segment->p_type == PT_GNU_EH_FRAME) {
            table = from;
        } else if (segment->p_type == PT_LOAD) {
            hit |= search->pc >= from && search->pc < to;
            begin = from < begin ? from : begin;
            end = to > end ? to : end;
        }
    }
    if (!hit) {
        return 0;
    }
    memset(search->found, 0, sizeof *search->found);
    search->found->dlfo_map_start = (void *)begin;
    search->found->dlfo_map_end = (void *)end;
    search->found->dlfo_eh_frame = (void *)table;
    return table ? 1 : 2;
}

int _dl_find_object(void *pc, struct dl_find_object *found)
{
    struct search search = {(uintptr_t)pc, found};

    return dl_iterate_phdr(match_object, &search) == 1 ? 0 : -1;
}

/* The loader does not look at versions: there is one of each symbol. */
void *dlvsym(void *restrict handle, const char *restrict name, const char *restrict version)
{
    return dlsym(handle, name);
}

/*
 * libgcc_s has these two for itself, as old versions of symbols, which the
 * loader's lookup passes over; nothing reads them.
 */
unsigned __cpu_model[4];

int __cpu_indicator_init(void)
{
    return 0;
}

/* Frames by frame pointer, as far as they lead upward and stay close. */
int backtrace(void **frames, int size)
{
    uintptr_t *frame = __builtin_frame_address(0);
    int n = 0;

    while (n < size && frame && frame[1]) {
        uintptr_t *next = (uintptr_t *)frame[0];

        frames[n++] = (void *)frame[1];
        if (next <= frame || (uintptr_t)next - (uintptr_t)frame > 1 << 20 ||
            (uintptr_t)next % sizeof *next) {
            break;
        }
        frame = next;
    }
    return n;
}

/* "library(function+offset) [address]" */
static int format_frame(char *to, size_t size, void *frame)
{
    Dl_info info;

    if (!dladdr(frame, &info)) {
        return snprintf(to, size, "[%p]", frame);
    }
    return snprintf(
        to, size, "%s(%s+%#tx) [%p]", info.dli_fname, info.dli_sname ? info.dli_sname : "",
        (char *)frame - (char *)(info.dli_sname ? info.dli_saddr : info.dli_fbase), frame);
}

/* One block of pointers and texts, for one free(). */
char **backtrace_symbols(void *const *frames, int count)
{
    size_t size = (size_t)count * sizeof(char *), used = size;
    char **texts;

    for (int i = 0; i < count; i++) {
        size += format_frame(NULL, 0, frames[i]) + 1;
    }
    texts = malloc(size ? size : 1);
    for (int i = 0; texts && i < count; i++) {
        texts[i] = (char *)texts + used;
        used += format_frame(texts[i], size - used, frames[i]) + 1;
    }
    return texts;
}

void backtrace_symbols_fd(void *const *frames, int count, int fd)
{
    char text[512];

    for (int i = 0; i < count; i++) {
        format_frame(text, sizeof text, frames[i]);
        dprintf(fd, "%s\n", text);
    }
}
