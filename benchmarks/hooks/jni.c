/* SPDX-License-Identifier: MIT */
/*
 * The native half of Jni.java: a method that does nothing, and loops that call the
 * hooks as a C program does, to hold the Java API's calls against.
 */
#include <jni.h>
#include <moka/linux.h>
#include <moka/page.h>
#include <moka/remap.h>
#include <time.h>

#define PAGE 4096
#define BATCH 100
#define NSEC_PER_SEC 1000000000l

static const struct moka_hooks *moka;

static jlong now(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * NSEC_PER_SEC + at.tv_nsec;
}

JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *machine, void *reserved)
{
    moka = moka_hooks_find();
    if (moka == NULL) {
        moka = moka_linux_get(MOKA_HOOKS_VERSION);
    }
    return JNI_VERSION_1_8;
}

JNIEXPORT void JNICALL Java_Jni_empty(JNIEnv *env, jclass class)
{
}

/* What each of the loops does once: 0 or more, or an error. */
static jlong query_one(int range, char *at)
{
    struct moka_page page;

    return moka->page->query(range, at, &page);
}

static jlong query_batch(int range, char *at)
{
    struct moka_page pages[BATCH];
    jlong result = 0;

    for (int i = 0; i < BATCH && result >= 0; i++) {
        result = moka->page->query(range, at + i * PAGE, &pages[i]);
    }
    return result;
}

static jlong scan(int range, char *at)
{
    uint64_t bits[(BATCH + 63) / 64];
    const struct moka_scan what = {.start = at,
                                   .size = BATCH * PAGE,
                                   .grain = PAGE,
                                   .flags = MOKA_SCAN_DIRTY,
                                   .bitmap = bits,
                                   .words = sizeof(bits) / sizeof(bits[0])};

    return moka->page->scan(range, &what);
}

static jlong swap_pages(int range, char *at, int count)
{
    struct moka_pair pairs[BATCH];

    for (int i = 0; i < count; i++) {
        pairs[i] = (struct moka_pair){at + i * PAGE, at + (BATCH + i) * PAGE, PAGE};
    }
    return moka->remap == NULL ? -1 : moka->remap->swap(range, range, pairs, (uint64_t)count, 0);
}

static jlong swap_one(int range, char *at)
{
    return swap_pages(range, at, 1);
}

static jlong swap_batch(int range, char *at)
{
    return swap_pages(range, at, BATCH);
}

/* Nanoseconds for so many calls of the kind that Jni.java has as well; -1: not on this system. */
JNIEXPORT jlong JNICALL Java_Jni_time(JNIEnv *env, jclass class, jint kind, jlong address,
                                      jlong size, jint calls)
{
    static jlong (*const all[])(int, char *) = {query_one, query_batch, scan, swap_one, swap_batch};
    char *at = (char *)(uintptr_t)address; // NOLINT(performance-no-int-to-ptr)
    int range = moka->range_open(at, (uint64_t)size);
    jlong begin = now(), result = range;

    for (jint i = 0; i < calls && result >= 0; i++) {
        result = all[kind](range, at);
    }
    begin = now() - begin;
    moka->range_close(range);
    return result < 0 ? -1 : begin;
}
