/* SPDX-License-Identifier: MIT */
/*
 * What the files of the JNI library share: the table of hooks that was found,
 * and how one of its functions is called that may not be there.
 *
 * Native methods return what the hooks do, 0 or more or a negative errno; an
 * exception is made of that in Java (moka.Errors), where it costs nothing as
 * long as there is none.
 */
#ifndef MOKA_JNI_PRIV_H
#define MOKA_JNI_PRIV_H

#include <errno.h>
#include <jni.h>
#include <moka/hooks.h>
#include <moka/page.h>
#include <stddef.h>
#include <stdint.h>

/* Set once, before any other function is called. */
extern const struct moka_hooks *jni_hooks;
extern JavaVM *jni_machine;

/* Is the field part of the struct, as old as that may be, and set? */
#define JNI_COVERS(table, field) \
    ((table)->size > offsetof(__typeof__(*(table)), field) && (table)->field != NULL)
#define JNI_HAS(group) (JNI_COVERS(jni_hooks, group))
/* jni_hooks->group->call(...), or -ENOSYS. */
#define JNI_CALL(group, call, ...) \
    (JNI_HAS(group) && JNI_COVERS(jni_hooks->group, call) \
         ? (jlong)jni_hooks->group->call(__VA_ARGS__) \
         : (jlong)-ENOSYS)

static inline void *jni_pointer(jlong address)
{
    /* Java has no other type for an address. */
    return (void *)(uintptr_t)address; // NOLINT(performance-no-int-to-ptr)
}

/* moka.PageInfo as it is passed on: three numbers a page. */
#define JNI_PAGE_WORDS 3
static inline void jni_fill_page(jlong *words, const struct moka_page *page)
{
    words[0] = (jlong)page->frame;
    words[1] = (jlong)page->size;
    words[2] = (jlong)page->flags;
}

/*
 * A bitmap for `words` words, or of fewer words if so much is not needed for a
 * scan of that size: at `small` if it fits there.  NULL: no memory.
 */
#define JNI_SMALL_BITMAP 512
uint64_t *jni_bitmap_get(uint64_t *small, uint64_t *words, uint64_t size, uint64_t grain);
void jni_bitmap_put(uint64_t *small, uint64_t *bitmap);

#endif
