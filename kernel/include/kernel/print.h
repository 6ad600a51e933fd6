/* SPDX-License-Identifier: MIT */
/*
 * Formatted text.  Formats are a subset of C's printf:
 * %d %i %u %x %X %c %s %p %% with flags - 0 # +, width, precision, '*',
 * and the lengths hh, h, l, ll, z, t.
 * Beyond C: nothing.
 */
#pragma once

#include <kernel/types.h>
#include <stdarg.h>

/* As C's snprintf. */
int ksnprintf(char *buf, size_t size, const char *fmt, ...) printf_like(3, 4);
int kvsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

/*
 * Prints to the console.  Any context, any CPU: lines of several CPUs do not
 * mix.  A line is cut at 512 bytes.  Output is handed to the device a line
 * at a time, because an access to it may cost tens of microseconds.
 */
void kprintf(const char *fmt, ...) printf_like(1, 2);
void kvprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

/*
 * Where console text goes: set once at start-up, from above, by the driver.
 * Until then text is kept (up to 4 KiB) and handed over when it is set.
 * `write` must not block and may be called with interrupts off; it gets whole
 * lines, but for what console_flush() hands over.
 * Returns what was set before (tests put that back), or NULL.
 */
struct console_ops {
    void (*write)(const char *text, size_t len);
};
const struct console_ops *console_set(const struct console_ops *ops);

/*
 * Hands over what this CPU has printed of an unfinished line: for a prompt or
 * a progress display, and before the machine ends.  Any context.
 */
void console_flush(void);

/* Ends a line that this CPU has begun, so that what follows starts one.  Any context. */
void console_end_line(void);

/* From panic: the console's lock is no longer waited for; starts a line. */
void console_panic(void);
