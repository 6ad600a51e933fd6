/* SPDX-License-Identifier: MIT */
/*
 * Characters of a text, and what instructions take them; see gnu_regex.h.
 */
#include <stdlib.h>
#include <string.h>

#include "gnu_regex.h"

/* UTF-8, which is the only encoding with characters of several bytes; RFC 3629. */
static wint_t decode(const unsigned char *s, int left, int *size)
{
    static const wint_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    int n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    wint_t c = s[0] & (0x7fu >> n);

    *size = 1;
    if (s[0] < 0xc2 || s[0] > 0xf4 || n > left) {
        return RE_INVALID + s[0];
    }
    for (int i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return RE_INVALID + s[0];
        }
        c = c << 6 | (s[i] & 0x3f);
    }
    if (c < least[n] || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff) {
        return RE_INVALID + s[0];
    }
    *size = n;
    return c;
}

wint_t __re_char(const struct re_program *p, const char *text, int length, int at, int *size)
{
    unsigned char c = text[at];

    *size = 1;
    if (p->wide && c >= 0x80) {
        return decode((const unsigned char *)text + at, length - at, size);
    }
    return p->translate ? p->translate[c] : c;
}

wint_t __re_other_case(wint_t c)
{
    wint_t other;

    if (c < 128) {
        return (c | 32) >= 'a' && (c | 32) <= 'z' ? c ^ 32 : c;
    }
    if (c >= RE_INVALID) {
        return c;
    }
    other = towlower(c);
    return other != c ? other : towupper(c);
}

static int in_set(const struct re_set *set, wint_t c)
{
    if (c < 256) {
        return set->map[c / 32] >> (c % 32) & 1;
    }
    for (int i = 0; i < set->ranges; i++) {
        if (c >= set->range[i][0] && c <= set->range[i][1]) {
            return 1;
        }
    }
    return 0;
}

static int in_classes(const struct re_set *set, wint_t c)
{
    for (int i = 0; c >= 128 && i < set->classes; i++) {
        if (iswctype(c, set->class[i])) {
            return 1;
        }
    }
    return 0;
}

int __re_accepts(const struct re_program *p, const struct re_code *code, wint_t c)
{
    switch (code->op) {
    case OP_CHAR:
        return c == (wint_t)code->a || (p->ignore_case && __re_other_case(c) == (wint_t)code->a);
    case OP_ANY:
        return c < RE_INVALID && (c != '\n' || (p->syntax & RE_DOT_NEWLINE)) &&
               (c != 0 || !(p->syntax & RE_DOT_NOT_NULL));
    case OP_SET: {
        const struct re_set *set = &p->sets[code->a];

        return c < RE_INVALID &&
               (in_set(set, c) || in_classes(set, c) ||
                (p->ignore_case && in_set(set, __re_other_case(c)))) != set->negated;
    }
    default:
        return 0;
    }
}

/* What a match may begin with, from code[at] on. */
static void find_first(struct re_program *p, int at, char *seen)
{
    while (!seen[at]) {
        const struct re_code *code = &p->code[at];

        seen[at] = 1;
        switch (code->op) {
        case OP_SPLIT:
            find_first(p, at + code->a, seen);
            at += code->b;
            break;
        case OP_JUMP:
            at += code->a;
            break;
        case OP_SAVE:
        case OP_CHECK:
        case OP_LOOP:
            at++;
            break;
        case OP_MATCH:
        case OP_BACK:
            memset(p->first, 1, sizeof p->first);
            return;
        default:
            for (int c = 0; c < 256; c++) {
                wint_t read = p->translate ? p->translate[c] : (wint_t)c;

                p->first[c] |= (p->wide && c >= 0x80) || __re_accepts(p, code, read);
            }
            return;
        }
    }
}

void __re_find_first(struct re_program *p)
{
    char *seen = calloc(1, p->length);

    if (seen) {
        find_first(p, 0, seen);
    } else {
        memset(p->first, 1, sizeof p->first);
    }
    free(seen);
}
