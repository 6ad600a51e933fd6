/* SPDX-License-Identifier: MIT */
/* moka.Roles and moka.Pause. */
#include "jni_priv.h"

#include <moka/role.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TIMES_WORDS 3
_Static_assert(sizeof(struct moka_role_times) == TIMES_WORDS * sizeof(jlong),
               "as moka.RoleTimes.WORDS");

JNIEXPORT jint JNICALL Java_moka_Roles_gettid(JNIEnv *env, jclass class)
{
    return (jint)syscall(SYS_gettid);
}

JNIEXPORT jlong JNICALL Java_moka_Roles_set(JNIEnv *env, jclass class, jint thread, jint role)
{
    return JNI_CALL(role, set, thread, role);
}

JNIEXPORT jlong JNICALL Java_moka_Roles_role(JNIEnv *env, jclass class, jint thread)
{
    return JNI_CALL(role, get, thread);
}

JNIEXPORT jlong JNICALL Java_moka_Roles_names(JNIEnv *env, jclass class, jint on)
{
    return JNI_CALL(role, by_name, on);
}

/* Three longs for each role, as many as the array has room for. */
JNIEXPORT jlong JNICALL Java_moka_Roles_times(JNIEnv *env, jclass class, jlongArray into)
{
    struct moka_role_times times[MOKA_ROLES] = {{0}};
    jsize words = MOKA_ROLES * TIMES_WORDS, room = (*env)->GetArrayLength(env, into);
    jlong result = JNI_CALL(role, times, times, MOKA_ROLES);

    if (result >= 0) {
        (*env)->SetLongArrayRegion(env, into, 0, room < words ? room : words, (const jlong *)times);
    }
    return result;
}

JNIEXPORT jlong JNICALL Java_moka_Pause_enter(JNIEnv *env, jclass class, jint phase)
{
    return JNI_CALL(role, pause_begin, phase);
}

JNIEXPORT jlong JNICALL Java_moka_Pause_end(JNIEnv *env, jclass class)
{
    return JNI_CALL(role, pause_end);
}
