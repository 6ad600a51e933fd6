/* SPDX-License-Identifier: MIT */
/*
 * moka.MemoryRange: opening, and what its pages are like.  The native methods
 * are those of objects, although they have no use for these: as an argument
 * the object stays reachable, and so does the memory that it keeps.
 */
#include "jni_priv.h"

#include <stdlib.h>

#define QUERIED_AT_ONCE 128

uint64_t *jni_bitmap_get(uint64_t *small, uint64_t *words, uint64_t size, uint64_t grain)
{
    uint64_t needed = grain == 0 ? 0 : (size / grain + 63) / 64;

    if (*words > needed) {
        *words = needed;
    }
    return *words <= JNI_SMALL_BITMAP ? small : calloc(*words, sizeof(uint64_t));
}

void jni_bitmap_put(uint64_t *small, uint64_t *bitmap)
{
    if (bitmap != small) {
        free(bitmap);
    }
}

JNIEXPORT jlong JNICALL Java_moka_Native_open(JNIEnv *env, jclass class, jlong start, jlong size)
{
    return jni_hooks->range_open(jni_pointer(start), (uint64_t)size);
}

JNIEXPORT jlong JNICALL Java_moka_Native_close(JNIEnv *env, jclass class, jint range)
{
    return jni_hooks->range_close(range);
}

/* `count` pages from an address on, into an array that has room for them. */
JNIEXPORT jlong JNICALL Java_moka_MemoryRange_query(JNIEnv *env, jobject self, jint range,
                                                    jlong address, jint count, jlongArray pages)
{
    for (jint begin = 0, end; begin < count; begin = end) {
        jlong words[QUERIED_AT_ONCE * JNI_PAGE_WORDS];

        end = count - begin > QUERIED_AT_ONCE ? begin + QUERIED_AT_ONCE : count;
        for (jint i = begin; i < end; i++) {
            struct moka_page page = {0};
            jlong result =
                JNI_CALL(page, query, range, jni_pointer(address + i * (jlong)4096), &page);

            if (result < 0) {
                return result;
            }
            jni_fill_page(words + (size_t)(i - begin) * JNI_PAGE_WORDS, &page);
        }
        (*env)->SetLongArrayRegion(env, pages, begin * JNI_PAGE_WORDS,
                                   (end - begin) * JNI_PAGE_WORDS, words);
    }
    return 0;
}

/*
 * The bitmap is copied: an array that is pinned for a scan of some milliseconds
 * would hold up the collector as long.
 */
JNIEXPORT jlong JNICALL Java_moka_MemoryRange_scan(JNIEnv *env, jobject self, jint range,
                                                   jlong start, jlong size, jint grain, jint flags,
                                                   jlongArray bitmap)
{
    uint64_t small[JNI_SMALL_BITMAP];
    struct moka_scan scan = {.start = jni_pointer(start),
                             .size = (uint64_t)size,
                             .grain = (uint32_t)grain,
                             .flags = (uint32_t)flags};
    jlong result;

    if (bitmap == NULL) {
        return JNI_CALL(page, scan, range, &scan);
    }
    scan.words = (uint64_t)(*env)->GetArrayLength(env, bitmap);
    scan.bitmap = jni_bitmap_get(small, &scan.words, scan.size, scan.grain);
    if (scan.bitmap == NULL) {
        return -ENOMEM;
    }
    result = JNI_CALL(page, scan, range, &scan);
    if (result >= 0) {
        (*env)->SetLongArrayRegion(env, bitmap, 0, (jsize)scan.words, (const jlong *)scan.bitmap);
    }
    jni_bitmap_put(small, scan.bitmap);
    return result;
}

JNIEXPORT jlong JNICALL Java_moka_MemoryRange_split(JNIEnv *env, jobject self, jint range,
                                                    jlong start, jlong size)
{
    return JNI_CALL(page, split, range, jni_pointer(start), (uint64_t)size);
}

JNIEXPORT jlong JNICALL Java_moka_MemoryRange_join(JNIEnv *env, jobject self, jint range,
                                                   jlong start, jlong size)
{
    return JNI_CALL(page, join, range, jni_pointer(start), (uint64_t)size);
}
