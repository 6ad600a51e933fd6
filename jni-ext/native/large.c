/* SPDX-License-Identifier: MIT */
/* moka.MemoryRange: the sizes of its pages. */
#include "jni_priv.h"

#include <moka/large.h>

JNIEXPORT jlong JNICALL Java_moka_MemoryRange_policy(JNIEnv *env, jobject self, jint range,
                                                     jlong start, jlong size, jlong page_size,
                                                     jint policy)
{
    return JNI_CALL(large, policy, range, jni_pointer(start), (uint64_t)size, (uint64_t)page_size,
                    (unsigned)policy);
}

JNIEXPORT jlong JNICALL Java_moka_MemoryRange_populate(JNIEnv *env, jobject self, jint range,
                                                       jlong start, jlong size, jboolean zeroed,
                                                       jint threads)
{
    return JNI_CALL(large, populate, range, jni_pointer(start), (uint64_t)size,
                    zeroed ? 0 : MOKA_POPULATE_UNZEROED, (unsigned)threads);
}

JNIEXPORT jlong JNICALL Java_moka_MemoryRange_promote(JNIEnv *env, jobject self, jint range,
                                                      jlong start, jlong size, jlong page_size)
{
    return JNI_CALL(large, promote, range, jni_pointer(start), (uint64_t)size, (uint64_t)page_size);
}

JNIEXPORT jlong JNICALL Java_moka_MemoryRange_demote(JNIEnv *env, jobject self, jint range,
                                                     jlong start, jlong size, jlong page_size)
{
    return JNI_CALL(large, demote, range, jni_pointer(start), (uint64_t)size, (uint64_t)page_size);
}

JNIEXPORT jlong JNICALL Java_moka_MemoryRange_discard(JNIEnv *env, jobject self, jint range,
                                                      jlong start, jlong size)
{
    return JNI_CALL(large, discard, range, jni_pointer(start), (uint64_t)size);
}

/* Into an array of as many longs as moka.RangeStats has. */
JNIEXPORT jlong JNICALL Java_moka_MemoryRange_stats(JNIEnv *env, jobject self, jint range,
                                                    jlongArray into)
{
    struct moka_range_stats stats = {0};
    jlong result = JNI_CALL(large, stats, range, &stats);

    if (result >= 0) {
        _Static_assert(sizeof(stats) == 10 * sizeof(jlong), "as moka.RangeStats.WORDS");
        (*env)->SetLongArrayRegion(env, into, 0, 10, (const jlong *)&stats);
    }
    return result;
}
