/* SPDX-License-Identifier: MIT */
/*
 * The stack frame of a signal handler, as Linux lays it out on x86-64 and
 * debuggers, unwinders and HotSpot know it:
 *
 *   the interrupted stack pointer, or the end of the alternate stack
 *   128 bytes of red zone (interrupted stack only)
 *   vector state   at a multiple of 64, as XSAVE stores it (not packed), with
 *                  Linux's note of what it holds in its reserved bytes, and a
 *                  magic number behind it
 *   struct frame   return address (the restorer), ucontext, siginfo
 *
 * The handler may change all of it; rt_sigreturn(2) checks what the
 * processor would trip over, and no more: there is one privilege level.
 */
#include <kernel/errno.h>
#include <kernel/signal.h>
#include <kernel/string.h>
#include <kernel/syscall.h>
#include <kernel/thread.h>
#include <kernel/uaccess.h>

#include "x86_priv.h"

#define RED_ZONE 128
#define APP_CS 0x33 /* what a debugger expects of Linux */
#define APP_SS 0x2b

#define UC_FP_XSTATE 1u
#define UC_SIGCONTEXT_SS 2u
#define UC_STRICT_RESTORE_SS 4u

#define FP_XSTATE_MAGIC1 0x46505853u
#define FP_XSTATE_MAGIC2 0x46505845u
#define XSAVE_SW_OFFSET 464
#define XSAVE_MXCSR_OFFSET 24
#define XSAVE_HEADER_OFFSET 512
#define XSAVE_HEADER_END 576
#define XSTATE_X87_SSE 3ull

/* Flags that an application may set: AC OF DF TF and the arithmetic ones, RF, ID. */
#define FLAGS_APP 0x250dd5ull

struct sigcontext {
    u64 r8, r9, r10, r11, r12, r13, r14, r15;
    u64 rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
    u16 cs, gs, fs, ss;
    u64 error, trap, old_mask, cr2;
    u64 fpstate;
    u64 reserved[8];
};
_Static_assert(sizeof(struct sigcontext) == 256, "Linux's struct sigcontext");

struct ucontext {
    u64 flags, link;
    struct signal_stack stack;
    struct sigcontext mcontext;
    u64 mask;
};

struct frame {
    u64 restorer;
    struct ucontext uc;
    struct siginfo info;
};

/* In the reserved bytes of the legacy area. */
struct xstate_note {
    u32 magic1, extended_size;
    u64 features;
    u32 size, padding[7];
};

static void context_from(struct sigcontext *c, const struct trap_frame *f)
{
    const struct thread *t = thread_current();

    *c = (struct sigcontext){
        .r8 = f->r8,
        .r9 = f->r9,
        .r10 = f->r10,
        .r11 = f->r11,
        .r12 = f->r12,
        .r13 = f->r13,
        .r14 = f->r14,
        .r15 = f->r15,
        .rdi = f->rdi,
        .rsi = f->rsi,
        .rbp = f->rbp,
        .rbx = f->rbx,
        .rdx = f->rdx,
        .rax = f->rax,
        .rcx = f->rcx,
        .rsp = f->rsp,
        .rip = f->rip,
        .rflags = f->rflags,
        .cs = APP_CS,
        .ss = APP_SS,
        .error = t->trap_error,
        .trap = t->trap_number,
        .cr2 = t->trap_address,
    };
}

static void context_to(struct trap_frame *f, const struct sigcontext *c)
{
    f->r8 = c->r8;
    f->r9 = c->r9;
    f->r10 = c->r10;
    f->r11 = c->r11;
    f->r12 = c->r12;
    f->r13 = c->r13;
    f->r14 = c->r14;
    f->r15 = c->r15;
    f->rdi = c->rdi;
    f->rsi = c->rsi;
    f->rbp = c->rbp;
    f->rbx = c->rbx;
    f->rdx = c->rdx;
    f->rax = c->rax;
    f->rcx = c->rcx;
    f->rsp = c->rsp;
    f->rip = c->rip;
    f->rflags = (c->rflags & FLAGS_APP) | RFLAGS_IF | 2;
}

/* ---- To the handler ---------------------------------------------------------- */

/* The vector registers, at a place on the stack. */
static int push_vectors(u64 at)
{
    struct thread *t = thread_current();
    u32 size = cpu_features.xsave_size, magic2 = FP_XSTATE_MAGIC2;
    const struct xstate_note note = {
        .magic1 = FP_XSTATE_MAGIC1,
        .extended_size = size + (u32)sizeof(magic2),
        .features = cpu_features.xsave_mask,
        .size = size,
    };

    if (t->vectors_reset) {
        fpu_load_initial(); /* the handler that this one interrupts has not begun yet */
    }
    fpu_save_standard(t);
    /* What is saved now is what counts, whoever runs during the copies. */
    t->vectors_live = false;
    memcpy((u8 *)t->xsave + XSAVE_SW_OFFSET, &note, sizeof(note));
    if (user_write((void *)at, t->xsave, size) != 0 ||
        user_write((void *)(at + size), &magic2, sizeof(magic2)) != 0) {
        return -EFAULT;
    }
    return 0;
}

/*
 * Where the frame ends, and *floor: what it may not reach below.  A stack that is too small for
 * it has a neighbour.
 */
