/* SPDX-License-Identifier: MIT */
/*
 * Formatted and stream functions as _FORTIFY_SOURCE calls them.  `flag` asks
 * for a check that %n is only in read-only formats; it is not made.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <wchar.h>

#include "glibc.h"

/* The result of `call`, which uses `args`, the arguments behind `last`. */
#define WITH_ARGS(type, last, call) \
    ({ \
        va_list args; \
        type result_; \
        va_start(args, last); \
        result_ = (call); \
        va_end(args); \
        result_; \
    })

int __vfprintf_chk(FILE *file, int flag, const char *format, va_list args)
{
    return vfprintf(file, format, args);
}

int __vprintf_chk(int flag, const char *format, va_list args)
{
    return vprintf(format, args);
}

int __fprintf_chk(FILE *file, int flag, const char *format, ...)
{
    return WITH_ARGS(int, format, vfprintf(file, format, args));
}

int __printf_chk(int flag, const char *format, ...)
{
    return WITH_ARGS(int, format, vprintf(format, args));
}

int __vdprintf_chk(int fd, int flag, const char *format, va_list args)
{
    return vdprintf(fd, format, args);
}

int __dprintf_chk(int fd, int flag, const char *format, ...)
{
    return WITH_ARGS(int, format, vdprintf(fd, format, args));
}

int __vasprintf_chk(char **result, int flag, const char *format, va_list args)
{
    return vasprintf(result, format, args);
}

int __asprintf_chk(char **result, int flag, const char *format, ...)
{
    return WITH_ARGS(int, format, vasprintf(result, format, args));
}

int __vsnprintf_chk(char *to, size_t n, int flag, size_t size, const char *format, va_list args)
{
    fortify_check(n, size);
    return vsnprintf(to, n, format, args);
}

int __snprintf_chk(char *to, size_t n, int flag, size_t size, const char *format, ...)
{
    fortify_check(n, size);
    return WITH_ARGS(int, format, vsnprintf(to, n, format, args));
}

int __vsprintf_chk(char *to, int flag, size_t size, const char *format, va_list args)
{
    int length = vsnprintf(to, size > INT_MAX ? INT_MAX : size, format, args);

    if (length >= 0) {
        fortify_check((size_t)length + 1, size);
    }
    return length;
}

int __sprintf_chk(char *to, int flag, size_t size, const char *format, ...)
{
    return WITH_ARGS(int, format, __vsprintf_chk(to, flag, size, format, args));
}

int __vswprintf_chk(wchar_t *to, size_t n, int flag, size_t size, const wchar_t *format,
                    va_list args)
{
    fortify_check(n, size);
    return vswprintf(to, n, format, args);
}

int __swprintf_chk(wchar_t *to, size_t n, int flag, size_t size, const wchar_t *format, ...)
{
    fortify_check(n, size);
    return WITH_ARGS(int, format, vswprintf(to, n, format, args));
}

int __fwprintf_chk(FILE *file, int flag, const wchar_t *format, ...)
{
    return WITH_ARGS(int, format, vfwprintf(file, format, args));
}

int __wprintf_chk(int flag, const wchar_t *format, ...)
{
    return WITH_ARGS(int, format, vwprintf(format, args));
}

void __vsyslog_chk(int priority, int flag, const char *format, va_list args)
{
    vsyslog(priority, format, args);
}

void __syslog_chk(int priority, int flag, const char *format, ...)
{
    WITH_ARGS(int, format, (vsyslog(priority, format, args), 0));
}

char *__fgets_chk(char *to, size_t size, int n, FILE *file)
{
    fortify_check(n < 0 ? 0 : n, size);
    return fgets(to, n, file);
}
ALIAS(__fgets_unlocked_chk, __fgets_chk);

size_t __fread_chk(void *to, size_t size, size_t each, size_t count, FILE *file)
{
    size_t need;

    fortify_check(__builtin_mul_overflow(each, count, &need) ? SIZE_MAX : need, size);
    return fread(to, each, count, file);
}
ALIAS(__fread_unlocked_chk, __fread_chk);
