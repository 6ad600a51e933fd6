/* SPDX-License-Identifier: MIT */
/*
 * Destructors of C++ thread_local objects.  Their list is a field of the
 * thread's control block; a thread runs it when it ends, ahead of pthread keys,
 * and exit() runs the caller's, ahead of atexit(): glibc's order.
 */
#include <stdlib.h>

#include "glibc.h"
#include "moka_threads.h"
#include "pthread_impl.h"

struct thread_dtor {
    struct thread_dtor *next;
    void (*function)(void *);
    void *object;
};

/* The library it is in need not be kept: musl never unmaps one. */
int __cxa_thread_atexit_impl(void (*function)(void *), void *object, void *library)
{
    struct thread_dtor *dtor = malloc(sizeof *dtor);

    if (!dtor) {
        return -1;
    }
    *dtor = (struct thread_dtor){__pthread_self()->thread_dtors, function, object};
    __pthread_self()->thread_dtors = dtor;
    return 0;
}

/* A destructor may register another one, which then comes next. */
void __thread_dtors_run(void)
{
    struct thread_dtor *dtor;

    while ((dtor = __pthread_self()->thread_dtors)) {
        __pthread_self()->thread_dtors = dtor->next;
        dtor->function(dtor->object);
        free(dtor);
    }
}
