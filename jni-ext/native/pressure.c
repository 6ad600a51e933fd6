/* SPDX-License-Identifier: MIT */
/*
 * moka.Pressure.  A shrinker of Java's is called by the thread that the hooks
 * have for that; it becomes a daemon of the JVM's with its first call, and stays
 * one, since it lives as long as the program.
 */
#include "jni_priv.h"

#include <moka/pressure.h>
#include <stdlib.h>

/* What shrink() is called with: lives from add() to the return of remove(). */
struct shrinker {
    jobject object; /* a global reference */
    jclass pressure;
    jmethodID call;
};

/* NULL: the thread cannot become one of the JVM's, which may be ending. */
static JNIEnv *attach(void)
{
    JavaVMAttachArgs args = {.version = JNI_VERSION_1_8, .name = "Moka shrinkers"};
    void *env = NULL;

    if ((*jni_machine)->GetEnv(jni_machine, &env, JNI_VERSION_1_8) != JNI_OK &&
        (*jni_machine)->AttachCurrentThreadAsDaemon(jni_machine, &env, &args) != JNI_OK) {
        return NULL;
    }
    return env;
}

/*
 * The struct may be freed by the call itself, which may close its own registration:
 * all that is needed of it is taken before, and the references are local.
 */
static uint64_t shrink(void *arg, uint64_t wanted)
{
    const struct shrinker *shrinker = arg;
    JNIEnv *env = attach();
    jlong given = 0;

    if (env != NULL && (*env)->PushLocalFrame(env, 4) == JNI_OK) {
        jobject object = (*env)->NewLocalRef(env, shrinker->object);
        jclass pressure = (*env)->NewLocalRef(env, shrinker->pressure);

        given = (*env)->CallStaticLongMethod(env, pressure, shrinker->call, object,
                                             wanted > INT64_MAX ? INT64_MAX : (jlong)wanted);
        if ((*env)->ExceptionCheck(env)) { /* of a handler of exceptions */
            (*env)->ExceptionClear(env);
            given = 0;
        }
        (*env)->PopLocalFrame(env, NULL);
    }
    return (uint64_t)given;
}

static void release(JNIEnv *env, struct shrinker *shrinker)
{
    if (shrinker != NULL) {
        (*env)->DeleteGlobalRef(env, shrinker->object);
        (*env)->DeleteGlobalRef(env, shrinker->pressure);
        free(shrinker);
    }
}

JNIEXPORT jlong JNICALL Java_moka_Pressure_add(JNIEnv *env, jclass class, jobject object,
                                               jlongArray handle)
{
    struct shrinker *shrinker = calloc(1, sizeof(*shrinker));
    jlong number = -ENOMEM, address = (jlong)(uintptr_t)shrinker;

    if (shrinker != NULL) {
        shrinker->object = (*env)->NewGlobalRef(env, object);
        shrinker->pressure = (*env)->NewGlobalRef(env, class);
        shrinker->call =
            (*env)->GetStaticMethodID(env, class, "call", "(Lmoka/Pressure$Shrinker;J)J");
    }
    if (shrinker != NULL && shrinker->object != NULL && shrinker->pressure != NULL &&
        shrinker->call != NULL) {
        number = JNI_CALL(pressure, shrinker_add, shrink, shrinker);
    }
    if (number < 0) {
        release(env, shrinker);
        return number;
    }
    (*env)->SetLongArrayRegion(env, handle, 0, 1, &address);
    return number;
}

JNIEXPORT jlong JNICALL Java_moka_Pressure_remove(JNIEnv *env, jclass class, jint number,
                                                  jlong handle)
{
    jlong result = JNI_CALL(pressure, shrinker_remove, number);

    release(env, jni_pointer(handle));
    return result;
}

JNIEXPORT jlong JNICALL Java_moka_Pressure_set(JNIEnv *env, jclass class, jlong low, jlong critical)
{
    return JNI_CALL(pressure, thresholds, (uint64_t)low, (uint64_t)critical);
}

JNIEXPORT jlong JNICALL Java_moka_Pressure_hand(JNIEnv *env, jclass class, jlong size)
{
    return JNI_CALL(pressure, give, (uint64_t)size);
}

/* Into an array of as many longs as moka.MachineMemory has. */
JNIEXPORT jlong JNICALL Java_moka_Pressure_memory(JNIEnv *env, jclass class, jlongArray into)
{
    struct moka_memory memory = {0};
    jlong result = JNI_CALL(pressure, memory, &memory, sizeof(memory));

    if (result >= 0) {
        _Static_assert(sizeof(memory) == 15 * sizeof(jlong) &&
                           offsetof(struct moka_memory, level) == 14 * sizeof(jlong),
                       "as moka.MachineMemory.WORDS");
        (*env)->SetLongArrayRegion(env, into, 0, 15, (const jlong *)&memory);
    }
    return result;
}
