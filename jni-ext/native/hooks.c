/* SPDX-License-Identifier: MIT */
/*
 * Finds the hooks when the library is loaded: the C library's own in Moka; on
 * Linux those of libmoka-linux.so, if that is preloaded.
 */
#include "jni_priv.h"

#include <dlfcn.h>

const struct moka_hooks *jni_hooks;
JavaVM *jni_machine;
static int is_fallback;

static void find_hooks(void)
{
    jni_hooks = moka_hooks_find();
    is_fallback = dlsym(RTLD_DEFAULT, "moka_linux_get") != NULL;
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

/* 0: no hooks; 1: Moka's; 2: those for Linux. */
JNIEXPORT jint JNICALL Java_moka_Native_kind(JNIEnv *env, jclass class)
{
    return jni_hooks == NULL ? 0 : is_fallback ? 2 : 1;
}

JNIEXPORT jint JNICALL Java_moka_Native_version(JNIEnv *env, jclass class)
{
    return jni_hooks == NULL ? 0 : (jint)jni_hooks->version;
}

/* A bit for each of moka.Moka.Group. */
JNIEXPORT jint JNICALL Java_moka_Native_groups(JNIEnv *env, jclass class)
{
    return (JNI_HAS(page) ? 1 : 0) | (JNI_HAS(large) ? 2 : 0) | (JNI_HAS(remap) ? 4 : 0) |
           (JNI_HAS(role) ? 8 : 0);
}
