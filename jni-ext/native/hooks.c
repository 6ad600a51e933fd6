/* SPDX-License-Identifier: MIT */
/*
 * Finds the hooks when the library is loaded: the C library's own in Moka;
 * elsewhere those by Linux's system calls, which are a part of this library or
 * preloaded.
 */
#include "jni_priv.h"

#include <dlfcn.h>
#include <moka/linux.h>

const struct moka_hooks *jni_hooks;
JavaVM *jni_machine;
static int is_fallback;

/* Are they those of a libmoka-linux.so that was preloaded?  In Moka that finds Moka's. */
static int is_preloaded(const struct moka_hooks *hooks)
{
    const struct moka_hooks *(*get)(uint32_t) =
        (const struct moka_hooks *(*)(uint32_t))dlsym(RTLD_DEFAULT, "moka_linux_get");

    return get != NULL && hooks == get(MOKA_HOOKS_VERSION);
}

static void find_hooks(void)
{
    jni_hooks = moka_hooks_find();
    if (jni_hooks == NULL) {
        jni_hooks = moka_linux_get(MOKA_HOOKS_VERSION);
        is_fallback = 1;
    } else {
        is_fallback = is_preloaded(jni_hooks);
    }
}

JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *machine, void *reserved)
{
    jni_machine = machine;
    find_hooks();
    return JNI_VERSION_1_8;
}

/* Of this library and of moka.jar: they come together. */
JNIEXPORT jint JNICALL Java_moka_Native_abi(JNIEnv *env, jclass class)
{
    return 1;
}

/* 1: Moka's; 2: those for Linux. */
JNIEXPORT jint JNICALL Java_moka_Native_kind(JNIEnv *env, jclass class)
{
    return is_fallback ? 2 : 1;
}

JNIEXPORT jint JNICALL Java_moka_Native_version(JNIEnv *env, jclass class)
{
    return (jint)jni_hooks->version;
}

/* A bit for each of moka.Moka.Group. */
JNIEXPORT jint JNICALL Java_moka_Native_groups(JNIEnv *env, jclass class)
{
    return (JNI_HAS(page) ? 1 : 0) | (JNI_HAS(large) ? 2 : 0) | (JNI_HAS(remap) ? 4 : 0) |
           (JNI_HAS(role) ? 8 : 0) | (JNI_HAS(pressure) ? 16 : 0);
}
