/* SPDX-License-Identifier: MIT */
/*
 * GNU's regular expressions: regex_parse.c makes a program of a pattern,
 * regex_run.c runs it, regex_gnu.c has the functions that programs call.
 *
 * The program is for a machine that is in many states at once, so that a search
 * takes time proportional to the text, whatever the pattern; only back
 * references need to try one way after the other.  Of all matches that begin
 * first, the longest is found, as POSIX wants it; within it, an earlier group
 * or repetition takes as much as it can.
 */
#ifndef MOKA_GNU_REGEX_H
#define MOKA_GNU_REGEX_H

#include <stddef.h>
#include <stdint.h>
#include <wchar.h>
#include <wctype.h>

#include "glibc.h"

/* glibc's <regex.h>. */
#define RE_BACKSLASH_ESCAPE_IN_LISTS 0x1ul
#define RE_BK_PLUS_QM 0x2ul
#define RE_CHAR_CLASSES 0x4ul
#define RE_CONTEXT_INDEP_ANCHORS 0x8ul
#define RE_CONTEXT_INDEP_OPS 0x10ul
#define RE_CONTEXT_INVALID_OPS 0x20ul
#define RE_DOT_NEWLINE 0x40ul
#define RE_DOT_NOT_NULL 0x80ul
#define RE_HAT_LISTS_NOT_NEWLINE 0x100ul
#define RE_INTERVALS 0x200ul
#define RE_LIMITED_OPS 0x400ul
#define RE_NEWLINE_ALT 0x800ul
#define RE_NO_BK_BRACES 0x1000ul
#define RE_NO_BK_PARENS 0x2000ul
#define RE_NO_BK_REFS 0x4000ul
#define RE_NO_BK_VBAR 0x8000ul
#define RE_NO_EMPTY_RANGES 0x10000ul
#define RE_UNMATCHED_RIGHT_PAREN_ORD 0x20000ul
#define RE_NO_GNU_OPS 0x80000ul
#define RE_INVALID_INTERVAL_ORD 0x200000ul
#define RE_ICASE 0x400000ul
#define RE_CONTEXT_INVALID_DUP 0x1000000ul
#define RE_NO_SUB 0x2000000ul

enum {
    RE_OK,
    RE_NOMATCH,
    RE_BADPAT,
    RE_ECOLLATE,
    RE_ECTYPE,
    RE_EESCAPE,
    RE_ESUBREG,
    RE_EBRACK,
    RE_EPAREN,
    RE_EBRACE,
    RE_BADBR,
    RE_ERANGE,
    RE_ESPACE,
    RE_BADRPT,
    RE_EEND,
    RE_ESIZE,
    RE_ERPAREN
};

enum re_op {
    OP_CHAR,  /* a: the character */
    OP_ANY,   /* not what the syntax takes out */
    OP_SET,   /* a: index of the set */
    OP_SPLIT, /* goes on at a and at b, in this order; both relative to this */
    OP_JUMP,  /* a, relative */
    OP_SAVE,  /* a: the place is the end (odd) or the beginning of a group */
    OP_CHECK, /* a: what must hold here */
    OP_BACK,  /* a: the group whose text must follow */
    OP_LOOP,  /* a: a repetition begins again, if it has moved on since it last did */
    OP_MATCH,
};
enum re_check {
    AT_LINE,
    AT_LINE_END,
    AT_TEXT,
    AT_TEXT_END,
    AT_WORD,
    AT_WORD_END,
    AT_EDGE,
    AT_NO_EDGE
};

struct re_code {
    enum re_op op;
    int a, b;
};

#define RE_SET_RANGES 64
#define RE_SET_CLASSES 8

/* Characters below 256 are in the map, others in ranges and classes. */
struct re_set {
    uint32_t map[8];
    int negated, ranges, classes;
    wint_t range[RE_SET_RANGES][2];
    wctype_t class[RE_SET_CLASSES];
};

struct re_program {
    struct re_code *code;
    struct re_set *sets;
    int length, capacity, set_count, set_capacity;
    int groups; /* without the whole */
    int loops, has_back;
    int ignore_case, wide; /* wide: characters may have several bytes */
    unsigned long syntax;
    const unsigned char *translate; /* the caller's, or NULL */
    unsigned char first[256];       /* may a match begin with this byte?  Or be empty: all */
};

/* What is matched, and how. */
struct re_text {
    const char *text;
    int length;
    int not_bol, not_eol, newline_anchor;
};

HIDDEN int __re_parse(struct re_program *p, const char *pattern, size_t length);
HIDDEN void __re_free(struct re_program *p);

/* Does the instruction, which takes a character, take this one? */
HIDDEN int __re_accepts(const struct re_program *p, const struct re_code *code, wint_t c);

/* Fills in p->first. */
HIDDEN void __re_find_first(struct re_program *p);

/* The character at text[at], and its bytes in *size; invalid ones are no character's. */
HIDDEN wint_t __re_char(const struct re_program *p, const char *text, int length, int at,
                        int *size);
#define RE_INVALID 0x200000

/* The other case of a character, or itself. */
HIDDEN wint_t __re_other_case(wint_t c);

/*
 * The first match that begins in [from, to], or none: -1; -2 is out of memory.
 * groups[2 * i] and groups[2 * i + 1] are the ends of group i up to `wanted`, -1
 * if it took no part; 0 is the whole.
 */
HIDDEN int __re_run(const struct re_program *p, const struct re_text *text, int from, int to,
                    int *groups, int wanted);

#endif
