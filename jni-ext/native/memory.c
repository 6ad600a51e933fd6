/* SPDX-License-Identifier: MIT */
/* Memory of one's own for moka.Memory, and the addresses of direct buffers. */
#include "jni_priv.h"

#include <sys/mman.h>

/* Cuts [begin, end) away, which may be nothing. */
static void cut(uintptr_t begin, uintptr_t end)
{
    if (begin < end) {
        munmap(jni_pointer((jlong)begin), end - begin);
    }
}

/*
 * Whole pages of zeroes at a multiple of `alignment`, a power of 2 of 4096 at
 * least; the sum of both does not overflow.  The address or -ENOMEM.
 */
JNIEXPORT jlong JNICALL Java_moka_Native_map(JNIEnv *env, jclass class, jlong size, jlong alignment)
{
    uintptr_t want = (uintptr_t)size, step = (uintptr_t)alignment, begin, start;
    void *at = mmap(NULL, want + step, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (at == MAP_FAILED) {
        return -ENOMEM;
    }
    begin = (uintptr_t)at;
    start = (begin + step - 1) & ~(step - 1);
    cut(begin, start);
    cut(start + want, begin + want + step);
    return (jlong)start;
}

JNIEXPORT void JNICALL Java_moka_Native_unmap(JNIEnv *env, jclass class, jlong address, jlong size)
{
    munmap(jni_pointer(address), (size_t)size);
}

JNIEXPORT jobject JNICALL Java_moka_Native_buffer(JNIEnv *env, jclass class, jlong address,
                                                  jlong size)
{
    return (*env)->NewDirectByteBuffer(env, jni_pointer(address), size);
}

/* Of the buffer's first byte; 0 if it is not direct. */
JNIEXPORT jlong JNICALL Java_moka_Native_address(JNIEnv *env, jclass class, jobject buffer)
{
    return (jlong)(uintptr_t)(*env)->GetDirectBufferAddress(env, buffer);
}
