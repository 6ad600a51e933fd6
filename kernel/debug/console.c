/* SPDX-License-Identifier: MIT */
/*
 * Console output: kprintf() and where its text goes.
 *
 * Each CPU collects its text in a line buffer of its own, with interrupts
 * off, and hands whole lines to the device under the console's lock: one
 * write however many lines are in it, because an access to a device costs
 * 1 to 30 us.  So lines of several CPUs never mix, and a line begun with one
 * kprintf() is completed by the next one of the same CPU.
 *
 * Until the driver has called console_set() text goes to a ring of 4 KiB, of
 * which the driver gets the last part.  After console_panic() the lock is
 * ignored: its holder may be stopped, or be the code that panicked.
 *
 * Rejected: formatting on the stack (a quarter of the frame limit, and a
 * panic may have 2 KiB left), and one shared buffer (CPUs would wait for
 * each other while formatting).
 */
#include <kernel/print.h>

#include <kernel/platform.h>
#include <kernel/spinlock.h>
#include <kernel/string.h>
#include <stdatomic.h>

#define LINE_SIZE 512
#define EARLY_SIZE 4096

/* (l) lock   (a) atomic */
static struct {
    struct spinlock lock;
    const struct console_ops *ops; /* (l) */
    size_t early_total;            /* (l) bytes that went to `early` in all */
    char early[EARLY_SIZE];        /* (l) */
    _Atomic bool panicking;        /* (a) the lock does not count any more */
} console = {.lock = SPINLOCK_INIT("console", RANK_CONSOLE)};

/* Text that has no newline yet; touched by its own CPU, interrupts off. */
static struct line {
    size_t len;               /* <= LINE_SIZE */
    char text[LINE_SIZE + 1]; /* kvsnprintf() ends it with NUL */
} lines[MAX_CPUS];

static void early_keep(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        console.early[console.early_total++ % EARLY_SIZE] = text[i];
    }
}

static void early_hand_over(void)
{
    size_t total = console.early_total;
    size_t start = total > EARLY_SIZE ? total - EARLY_SIZE : 0;

    while (start < total) {
        size_t at = start % EARLY_SIZE;
        size_t len = MIN(total - start, EARLY_SIZE - at);

        console.ops->write(console.early + at, len);
        start += len;
    }
    console.early_total = 0;
}

/*
 * The driver is called with the lock held, against the rule for spinlocks:
 * the lock is what keeps the device's text in order, and its rank is the
 * highest, so that a driver can take no other one.
 */
static void emit(const char *text, size_t len)
{
    bool locked = !atomic_load_explicit(&console.panicking, memory_order_relaxed);
    bool irq = false;

    if (locked) {
        irq = spin_lock(&console.lock);
    }
    if (console.ops != NULL) {
        console.ops->write(text, len);
    } else {
        early_keep(text, len);
    }
    if (locked) {
        spin_unlock(&console.lock, irq);
    }
}

/* Number of bytes up to and with the last newline. */
static size_t line_whole(const struct line *line)
{
    size_t len = line->len;

    while (len > 0 && line->text[len - 1] != '\n') {
        len--;
    }
    return len;
}

void kvprintf(const char *fmt, va_list ap)
{
    bool irq = irq_save();
    struct line *line = &lines[cpu_id()];
    size_t room = sizeof(line->text) - line->len;
    size_t wanted = (size_t)kvsnprintf(line->text + line->len, room, fmt, ap);
    size_t whole;

    if (wanted < room) {
        line->len += wanted;
    } else {
        line->len = LINE_SIZE;
        line->text[LINE_SIZE - 1] = '\n';
    }
    whole = line_whole(line);
    if (whole > 0) {
        emit(line->text, whole);
        line->len -= whole;
        memmove(line->text, line->text + whole, line->len);
    }
    irq_restore(irq);
}

void kprintf(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    kvprintf(fmt, ap);
    va_end(ap);
}

void console_flush(void)
{
    bool irq = irq_save();
    struct line *line = &lines[cpu_id()];

    if (line->len > 0) {
        emit(line->text, line->len);
        line->len = 0;
    }
    irq_restore(irq);
}

const struct console_ops *console_set(const struct console_ops *ops)
{
    bool irq = spin_lock(&console.lock);
    const struct console_ops *before = console.ops;

    console.ops = ops;
    early_hand_over();
    spin_unlock(&console.lock, irq);
    return before;
}

void console_end_line(void)
{
    bool irq = irq_save();

    if (lines[cpu_id()].len > 0) {
        kprintf("\n");
    }
    irq_restore(irq);
}

void console_panic(void)
{
    atomic_store_explicit(&console.panicking, true, memory_order_relaxed);
    console_end_line();
}
