/* SPDX-License-Identifier: MIT */
/*
 * The functions of glibc's <regex.h>, with its structures.  Programs that were
 * compiled with our own header get musl's regcomp() and so on by another name.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "gnu_regex.h"

struct re_pattern_buffer {
    struct re_program *buffer;
    unsigned long allocated, used, syntax;
    char *fastmap;
    unsigned char *translate;
    size_t groups;
    unsigned can_be_null : 2, regs_allocated : 2, fastmap_accurate : 1, no_sub : 1, not_bol : 1,
        not_eol : 1, newline_anchor : 1;
};
enum { REGS_UNALLOCATED, REGS_REALLOCATE, REGS_FIXED }; /* regs_allocated */

struct re_registers {
    unsigned count;
    int *start, *end;
};

struct re_match { /* regmatch_t */
    int start, end;
};

#define SYNTAX_POSIX \
    (RE_CHAR_CLASSES | RE_DOT_NEWLINE | RE_DOT_NOT_NULL | RE_INTERVALS | RE_NO_EMPTY_RANGES)
#define SYNTAX_BASIC (SYNTAX_POSIX | RE_BK_PLUS_QM | RE_CONTEXT_INVALID_DUP)
#define SYNTAX_EXTENDED \
    (SYNTAX_POSIX | RE_CONTEXT_INDEP_ANCHORS | RE_CONTEXT_INDEP_OPS | RE_NO_BK_BRACES | \
     RE_NO_BK_PARENS | RE_NO_BK_VBAR | RE_CONTEXT_INVALID_OPS | RE_UNMATCHED_RIGHT_PAREN_ORD)

enum { CFLAG_EXTENDED = 1, CFLAG_ICASE = 2, CFLAG_NEWLINE = 4, CFLAG_NOSUB = 8 };
enum { EFLAG_NOTBOL = 1, EFLAG_NOTEOL = 2, EFLAG_STARTEND = 4 };

unsigned long re_syntax_options;

static const char *const messages[] = {
    "Success",
    "No match",
    "Invalid regular expression",
    "Invalid collation character",
    "Invalid character class name",
    "Trailing backslash",
    "Invalid back reference",
    "Unmatched [, [^, [:, [., or [=",
    "Unmatched ( or \\(",
    "Unmatched \\{",
    "Invalid content of \\{\\}",
    "Invalid range end",
    "Memory exhausted",
    "Invalid preceding regular expression",
    "Premature end of regular expression",
    "Regular expression too big",
    "Unmatched ) or \\)",
};

unsigned long re_set_syntax(unsigned long syntax)
{
    unsigned long old = re_syntax_options;

    re_syntax_options = syntax;
    return old;
}

static void forget(struct re_pattern_buffer *b)
{
    if (b->buffer && b->allocated == sizeof *b->buffer) {
        __re_free(b->buffer);
        free(b->buffer);
    }
    b->buffer = NULL;
    b->allocated = b->used = 0;
}

static int compile(struct re_pattern_buffer *b, const char *pattern, size_t length,
                   unsigned long syntax)
{
    struct re_program *p = calloc(1, sizeof *p);
    int error;

    forget(b);
    if (!p) {
        return RE_ESPACE;
    }
    p->syntax = b->syntax = syntax;
    p->ignore_case = (syntax & RE_ICASE) != 0;
    p->translate = b->translate;
    p->wide = MB_CUR_MAX > 1;
    b->not_bol = b->not_eol = 0;
    b->fastmap_accurate = b->can_be_null = 0;
    error = __re_parse(p, pattern, length);
    if (error) {
        __re_free(p);
        free(p);
        return error;
    }
    __re_find_first(p);
    b->groups = p->groups;
    b->regs_allocated = REGS_UNALLOCATED;
    b->buffer = p;
    b->allocated = b->used = sizeof *p;
    return 0;
}

