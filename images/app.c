/* SPDX-License-Identifier: MIT */
#include "app.h"

#include <kernel/aspace.h>
#include <kernel/assert.h>
#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/pagetable.h>
#include <kernel/syscall.h>
#include <kernel/thread.h>

#define APP_STACK (256 * KIB)

struct app {
    struct thread *thread;
    vaddr_t stack;
};

static int app_free(struct app *app)
{
    int err = aspace_unmap(app->stack, APP_STACK);

    kfree(app);
    return err;
}

struct app *app_start_handler(const char *name, void (*fn)(void *arg), void *arg, u64 affinity,
                              trap_handler on_fault)
{
    struct app *app = kzalloc(sizeof(*app));
    struct thread_attr attr = {
        .name = name,
        .entry = fn,
        .arg = arg,
        .affinity = affinity,
        .class = SCHED_CLASS_FAIR,
        .on_fault = on_fault,
    };

    if (app == NULL) {
        return NULL;
    }
    if (aspace_map(0, APP_STACK, PROT_READ | PROT_WRITE, MAP_STACK_GUARD, &app->stack) != 0) {
        kfree(app);
        return NULL;
    }
    attr.app_stack = app->stack + APP_STACK;
    if (thread_create(&attr, &app->thread) != 0) {
        app_free(app);
        return NULL;
    }
    return app;
}

struct app *app_start(const char *name, void (*fn)(void *arg), void *arg, u64 affinity)
{
    return app_start_handler(name, fn, arg, affinity, NULL);
}

int app_join(struct app *app)
{
    int status;

    thread_join(app->thread, &status);
    BUG_ON(app_free(app) != 0); /* a whole region: nothing to be split */
    return status;
}

struct thread *app_thread(struct app *app)
{
    return app->thread;
}

s64 syscall_image(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    long (*fn)(void *) = (long (*)(void *))a0;

    return fn((void *)a1);
}

long app_call_kernel(long (*fn)(void *arg), void *arg)
{
    return app_syscall(SYSCALL_IMAGE, (long)fn, (long)arg, 0, 0, 0, 0);
}
