/* SPDX-License-Identifier: MIT */
/*
 * newlocale(), duplocale(), freelocale() in place of musl's: libstdc++ reads
 * character tables and names out of the object that a locale_t points to, at
 * glibc's places.  So an object begins as musl's, which all of musl's own
 * functions work on, and goes on as glibc's.
 *
 *     0  musl's six categories
 *    48  the rest of glibc's thirteen (unused)
 *   104  tables of classes, lower case, upper case
 *   128  names of the categories
 *
 * musl's shared objects for the usual locales are not given out; there is one
 * allocation a locale.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "glibc.h"
#include "lock.h"
/* after stdlib.h: it defines MB_CUR_MAX anew */
#include "locale_impl.h"

#define LOCALE_NAMES 13
#define GLIBC_ALL (1 << LC_ALL) /* its "all categories", beside musl's */

struct glibc_locale {
    struct __locale_struct musl;
    void *unused[7];
    const unsigned short *classes;
    const int32_t *lower, *upper;
    const char *names[LOCALE_NAMES];
    struct glibc_locale *self; /* its own address: it was allocated here */
};

_Static_assert(offsetof(struct glibc_locale, classes) == 104, "glibc's struct __locale_struct");
_Static_assert(offsetof(struct glibc_locale, names) == 128, "glibc's struct __locale_struct");

const unsigned short **__ctype_b_loc(void);
const int32_t **__ctype_tolower_loc(void), **__ctype_toupper_loc(void);

int __loc_is_allocated(locale_t locale)
{
    return locale && locale != LC_GLOBAL_LOCALE && locale != C_LOCALE && locale != UTF8_LOCALE &&
           locale != &libc.global_locale && ((struct glibc_locale *)locale)->self == (void *)locale;
}

static locale_t locale_make(const struct __locale_struct *from, const char *name)
{
    struct glibc_locale *new = calloc(1, sizeof *new);

    if (!new) {
        return NULL;
    }
    new->musl = *from;
    new->classes = *__ctype_b_loc();
    new->lower = *__ctype_tolower_loc();
    new->upper = *__ctype_toupper_loc();
    for (int i = 0; i < LOCALE_NAMES; i++) {
        new->names[i] = name;
    }
    new->self = new;
    return &new->musl;
}

/* musl takes any name for a UTF-8 locale; programs rely on an error for what is not installed. */
static int is_known(const char *name)
{
    return !*name || !strcmp(name, "C") || !strcmp(name, "POSIX") || strchr(name, '.');
}

/* Of the two names that locales have here, the one of this locale. */
static const char *name_of(const struct __locale_struct *locale)
{
    return locale->cat[LC_CTYPE] ? "C.UTF-8" : "C";
}

/* The categories of `base`, or of the C locale, with those in `mask` from `name`. */
static int fill(struct __locale_struct *to, int mask, const char *name,
                const struct __locale_struct *base)
{
    for (int i = 0; i < LC_ALL; i++) {
        if (mask & (1 << i)) {
            to->cat[i] = __get_locale(i, name);
        } else {
            to->cat[i] = base ? base->cat[i] : __get_locale(i, "C");
        }
        if (to->cat[i] == LOC_MAP_FAILED) {
            return -1;
        }
    }
    return 0;
}

locale_t __newlocale(int mask, const char *name, locale_t base)
{
    struct __locale_struct new;
    int failed;

    if (!name) {
        errno = EINVAL;
        return NULL;
    }
    if (mask & GLIBC_ALL) {
        mask = LC_ALL_MASK;
    }
    if (!is_known(name)) {
        errno = ENOENT;
        return NULL;
    }
    if (base == LC_GLOBAL_LOCALE) {
        base = &libc.global_locale;
    }
    LOCK(__locale_lock);
    failed = fill(&new, mask, name, base);
    UNLOCK(__locale_lock);
    if (failed) {
        return NULL;
    }
    if (__loc_is_allocated(base)) {
        *base = new;
        return base;
    }
    return locale_make(&new, name_of(&new));
}

locale_t __duplocale(locale_t old)
{
    if (old == LC_GLOBAL_LOCALE) {
        old = &libc.global_locale;
    }
    return locale_make(old, name_of(old));
}

void __freelocale(locale_t locale)
{
    if (__loc_is_allocated(locale)) {
        free(locale);
    }
}

weak_alias(__newlocale, newlocale);
weak_alias(__duplocale, duplocale);
weak_alias(__freelocale, freelocale);