const char *re_compile_pattern(const char *pattern, size_t length, struct re_pattern_buffer *b)
{
    int error;

    b->no_sub = (re_syntax_options & RE_NO_SUB) != 0;
    b->newline_anchor = 1;
    error = compile(b, pattern, length, re_syntax_options);
    return error ? messages[error] : NULL;
}

int re_compile_fastmap(struct re_pattern_buffer *b)
{
    if (b->fastmap && b->buffer) {
        memcpy(b->fastmap, b->buffer->first, sizeof b->buffer->first);
    }
    b->fastmap_accurate = 1;
    return 0;
}

/* Room for the groups, as the buffer says it is to be had: how many fit. */
static int make_registers(struct re_pattern_buffer *b, struct re_registers *regs, int need)
{
    if (b->regs_allocated == REGS_FIXED) {
        return (int)regs->count < need ? (int)regs->count : need;
    }
    /* One more than there are groups, which is -1, as glibc has it. */
    if (b->regs_allocated == REGS_UNALLOCATED || (int)regs->count < need + 1) {
        int fresh = b->regs_allocated == REGS_UNALLOCATED;
        int *start = realloc(fresh ? NULL : regs->start, (need + 1) * sizeof *start);
        int *end = realloc(fresh ? NULL : regs->end, (need + 1) * sizeof *end);

        regs->start = start ? start : fresh ? NULL : regs->start;
        regs->end = end ? end : fresh ? NULL : regs->end;
        if (!start || !end) {
            return -1;
        }
        regs->count = need + 1;
        b->regs_allocated = REGS_REALLOCATE;
    }
    return need;
}

static int fill_registers(struct re_pattern_buffer *b, struct re_registers *regs, const int *groups)
{
    int count = make_registers(b, regs, (int)b->groups + 1);

    if (count < 0) {
        return -2;
    }
    for (int i = 0; i < (int)regs->count; i++) {
        regs->start[i] = i < count ? groups[2 * i] : -1;
        regs->end[i] = i < count ? groups[2 * i + 1] : -1;
    }
    return 0;
}

/* From each place from `start` to `last`, in this direction. */
static int search(struct re_pattern_buffer *b, const struct re_text *text, int start, int last,
                  int *groups, int wanted)
{
    int found = -1;

    if (start <= last) {
        return __re_run(b->buffer, text, start, last, groups, wanted);
    }
    for (; start >= last && found == -1; start--) {
        found = __re_run(b->buffer, text, start, start, groups, wanted);
    }
    return found;
}

/* Where it is found, or how long it is there. */
static int match(struct re_pattern_buffer *b, const char *string, int length, int start, int last,
                 struct re_registers *regs, int want_length)
{
    struct re_text text = {string, length, b->not_bol, b->not_eol, b->newline_anchor};
    int small[2 * 10], *groups = small, found, i;

    if (b->no_sub) {
        regs = NULL;
    }
    if (regs && b->groups >= 10) {
        groups = malloc(2 * (b->groups + 1) * sizeof *groups);
        if (!groups) {
            return -2;
        }
    }
    for (i = 0; i < 2 * (regs ? (int)b->groups + 1 : 1); i++) {
        groups[i] = -1;
    }
    found = search(b, &text, start, last, groups, regs ? (int)b->groups : 0);
    if (found >= 0 && regs && fill_registers(b, regs, groups) != 0) {
        found = -2;
    }
    if (found >= 0 && want_length) {
        found = groups[1] - groups[0];
    }
    if (groups != small) {
        free(groups);
    }
    return found;
}

int re_search(struct re_pattern_buffer *b, const char *string, int length, int start, int range,
              struct re_registers *regs)
{
    long last = (long)start + range;

    if (start < 0 || start > length) {
        return -1;
    }
    last = last < 0 ? 0 : last > length ? length : last;
    return match(b, string, length, start, (int)last, regs, 0);
}

int re_match(struct re_pattern_buffer *b, const char *string, int length, int start,
             struct re_registers *regs)
{
    if (start < 0 || start > length) {
        return -1;
    }
    return match(b, string, length, start, start, regs, 1);
}

