/* SPDX-License-Identifier: MIT */
/* moka.Remap: one pair, or an array of them as three numbers each. */
#include "jni_priv.h"

#include <moka/remap.h>
#include <stdlib.h>

#define PAIR_WORDS 3
#define SMALL_PAIRS 128

/* The constants of moka.Remap. */
enum { SWAP, MOVE, ALIAS, SLIDE };

static jlong remap(jint kind, int to, int from, const struct moka_pair *pairs, uint64_t count,
                   uint32_t flags)
{
    switch (kind) {
    case SWAP:
        return JNI_CALL(remap, swap, to, from, pairs, count, flags);
    case MOVE:
        return JNI_CALL(remap, move, to, from, pairs, count, flags);
    case ALIAS:
        return JNI_CALL(remap, alias, to, from, pairs, count, flags);
    default:
        return JNI_CALL(remap, slide, to, pairs, count, flags);
    }
}

JNIEXPORT jlong JNICALL Java_moka_Remap_one(JNIEnv *env, jclass class, jint kind, jobject to,
                                            jobject from, jint to_number, jint from_number,
                                            jlong to_address, jlong from_address, jlong size,
                                            jint flags)
{
    const struct moka_pair pair = {
        .to = jni_pointer(to_address), .from = jni_pointer(from_address), .size = (uint64_t)size};
    jlong done = remap(kind, to_number, from_number, &pair, 1, (uint32_t)flags);

    return done == 0 ? -ENOMEM : done; /* memory was short before the first pair was done */
}

/* Offsets become addresses where they are: a pair is as large as three of Java's longs. */
_Static_assert(sizeof(struct moka_pair) == PAIR_WORDS * sizeof(jlong) &&
                   offsetof(struct moka_pair, to) == 0 &&
                   offsetof(struct moka_pair, from) == sizeof(jlong),
               "to, from, size");
static void add_addresses(jlong *words, jsize length, jlong to, jlong from)
{
    for (jsize i = 0; i < length; i += PAIR_WORDS) {
        words[i] = (jlong)((uint64_t)words[i] + (uint64_t)to);
        words[i + 1] = (jlong)((uint64_t)words[i + 1] + (uint64_t)from);
    }
}

JNIEXPORT jlong JNICALL Java_moka_Remap_all(JNIEnv *env, jclass class, jint kind, jobject to,
                                            jobject from, jint to_number, jint from_number,
                                            jlong to_address, jlong from_address, jlongArray pairs,
                                            jint flags)
{
    jlong small[SMALL_PAIRS * PAIR_WORDS], *words = small, result;
    jsize length = (*env)->GetArrayLength(env, pairs);

    if (length > SMALL_PAIRS * PAIR_WORDS) {
        words = malloc((size_t)length * sizeof(*words));
    }
    if (words == NULL) {
        return -ENOMEM;
    }
    (*env)->GetLongArrayRegion(env, pairs, 0, length, words);
    add_addresses(words, length, to_address, from_address);
    result = remap(kind, to_number, from_number, (const struct moka_pair *)words,
                   (uint64_t)length / PAIR_WORDS, (uint32_t)flags);
    if (words != small) {
        free(words);
    }
    return result;
}

/* Into an array of as many longs as moka.RemapInfo has. */
JNIEXPORT jlong JNICALL Java_moka_Remap_info(JNIEnv *env, jclass class, jlongArray into)
{
    struct moka_remap_info info = {0};
    jlong result = JNI_CALL(remap, info, &info, sizeof(info));

    if (result >= 0) {
        _Static_assert(sizeof(info) == 10 * sizeof(jlong), "as moka.RemapInfo.WORDS");
        (*env)->SetLongArrayRegion(env, into, 0, 10, (const jlong *)&info);
    }
    return result;
}
