/* SPDX-License-Identifier: MIT */
/*
 * Clean-up handlers of C programs that glibc's header has compiled without
 * -fexceptions.  There pthread_cleanup_push() is
 *
 *     if (__sigsetjmp(buffer, 0)) { routine(argument); __pthread_unwind_next(buffer); }
 *     __pthread_register_cancel(buffer);
 *
 * so that the handler runs in the frame that has set it up.  The buffer ends in
 * four words for the library, where musl's own list of handlers finds an entry
 * that jumps there.
 */
#include <pthread.h>
#include <setjmp.h>

#include "glibc.h"
#include "pthread_impl.h"

/* glibc's __pthread_unwind_buf_t; of musl's jmp_buf, setjmp() fills the registers only. */
struct unwind_buffer {
    unsigned long registers[8];
    int mask_was_saved;
    struct __ptcb handler;
    void *unused;
};
_Static_assert(sizeof(struct unwind_buffer) == 13 * 8, "glibc's layout");
_Static_assert(sizeof(__jmp_buf) == 8 * 8, "the registers are what glibc saves");

static void jump_to(void *buffer)
{
    longjmp(buffer, 1);
}

void __pthread_register_cancel(struct unwind_buffer *buffer)
{
    _pthread_cleanup_push(&buffer->handler, jump_to, buffer);
}

void __pthread_unregister_cancel(struct unwind_buffer *buffer)
{
    _pthread_cleanup_pop(&buffer->handler, 0);
}

/* The handler has run, in the middle of pthread_exit(): on with the others. */
_Noreturn void __pthread_unwind_next(struct unwind_buffer *buffer)
{
    pthread_exit(__pthread_self()->result);
}
