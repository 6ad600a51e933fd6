/* SPDX-License-Identifier: MIT */
/*
 * loader FOLDER: what the dynamic loader does with libinitial.so (linked),
 * libexec.so and libdynamic.so (opened), which are loader_lib.c with
 * different models of thread-local storage.  Prints TAP.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern int lib_answer(void), lib_call_answer(void), lib_next(void), lib_arguments;

static int failed, number, own_arguments;
static pthread_barrier_t barrier;
static int (*opened_next)(void);

static void report(const char *name, int ok)
{
    printf("%sok %d - %s\n", ok ? "" : "not ", ++number, name);
    failed |= !ok;
}

__attribute__((constructor)) static void begin(int count, char **arguments, char **environment)
{
    own_arguments = arguments && arguments[0] && environment ? count : -1;
}

static int seven(void)
{
    return 7;
}
static void *choose_local(void)
{
    return (void *)seven;
}
static int local_answer(void) __attribute__((ifunc("choose_local")));

/* Has been there since before the library was opened. */
static void *early_thread(void *result)
{
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    *(int *)result = opened_next() == 6 && opened_next() == 7;
    return NULL;
}

static void *late_thread(void *result)
{
    *(int *)result = opened_next() == 6 && lib_next() == 6;
    return NULL;
}

static void open_and_use(const char *folder, const char *name)
{
    char path[4096], what[200];
    pthread_t early, late;
    int early_ok = 0, late_ok = 0, (*answer)(void);
    void *library;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    pthread_create(&early, NULL, early_thread, &early_ok);
    pthread_barrier_wait(&barrier);
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        printf("# %s\n", dlerror());
        exit(1);
    }
    opened_next = (int (*)(void))dlsym(library, "lib_next");
    answer = (int (*)(void))dlsym(library, "lib_answer");
    snprintf(what, sizeof what, "%s: storage of the thread that opened it", name);
    report(what, opened_next() == 6 && opened_next() == 7);
    pthread_barrier_wait(&barrier);
    pthread_join(early, NULL);
    snprintf(what, sizeof what, "%s: of a thread that was there before", name);
    report(what, early_ok);
    pthread_create(&late, NULL, late_thread, &late_ok);
    pthread_join(late, NULL);
    snprintf(what, sizeof what, "%s: of a thread that began later", name);
    report(what, late_ok);
    snprintf(what, sizeof what, "%s: dlsym of a chosen function", name);
    report(what, answer && answer() == 42);
    report("dlclose", dlclose(library) == 0);
}

int main(int argc, char **argv)
{
    int (*pointer)(void) = lib_answer;

    pthread_barrier_init(&barrier, NULL, 2);
    report("arguments of the program's constructor", own_arguments == argc);
    report("arguments of the library's", lib_arguments == argc);
    report("a chosen function of the program", local_answer() == 7);
    report("of a library", lib_answer() == 42);
    report("by its address", pointer() == 42);
    report("called by its own library", lib_call_answer() == 42);
    report("dlsym by default", (void *)pointer == dlsym(RTLD_DEFAULT, "lib_answer") ||
                                   ((int (*)(void))dlsym(RTLD_DEFAULT, "lib_answer"))() == 42);
    report("dlvsym", dlvsym(RTLD_DEFAULT, "memcpy", "GLIBC_2.14") != NULL);
    report("no such symbol", !dlsym(RTLD_DEFAULT, "no_such_symbol") && dlerror());
    report("no such library", !dlopen("libnone.so", RTLD_NOW) && dlerror());
    open_and_use(argv[1], "libexec.so");
    open_and_use(argv[1], "libdynamic.so");
    printf("1..%d\n", number);
    return failed;
}