/* Two strings as if they were one; nothing behind `stop` is looked at. */
static int with_both(struct re_pattern_buffer *b, const char *first, int first_length,
                     const char *second, int second_length, int start, int range,
                     struct re_registers *regs, int stop, int want_length)
{
    int length, result;
    char *both;

    if (first_length < 0 || second_length < 0 || stop < 0 ||
        __builtin_add_overflow(first_length, second_length, &length)) {
        return -2;
    }
    both = malloc((size_t)length + 1);
    if (!both) {
        return -2;
    }
    memcpy(both, first, first_length);
    memcpy(both + first_length, second, second_length);
    length = stop < length ? stop : length;
    result = want_length ? re_match(b, both, length, start, regs)
                         : re_search(b, both, length, start, range, regs);
    free(both);
    return result;
}

int re_search_2(struct re_pattern_buffer *b, const char *first, int first_length,
                const char *second, int second_length, int start, int range,
                struct re_registers *regs, int stop)
{
    return with_both(b, first, first_length, second, second_length, start, range, regs, stop, 0);
}

int re_match_2(struct re_pattern_buffer *b, const char *first, int first_length, const char *second,
               int second_length, int start, struct re_registers *regs, int stop)
{
    return with_both(b, first, first_length, second, second_length, start, 0, regs, stop, 1);
}

void re_set_registers(struct re_pattern_buffer *b, struct re_registers *regs, unsigned count,
                      int *starts, int *ends)
{
    b->regs_allocated = count ? REGS_REALLOCATE : REGS_UNALLOCATED;
    regs->count = count;
    regs->start = count ? starts : NULL;
    regs->end = count ? ends : NULL;
}

/* ---- POSIX's functions ------------------------------------------------------------ */

int regcomp(struct re_pattern_buffer *b, const char *pattern, int flags)
{
    unsigned long syntax = flags & CFLAG_EXTENDED ? SYNTAX_EXTENDED : SYNTAX_BASIC;
    int error;

    memset(b, 0, sizeof *b);
    if (flags & CFLAG_ICASE) {
        syntax |= RE_ICASE;
    }
    if (flags & CFLAG_NEWLINE) {
        syntax = (syntax & ~RE_DOT_NEWLINE) | RE_HAT_LISTS_NOT_NEWLINE;
        b->newline_anchor = 1;
    }
    b->no_sub = (flags & CFLAG_NOSUB) != 0;
    error = compile(b, pattern, strlen(pattern), syntax);
    return error == RE_ERPAREN ? RE_EPAREN : error;
}

int regexec(const struct re_pattern_buffer *b, const char *string, size_t count,
            struct re_match *matches, int flags)
{
    int start = flags & EFLAG_STARTEND ? matches[0].start : 0, found, wanted;
    size_t length = flags & EFLAG_STARTEND ? (size_t)matches[0].end : strlen(string);
    struct re_text text = {string, (int)length, flags & EFLAG_NOTBOL, flags & EFLAG_NOTEOL,
                           b->newline_anchor};
    int *groups;

    if (length > INT_MAX || !b->buffer) {
        return RE_NOMATCH;
    }
    count = b->no_sub ? 0 : count;
    wanted = count ? (int)(count - 1 < b->groups ? count - 1 : b->groups) : 0;
    groups = malloc(2 * ((size_t)wanted + 1) * sizeof *groups);
    if (!groups) {
        return RE_ESPACE;
    }
    found = __re_run(b->buffer, &text, start, (int)length, groups, wanted);
    for (size_t i = 0; found >= 0 && i < count; i++) {
        matches[i].start = (int)i <= wanted ? groups[2 * i] : -1;
        matches[i].end = (int)i <= wanted ? groups[2 * i + 1] : -1;
    }
    free(groups);
    return found >= 0 ? 0 : found == -2 ? RE_ESPACE : RE_NOMATCH;
}

void regfree(struct re_pattern_buffer *b)
{
    forget(b);
    free(b->fastmap);
    free(b->translate);
    b->fastmap = NULL;
    b->translate = NULL;
}
