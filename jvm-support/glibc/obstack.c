/* SPDX-License-Identifier: MIT */
/*
 * Obstacks: objects that grow at the end of a stack of chunks.  glibc's macros
 * in <obstack.h> do most of the work inline and call these when a chunk is full
 * or given back.  The structure is theirs; so are the bits of its last word.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "glibc.h"

struct obstack_chunk {
    char *limit; /* the byte behind it */
    struct obstack_chunk *previous;
    char contents[];
};

struct obstack {
    long chunk_size;
    struct obstack_chunk *chunk;
    char *object_base, *next_free, *chunk_limit;
    long temporary;
    int alignment_mask;
    union {
        void *(*plain)(long size);
        void *(*extra)(void *arg, long size);
    } take;
    union {
        void (*plain)(void *chunk);
        void (*extra)(void *arg, void *chunk);
    } give;
    void *arg;
    unsigned use_arg : 1;
    unsigned maybe_empty_object : 1; /* the object may be at its chunk's very beginning */
    unsigned failed : 1;
};

static void out_of_memory(void)
{
    fputs("memory exhausted\n", stderr);
    exit(EXIT_FAILURE);
}

void (*obstack_alloc_failed_handler)(void) = out_of_memory;
int obstack_exit_failure = EXIT_FAILURE;

static struct obstack_chunk *take_chunk(struct obstack *h, long size)
{
    struct obstack_chunk *chunk = h->use_arg ? h->take.extra(h->arg, size) : h->take.plain(size);

    if (!chunk) {
        obstack_alloc_failed_handler();
        abort(); /* the handler must not return */
    }
    chunk->limit = (char *)chunk + size;
    return chunk;
}

static void give_chunk(struct obstack *h, struct obstack_chunk *chunk)
{
    if (h->use_arg) {
        h->give.extra(h->arg, chunk);
    } else {
        h->give.plain(chunk);
    }
}

static char *align(const struct obstack *h, char *p)
{
    return (char *)(((uintptr_t)p + h->alignment_mask) & ~(uintptr_t)(unsigned)h->alignment_mask);
}

static int begin(struct obstack *h, int size, int alignment)
{
    h->alignment_mask = (alignment ? alignment : (int)_Alignof(max_align_t)) - 1;
    h->chunk_size = size ? size : 4096 - 32; /* with malloc()'s own, a page */
    h->chunk = take_chunk(h, h->chunk_size);
    h->chunk->previous = NULL;
    h->object_base = h->next_free = align(h, h->chunk->contents);
    h->chunk_limit = h->chunk->limit;
    h->maybe_empty_object = h->failed = 0;
    return 1;
}

int _obstack_begin(struct obstack *h, int size, int alignment, void *(*take)(long),
                   void (*give)(void *))
{
    h->take.plain = take;
    h->give.plain = give;
    h->use_arg = 0;
    return begin(h, size, alignment);
}

int _obstack_begin_1(struct obstack *h, int size, int alignment, void *(*take)(void *, long),
                     void (*give)(void *, void *), void *arg)
{
    h->take.extra = take;
    h->give.extra = give;
    h->arg = arg;
    h->use_arg = 1;
    return begin(h, size, alignment);
}

/* Moves the growing object to a new chunk with room for `length` more bytes. */
void _obstack_newchunk(struct obstack *h, int length)
{
    struct obstack_chunk *old = h->chunk;
    long used = h->next_free - h->object_base;
    long size = used + length + (used >> 3) + h->alignment_mask + 100;
    char *to;

    h->chunk = take_chunk(h, size < h->chunk_size ? h->chunk_size : size);
    h->chunk->previous = old;
    to = align(h, h->chunk->contents);
    memcpy(to, h->object_base, used);
    /* The old chunk held nothing else. */
    if (!h->maybe_empty_object && h->object_base == align(h, old->contents)) {
        h->chunk->previous = old->previous;
        give_chunk(h, old);
    }
    h->object_base = to;
    h->next_free = to + used;
    h->chunk_limit = h->chunk->limit;
    h->maybe_empty_object = 0;
}

static int is_in(const struct obstack_chunk *chunk, const void *p)
{
    return (const char *)p > (const char *)chunk && (const char *)p <= chunk->limit;
}

int _obstack_allocated_p(struct obstack *h, void *p)
{
    for (struct obstack_chunk *chunk = h->chunk; chunk; chunk = chunk->previous) {
        if (is_in(chunk, p)) {
            return 1;
        }
    }
    return 0;
}

/* Frees p and all that came later; NULL: all, and the obstack is to be begun again. */
void _obstack_free(struct obstack *h, void *p)
{
    struct obstack_chunk *chunk = h->chunk;

    while (chunk && !is_in(chunk, p)) {
        struct obstack_chunk *previous = chunk->previous;

        give_chunk(h, chunk);
        chunk = previous;
        /* What is freed may have been the empty object at the beginning of a chunk. */
        h->maybe_empty_object = 1;
    }
    h->chunk = chunk;
    if (chunk) {
        h->object_base = h->next_free = p;
        h->chunk_limit = chunk->limit;
    } else if (p) {
        abort(); /* not of this obstack */
    }
}
ALIAS(obstack_free, _obstack_free);

int _obstack_memory_used(struct obstack *h)
{
    long used = 0;

    for (struct obstack_chunk *chunk = h->chunk; chunk; chunk = chunk->previous) {
        used += chunk->limit - (char *)chunk;
    }
    return (int)used;
}

int obstack_vprintf(struct obstack *h, const char *format, va_list args)
{
    va_list again;
    int length;

    va_copy(again, args);
    length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0) {
        return length;
    }
    if (h->chunk_limit - h->next_free < length + 1) {
        _obstack_newchunk(h, length + 1);
    }
    vsnprintf(h->next_free, (size_t)length + 1, format, args);
    h->next_free += length;
    return length;
}

int obstack_printf(struct obstack *h, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = obstack_vprintf(h, format, args);
    va_end(args);
    return length;
}

int __obstack_vprintf_chk(struct obstack *h, int flag, const char *format, va_list args)
{
    return obstack_vprintf(h, format, args);
}

int __obstack_printf_chk(struct obstack *h, int flag, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = obstack_vprintf(h, format, args);
    va_end(args);
    return length;
}
