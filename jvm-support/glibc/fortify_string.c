/* SPDX-License-Identifier: MIT */
/*
 * String functions as programs call them that were compiled with
 * _FORTIFY_SOURCE: with one more argument, the size of the destination as the
 * compiler knew it, or the largest size_t.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "glibc.h"

void __fortify_fail(void)
{
    static const char text[] = "*** buffer overflow detected ***: terminated\n";

    if (write(2, text, sizeof text - 1) < 0) {
        /* There is nobody to tell. */
    }
    abort();
}

/* For old programs, and for what the compiler itself finds. */
_Noreturn void __chk_fail(void)
{
    __fortify_fail();
}

void *__memcpy_chk(void *to, const void *from, size_t n, size_t size)
{
    fortify_check(n, size);
    return memcpy(to, from, n);
}

void *__memmove_chk(void *to, const void *from, size_t n, size_t size)
{
    fortify_check(n, size);
    return memmove(to, from, n);
}

void *__mempcpy_chk(void *to, const void *from, size_t n, size_t size)
{
    fortify_check(n, size);
    return mempcpy(to, from, n);
}

void *__memset_chk(void *to, int c, size_t n, size_t size)
{
    fortify_check(n, size);
    return memset(to, c, n);
}

void __explicit_bzero_chk(void *to, size_t n, size_t size)
{
    fortify_check(n, size);
    explicit_bzero(to, n);
}

char *__strcpy_chk(char *to, const char *from, size_t size)
{
    fortify_check(strlen(from) + 1, size);
    return strcpy(to, from);
}

char *__stpcpy_chk(char *to, const char *from, size_t size)
{
    fortify_check(strlen(from) + 1, size);
    return stpcpy(to, from);
}

char *__strncpy_chk(char *to, const char *from, size_t n, size_t size)
{
    fortify_check(n, size);
    return strncpy(to, from, n);
}

char *__stpncpy_chk(char *to, const char *from, size_t n, size_t size)
{
    fortify_check(n, size);
    return stpncpy(to, from, n);
}

char *__strcat_chk(char *to, const char *from, size_t size)
{
    fortify_check(strlen(to) + strlen(from) + 1, size);
    return strcat(to, from);
}

char *__strncat_chk(char *to, const char *from, size_t n, size_t size)
{
    fortify_check(strlen(to) + strnlen(from, n) + 1, size);
    return strncat(to, from, n);
}

/* Of wide strings, sizes are in characters. */
wchar_t *__wmemcpy_chk(wchar_t *to, const wchar_t *from, size_t n, size_t size)
{
    fortify_check(n, size);
    return wmemcpy(to, from, n);
}

wchar_t *__wmemmove_chk(wchar_t *to, const wchar_t *from, size_t n, size_t size)
{
    fortify_check(n, size);
    return wmemmove(to, from, n);
}

wchar_t *__wmemset_chk(wchar_t *to, wchar_t c, size_t n, size_t size)
{
    fortify_check(n, size);
    return wmemset(to, c, n);
}

wchar_t *__wcscpy_chk(wchar_t *to, const wchar_t *from, size_t size)
{
    fortify_check(wcslen(from) + 1, size);
    return wcscpy(to, from);
}

wchar_t *__wcsncpy_chk(wchar_t *to, const wchar_t *from, size_t n, size_t size)
{
    fortify_check(n, size);
    return wcsncpy(to, from, n);
}

wchar_t *__wcscat_chk(wchar_t *to, const wchar_t *from, size_t size)
{
    fortify_check(wcslen(to) + wcslen(from) + 1, size);
    return wcscat(to, from);
}

size_t __mbstowcs_chk(wchar_t *to, const char *from, size_t n, size_t size)
{
    fortify_check(n, size);
    return mbstowcs(to, from, n);
}

size_t __wcstombs_chk(char *to, const wchar_t *from, size_t n, size_t size)
{
    fortify_check(n, size);
    return wcstombs(to, from, n);
}

size_t __mbsrtowcs_chk(wchar_t *to, const char **from, size_t n, mbstate_t *state, size_t size)
{
    fortify_check(n, size);
    return mbsrtowcs(to, from, n, state);
}

size_t __mbsnrtowcs_chk(wchar_t *to, const char **from, size_t bytes, size_t n, mbstate_t *state,
                        size_t size)
{
    fortify_check(n, size);
    return mbsnrtowcs(to, from, bytes, n, state);
}

size_t __wcrtomb_chk(char *to, wchar_t c, mbstate_t *state, size_t size)
{
    fortify_check(MB_CUR_MAX, size);
    return wcrtomb(to, c, state);
}