static u64 stack_for(const struct trap_frame *f, const struct signal_action *action, u64 *floor)
{
    const struct thread *t = thread_current();
    struct signal_stack now = signal_get_stack(f->rsp);

    *floor = (now.flags & SS_ONSTACK) != 0 ? t->alt_sp : 0;
    if ((action->flags & SA_ONSTACK) != 0 && (now.flags & (SS_ONSTACK | SS_DISABLE)) == 0) {
        *floor = t->alt_sp;
        return t->alt_sp + t->alt_size;
    }
    return f->rsp - RED_ZONE;
}

int arch_signal_frame(struct trap_frame *f, const struct signal_action *action,
                      const struct siginfo *info, u64 mask)
{
    struct thread *t = thread_current();
    struct frame frame = {
        .restorer = action->restorer,
        .uc.flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS,
        .uc.stack = signal_get_stack(f->rsp),
        .uc.mask = mask,
        .info = *info,
    };
    u64 floor, end = stack_for(f, action, &floor);
    u64 vectors = ALIGN_DOWN(end - cpu_features.xsave_size - sizeof(u32), 64);
    /* As after a call: rsp + 8 is a multiple of 16. */
    u64 sp = ALIGN_DOWN(vectors - sizeof(frame), 16) - 8;
    int err;

    if (floor != 0 && (sp <= floor || sp > end)) {
        return -EFAULT;
    }
    err = push_vectors(vectors);
    t->vectors_reset = true;
    if (err != 0) {
        return err;
    }
    context_from(&frame.uc.mcontext, f);
    frame.uc.mcontext.old_mask = mask;
    frame.uc.mcontext.fpstate = vectors;
    if (user_write((void *)sp, &frame, sizeof(frame)) != 0) {
        return -EFAULT;
    }
    if ((t->alt_flags & SS_AUTODISARM) != 0) {
        t->alt_sp = t->alt_size = 0;
        t->alt_flags = 0;
    }
    f->rdi = info->signo;
    f->rsi = sp + offsetof(struct frame, info);
    f->rdx = sp + offsetof(struct frame, uc);
    f->rax = 0;
    f->rip = action->handler;
    f->rsp = sp;
    f->rflags &= ~0x40500ull; /* DF, TF and AC: Linux clears DF, TF and RF */
    return 0;
}

u64 arch_signal_frame_size(void)
{
    return RED_ZONE + 64 + ALIGN_UP(cpu_features.xsave_size + 4ull, 64) +
           ALIGN_UP(sizeof(struct frame) + 8, 16);
}

/* ---- Back ------------------------------------------------------------------------ */

/* What XRSTOR would fault on is made harmless. */
static void sanitize(u8 *area, bool extended)
{
    u64 *header = (u64 *)(area + XSAVE_HEADER_OFFSET);
    u32 *mxcsr = (u32 *)(area + XSAVE_MXCSR_OFFSET);

    *mxcsr &= 0xffff;
    header[0] = extended ? header[0] & cpu_features.xsave_mask : XSTATE_X87_SSE;
    memset(header + 1, 0, XSAVE_HEADER_END - XSAVE_HEADER_OFFSET - 8);
}

/* Reads the saved vector registers into thread->xsave. */
static int pop_vectors(u64 at)
{
    struct thread *t = thread_current();
    struct xstate_note note;
    u32 size = cpu_features.xsave_size, magic2 = 0;
    bool extended;

    t->vectors_live = false;
    memset(t->xsave, 0, size);
    if (user_read(t->xsave, (const void *)at, XSAVE_HEADER_OFFSET) != 0) {
        return -EFAULT;
    }
    memcpy(&note, (u8 *)t->xsave + XSAVE_SW_OFFSET, sizeof(note));
    extended = note.magic1 == FP_XSTATE_MAGIC1 && note.size == size &&
               user_read(&magic2, (const void *)(at + size), sizeof(magic2)) == 0 &&
               magic2 == FP_XSTATE_MAGIC2;
    if (extended && user_read(t->xsave, (const void *)at, size) != 0) {
        return -EFAULT;
    }
    sanitize(t->xsave, extended);
    return 0;
}

static int restore(u64 sp, struct trap_frame *f)
{
    struct ucontext uc;
    int err;

    if (user_read(&uc, (const void *)sp, sizeof(uc)) != 0) {
        return -EFAULT;
    }
    context_to(f, &uc.mcontext);
    signal_set_mask(uc.mask);
    err = signal_set_stack(&uc.stack, f->rsp);
    if (err == -EFAULT) {
        return err;
    }
    if (uc.mcontext.fpstate == 0) {
        thread_current()->vectors_reset = true;
        return 0;
    }
    return pop_vectors(uc.mcontext.fpstate);
}

/*
 * Made by the restorer: its stack pointer is just behind the return address
 * of the frame, where the ucontext begins; 8 bytes lower if it made a call.
 */
s64 sys_rt_sigreturn(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct thread *t = thread_current();
    struct trap_frame f;
    u64 sp;

    trap_syscall_registers(&f);
    sp = f.rsp + (f.vector == TRAP_SYSCALL_CALL ? 8 : 0);
    /* From here on it is no system call: nothing is to be started again. */
    f.vector = TRAP_DB;
    if (restore(sp, &f) != 0) {
        const struct siginfo info = {.signo = SIGSEGV, .code = SI_KERNEL};

        signal_force(SIGSEGV, &info);
        t->vectors_reset = true;
    }
    trap_resume(&f);
}
