/* SPDX-License-Identifier: MIT */
/*
 * moka.HeapArrays: the pages below an array of the Java heap, which stays where
 * it is for as long as one of these functions takes.  Between the two calls
 * that pin it there is nothing but the hooks, as JNI demands.
 */
#include "jni_priv.h"

#define PAGE 4096ul

/* What of the heap an array of so many bytes lies on. */
struct pinned {
    jarray array;
    jboolean is_copy;
    char *data;
    char *start; /* its first page */
    uint64_t size;
    int range;
};

/* Where the collector cannot leave the array in its place it would be of a copy: -EOPNOTSUPP. */
static jlong pin(JNIEnv *env, struct pinned *pinned, jarray array, jlong bytes)
{
    uintptr_t begin;

    pinned->array = array;
    pinned->range = -1;
    pinned->data = (*env)->GetPrimitiveArrayCritical(env, array, &pinned->is_copy);
    if (pinned->data == NULL) {
        return -ENOMEM;
    }
    if (pinned->is_copy) {
        return -EOPNOTSUPP;
    }
    begin = (uintptr_t)pinned->data & ~(PAGE - 1);
    pinned->start = jni_pointer((jlong)begin);
    pinned->size = (((uintptr_t)pinned->data + (uint64_t)bytes + PAGE - 1) & ~(PAGE - 1)) - begin;
    pinned->range = jni_hooks->range_open(pinned->start, pinned->size);
    return pinned->range;
}

static void unpin(JNIEnv *env, struct pinned *pinned)
{
    if (pinned->range >= 0) {
        jni_hooks->range_close(pinned->range);
    }
    if (pinned->data != NULL) {
        (*env)->ReleasePrimitiveArrayCritical(env, pinned->array, pinned->data, JNI_ABORT);
    }
}

JNIEXPORT jlong JNICALL Java_moka_HeapArrays_locate(JNIEnv *env, jclass class, jarray array)
{
    jboolean is_copy = JNI_FALSE;
    void *data = (*env)->GetPrimitiveArrayCritical(env, array, &is_copy);
    jlong address = is_copy ? -EOPNOTSUPP : (jlong)(uintptr_t)data;

    if (data == NULL) {
        return -ENOMEM;
    }
    (*env)->ReleasePrimitiveArrayCritical(env, array, data, JNI_ABORT);
    return address;
}

JNIEXPORT jlong JNICALL Java_moka_HeapArrays_query(JNIEnv *env, jclass class, jarray array,
                                                   jlong bytes, jlong offset, jlongArray into)
{
    struct moka_page page = {0};
    struct pinned pinned;
    jlong words[JNI_PAGE_WORDS], result = pin(env, &pinned, array, bytes);

    if (result >= 0) {
        result = JNI_CALL(page, query, pinned.range, pinned.data + offset, &page);
    }
    unpin(env, &pinned);
    if (result >= 0) {
        jni_fill_page(words, &page);
        (*env)->SetLongArrayRegion(env, into, 0, JNI_PAGE_WORDS, words);
    }
    return result;
}

/* `bitmap` may be NULL: then they are only counted. */
JNIEXPORT jlong JNICALL Java_moka_HeapArrays_scan(JNIEnv *env, jclass class, jarray array,
                                                  jlong bytes, jint flags, jlongArray bitmap)
{
    uint64_t small[JNI_SMALL_BITMAP];
    struct moka_scan scan = {.grain = PAGE, .flags = (uint32_t)flags};
    struct pinned pinned;
    jlong result;

    if (bitmap != NULL) {
        scan.words = (uint64_t)(*env)->GetArrayLength(env, bitmap);
        scan.bitmap = jni_bitmap_get(small, &scan.words, (uint64_t)bytes + 2 * PAGE, PAGE);
        if (scan.bitmap == NULL) {
            return -ENOMEM;
        }
    }
    result = pin(env, &pinned, array, bytes);
    if (result >= 0) {
        scan.start = pinned.start;
        scan.size = pinned.size;
        result = JNI_CALL(page, scan, pinned.range, &scan);
    }
    unpin(env, &pinned);
    if (bitmap != NULL) {
        uint64_t words = (scan.size / PAGE + 63) / 64;

        if (result >= 0) {
            (*env)->SetLongArrayRegion(env, bitmap, 0, (jsize)words, (const jlong *)scan.bitmap);
        }
        jni_bitmap_put(small, scan.bitmap);
    }
    return result;
}
