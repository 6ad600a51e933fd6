/* SPDX-License-Identifier: MIT */
/*
 * From a pattern to a program; see gnu_regex.h.  Jumps are relative, so that a
 * piece of program that is repeated or has another one put before it can be
 * copied as it is.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "gnu_regex.h"

#define MOST_REPEATS 32767
#define MOST_CODE 2000000

struct parser {
    struct re_program *p;
    const char *at, *begin, *end;
    int depth;  /* open groups */
    int closed; /* bits of groups 1 to 9 that a back reference may name */
    int error;
};

static int has(const struct parser *s, unsigned long bit)
{
    return (s->p->syntax & bit) != 0;
}

static void fail(struct parser *s, int error)
{
    if (!s->error) {
        s->error = error;
    }
    s->at = s->end;
}

/* Room for one more instruction at `where`; what is there moves up. */
static void insert(struct parser *s, int where, enum re_op op, int a, int b)
{
    struct re_program *p = s->p;

    if (p->length == p->capacity) {
        int capacity = p->capacity ? 2 * p->capacity : 32;
        struct re_code *code = realloc(p->code, capacity * sizeof *code);

        if (!code || capacity > MOST_CODE) {
            p->code = code ? code : p->code;
            fail(s, RE_ESPACE);
            return;
        }
        p->code = code;
        p->capacity = capacity;
    }
    memmove(p->code + where + 1, p->code + where, (p->length - where) * sizeof *p->code);
    p->code[where] = (struct re_code){op, a, b};
    p->length++;
}

static void emit(struct parser *s, enum re_op op, int a)
{
    insert(s, s->p->length, op, a, 0);
}

static int is_at(const struct parser *s, const char *text)
{
    size_t n = strlen(text);

    return (size_t)(s->end - s->at) >= n && !memcmp(s->at, text, n);
}

/* An operator that is plain or behind a backslash, as the syntax has it. */
static int is_operator(const struct parser *s, char c, int plain)
{
    char escaped[3] = {'\\', c, 0};

    return plain ? s->at < s->end && *s->at == c : is_at(s, escaped);
}

static int is_open(const struct parser *s)
{
    return is_operator(s, '(', has(s, RE_NO_BK_PARENS));
}
static int is_close(const struct parser *s)
{
    return is_operator(s, ')', has(s, RE_NO_BK_PARENS));
}
static int is_bar(const struct parser *s)
{
    return (!has(s, RE_LIMITED_OPS) && is_operator(s, '|', has(s, RE_NO_BK_VBAR))) ||
           (has(s, RE_NEWLINE_ALT) && is_at(s, "\n"));
}
static int is_brace(const struct parser *s)
{
    return has(s, RE_INTERVALS) && is_operator(s, '{', has(s, RE_NO_BK_BRACES));
}
static int is_repeat(const struct parser *s, char c)
{
    return !has(s, RE_LIMITED_OPS) && is_operator(s, c, !has(s, RE_BK_PLUS_QM));
}

static wint_t take_char(struct parser *s)
{
    int size;
    wint_t c = __re_char(s->p, s->at, s->end - s->at, 0, &size);

    s->at += size;
    return c;
}

/* ---- Bracket expressions ---------------------------------------------------- */

static void add_one(struct re_set *set, wint_t c)
{
    if (c < 256) {
        set->map[c / 32] |= 1u << (c % 32);
    } else if (set->ranges < RE_SET_RANGES) {
        set->range[set->ranges][0] = set->range[set->ranges][1] = c;
        set->ranges++;
    }
}

static void add_range(const struct parser *s, struct re_set *set, wint_t from, wint_t to)
{
    for (wint_t c = from; c <= to && c < 256; c++) {
        add_one(set, c);
        if (s->p->ignore_case) {
            add_one(set, __re_other_case(c));
        }
    }
    if (to >= 256 && set->ranges < RE_SET_RANGES) {
        set->range[set->ranges][0] = from < 256 ? 256 : from;
        set->range[set->ranges][1] = to;
        set->ranges++;
    }
}

static void add_class(const struct parser *s, struct re_set *set, const char *name)
{
    wctype_t class;

    if (s->p->ignore_case && (!strcmp(name, "upper") || !strcmp(name, "lower"))) {
        name = "alpha";
    }
    class = wctype(name);
    for (wint_t c = 0; c < (s->p->wide ? 128 : 256); c++) {
        if (iswctype(c < 128 ? c : (wint_t)btowc((int)c), class)) {
            add_one(set, c);
        }
    }
    if (s->p->wide && set->classes < RE_SET_CLASSES) {
        set->class[set->classes++] = class;
    }
}

/* "[:name:]", "[.c.]", "[=c=]" behind its "[": the character, or RE_INVALID for a class. */
static wint_t bracket_name(struct parser *s, struct re_set *set)
{
    char kind = *s->at, name[32];
    const char *from = s->at + 1, *to = from;

    while (to + 1 < s->end && !(to[0] == kind && to[1] == ']')) {
        to++;
    }
    if (to + 1 >= s->end) {
        fail(s, RE_EBRACK);
        return 0;
    }
    if (kind != ':') {
        wint_t c;

        s->at = from;
        c = take_char(s);
        if (s->at != to) {
            fail(s, RE_ECOLLATE);
            return 0;
        }
        s->at = to + 2;
        return c;
    }
    s->at = to + 2;
    if ((size_t)(to - from) >= sizeof name) {
        fail(s, RE_ECTYPE);
        return 0;
    }
    memcpy(name, from, to - from);
    name[to - from] = 0;
    if (!wctype(name)) {
        fail(s, RE_ECTYPE);
        return 0;
    }
    add_class(s, set, name);
    return RE_INVALID;
}

static wint_t bracket_item(struct parser *s, struct re_set *set)
{
    if (is_at(s, "[.") || is_at(s, "[=") || (is_at(s, "[:") && has(s, RE_CHAR_CLASSES))) {
        s->at++;
        return bracket_name(s, set);
    }
    if (*s->at == '\\' && has(s, RE_BACKSLASH_ESCAPE_IN_LISTS) && s->at + 1 < s->end) {
        s->at++;
    }
    return take_char(s);
}

static struct re_set *new_set(struct parser *s)
{
    struct re_program *p = s->p;

    if (p->set_count == p->set_capacity) {
        int capacity = p->set_capacity ? 2 * p->set_capacity : 4;
        struct re_set *sets = realloc(p->sets, capacity * sizeof *sets);

        if (!sets) {
            fail(s, RE_ESPACE);
            return NULL;
        }
        p->sets = sets;
        p->set_capacity = capacity;
    }
    memset(&p->sets[p->set_count], 0, sizeof *p->sets);
    return &p->sets[p->set_count++];
}

/* Behind the "[". */
static void parse_bracket(struct parser *s)
{
    struct re_set *set = new_set(s);
    const char *first;

    if (!set) {
        return;
    }
    if (is_at(s, "^")) {
        s->at++;
        set->negated = 1;
    }
    for (first = s->at; s->at < s->end && (*s->at != ']' || s->at == first);) {
        wint_t from = bracket_item(s, set), to = from;

        if (from == RE_INVALID || s->error) {
            continue;
        }
        if (s->end - s->at >= 2 && s->at[0] == '-' && s->at[1] != ']') {
            s->at++;
            to = bracket_item(s, set);
            if (to == RE_INVALID || (to < from && has(s, RE_NO_EMPTY_RANGES))) {
                fail(s, RE_ERANGE);
                return;
            }
        }
        add_range(s, set, from, to);
    }
    if (s->at >= s->end) {
        fail(s, RE_EBRACK);
        return;
    }
    s->at++;
    if (set->negated && has(s, RE_HAT_LISTS_NOT_NEWLINE)) {
        add_one(set, '\n');
    }
    emit(s, OP_SET, s->p->set_count - 1);
}

/* \w \W \s \S */
static void emit_class(struct parser *s, const char *name, int word, int negated)
{
    struct re_set *set = new_set(s);

    if (set) {
        set->negated = negated;
        add_class(s, set, name);
        if (word) {
            add_one(set, '_');
        }
        emit(s, OP_SET, s->p->set_count - 1);
    }
}

/* ---- Atoms and repetitions ---------------------------------------------------- */

static void parse_alternatives(struct parser *s);

static void parse_group(struct parser *s)
{
    int group = ++s->p->groups;

    s->at += has(s, RE_NO_BK_PARENS) ? 1 : 2;
    emit(s, OP_SAVE, 2 * group);
    s->depth++;
    parse_alternatives(s);
    s->depth--;
    if (s->error) {
        return;
    }
    if (!is_close(s)) {
        fail(s, RE_EPAREN);
        return;
    }
    s->at += has(s, RE_NO_BK_PARENS) ? 1 : 2;
    emit(s, OP_SAVE, 2 * group + 1);
    if (group < 10) {
        s->closed |= 1 << group;
    }
}

/* True: the escape is one of GNU's, and done with. */
static int parse_gnu_escape(struct parser *s, char c)
{
    static const char checks[] = "`'<>bB";
    static const enum re_check meaning[] = {AT_TEXT,     AT_TEXT_END, AT_WORD,
                                            AT_WORD_END, AT_EDGE,     AT_NO_EDGE};
    const char *found;

    if (has(s, RE_NO_GNU_OPS) || !c) {
        return 0;
    }
    if (c == 'w' || c == 'W') {
        emit_class(s, "alnum", 1, c == 'W');
    } else if (c == 's' || c == 'S') {
        emit_class(s, "space", 0, c == 'S');
    } else if ((found = strchr(checks, c))) {
        emit(s, OP_CHECK, meaning[found - checks]);
    } else {
        return 0;
    }
    s->at += 2;
    return 1;
}

static void parse_escape(struct parser *s)
{
    char c;

    if (s->at + 1 >= s->end) {
        fail(s, RE_EESCAPE);
        return;
    }
    c = s->at[1];
    if (c >= '1' && c <= '9' && !has(s, RE_NO_BK_REFS)) {
        if (!(s->closed >> (c - '0') & 1)) {
            fail(s, RE_ESUBREG);
            return;
        }
        s->p->has_back = 1;
        emit(s, OP_BACK, c - '0');
        s->at += 2;
    } else if (!parse_gnu_escape(s, c)) {
        s->at++;
        emit(s, OP_CHAR, (int)take_char(s));
    }
}

/* Is a "^" here an anchor?  `fresh`: nothing came before it in its alternative. */
static int is_caret(const struct parser *s, int fresh)
{
    return is_at(s, "^") && (has(s, RE_CONTEXT_INDEP_ANCHORS) || fresh ||
                             (has(s, RE_NEWLINE_ALT) && s->at > s->begin && s->at[-1] == '\n'));
}

static int is_dollar(struct parser *s)
{
    int result;

    if (!is_at(s, "$")) {
        return 0;
    }
    if (has(s, RE_CONTEXT_INDEP_ANCHORS) || s->at + 1 == s->end) {
        return 1;
    }
    s->at++;
    result = is_bar(s) || (is_close(s) && s->depth);
    s->at--;
    return result;
}

static void parse_atom(struct parser *s, int fresh)
{
    if (is_open(s)) {
        parse_group(s);
    } else if (is_caret(s, fresh)) {
        s->at++;
        emit(s, OP_CHECK, AT_LINE);
    } else if (is_dollar(s)) {
        s->at++;
        emit(s, OP_CHECK, AT_LINE_END);
    } else if (*s->at == '.') {
        s->at++;
        emit(s, OP_ANY, 0);
    } else if (*s->at == '[') {
        s->at++;
        parse_bracket(s);
    } else if (*s->at == '\\') {
        parse_escape(s);
    } else {
        emit(s, OP_CHAR, (int)take_char(s));
    }
}

/* "m", "m,", ",n", "m,n" and the closing brace: 1; 0 if that is not what is there. */
static int parse_bounds(struct parser *s, int *least, int *most)
{
    int number[2] = {-1, -1}, which = 0;

    for (; s->at < s->end && (*s->at == ',' || (*s->at >= '0' && *s->at <= '9')); s->at++) {
        if (*s->at == ',') {
            if (++which > 1) {
                return 0;
            }
            continue;
        }
        if (number[which] < 0) {
            number[which] = 0;
        }
        if (number[which] <= MOST_REPEATS) {
            number[which] = 10 * number[which] + *s->at - '0';
        }
    }
    *least = number[0] < 0 ? 0 : number[0];
    *most = which ? number[1] : number[0];
    if (!is_operator(s, '}', has(s, RE_NO_BK_BRACES)) || (number[0] < 0 && !which)) {
        return 0;
    }
    s->at += has(s, RE_NO_BK_BRACES) ? 1 : 2;
    return *most < 0 || *least <= *most;
}

/* The code from `start` on is repeated without end, or not at all. */
static void make_star(struct parser *s, int start)
{
    int loop = s->p->loops++, length = s->p->length - start;

    insert(s, start, OP_LOOP, loop, 0);
    insert(s, start, OP_SPLIT, 1, length + 3);
    emit(s, OP_JUMP, -(length + 2));
}

static void append_copy(struct parser *s, const struct re_code *code, int length)
{
    for (int i = 0; i < length && !s->error; i++) {
        insert(s, s->p->length, code[i].op, code[i].a, code[i].b);
    }
}

/* The code from `start` on at least and at most so often; most is -1 for no limit. */
static void make_repeats(struct parser *s, int start, int least, int most)
{
    int length = s->p->length - start;
    struct re_code *code = malloc((length + 1) * sizeof *code);

    if (!code || most > MOST_REPEATS || least > MOST_REPEATS) {
        free(code);
        fail(s, code ? RE_ESIZE : RE_ESPACE);
        return;
    }
    memcpy(code, s->p->code + start, length * sizeof *code);
    s->p->length = start;
    for (int i = 0; i < least && !s->error; i++) {
        append_copy(s, code, length);
    }
    if (most < 0 && !s->error) {
        int from = s->p->length;

        append_copy(s, code, length);
        if (!s->error) {
            make_star(s, from);
        }
    }
    for (int i = least; i < most && !s->error; i++) {
        insert(s, s->p->length, OP_SPLIT, 1, (most - i) * (length + 1));
        append_copy(s, code, length);
    }
    free(code);
}

/* One repetition operator, if there is one: its bounds. */
static int take_repeat(struct parser *s, int *least, int *most)
{
    const char *begin = s->at;

    *least = 0, *most = -1;
    if (is_at(s, "*")) {
        s->at++;
    } else if (is_repeat(s, '+')) {
        s->at += has(s, RE_BK_PLUS_QM) ? 2 : 1;
        *least = 1;
    } else if (is_repeat(s, '?')) {
        s->at += has(s, RE_BK_PLUS_QM) ? 2 : 1;
        *most = 1;
    } else if (is_brace(s)) {
        s->at += has(s, RE_NO_BK_BRACES) ? 1 : 2;
        if (!parse_bounds(s, least, most)) {
            if (has(s, RE_INVALID_INTERVAL_ORD)) {
                s->at = begin;
                return 0;
            }
            fail(s, s->at >= s->end ? RE_EBRACE : RE_BADBR);
        }
    } else {
        return 0;
    }
    return 1;
}

/* A repetition operator where there is nothing to repeat: true if it was dealt with. */
static int misplaced_repeat(struct parser *s)
{
    const char *begin = s->at;
    int is_interval = is_brace(s), least, most;

    if (!is_interval && !take_repeat(s, &least, &most)) {
        return 0;
    }
    s->error = 0;
    s->at = begin;
    if (has(s, RE_CONTEXT_INVALID_OPS) || (is_interval && has(s, RE_CONTEXT_INVALID_DUP))) {
        fail(s, RE_BADRPT);
        return 1;
    }
    if (!has(s, RE_CONTEXT_INDEP_OPS)) {
        return 0;
    }
    /* The operator is without effect; of an interval, the brace. */
    s->at += *s->at == '\\' ? 2 : 1;
    return 1;
}

static void parse_branch(struct parser *s)
{
    int fresh = 1, anchored = 0;

    while (s->at < s->end && !is_bar(s)) {
        int start = s->p->length, least, most;

        if (is_close(s)) {
            if (s->depth) {
                break;
            }
            if (!has(s, RE_UNMATCHED_RIGHT_PAREN_ORD)) {
                fail(s, RE_ERPAREN);
                break;
            }
        }
        if ((fresh || anchored) && misplaced_repeat(s)) {
            continue;
        }
        if ((fresh || anchored) && *s->at == '*') {
            emit(s, OP_CHAR, (int)take_char(s));
        } else if (is_close(s) && has(s, RE_NO_BK_PARENS)) {
            emit(s, OP_CHAR, (int)take_char(s));
        } else {
            parse_atom(s, fresh);
        }
        fresh = 0;
        anchored = s->p->length == start + 1 && s->p->code[start].op == OP_CHECK;
        while (!anchored && !s->error && s->at < s->end && take_repeat(s, &least, &most)) {
            if (s->error) {
                break;
            }
            if (least == 0 && most < 0) {
                make_star(s, start);
            } else {
                make_repeats(s, start, least, most);
            }
        }
    }
}

static void parse_alternatives(struct parser *s)
{
    int start = s->p->length;

    parse_branch(s);
    if (!s->error && s->at < s->end && is_bar(s)) {
        int jump;

        s->at += *s->at == '\\' ? 2 : 1;
        insert(s, start, OP_SPLIT, 1, s->p->length - start + 2);
        jump = s->p->length;
        emit(s, OP_JUMP, 0);
        parse_alternatives(s);
        if (!s->error) {
            s->p->code[jump].a = s->p->length - jump;
        }
    }
}

int __re_parse(struct re_program *p, const char *pattern, size_t length)
{
    struct parser s = {.p = p, .at = pattern, .begin = pattern, .end = pattern + length};

    emit(&s, OP_SAVE, 0);
    parse_alternatives(&s);
    emit(&s, OP_SAVE, 1);
    emit(&s, OP_MATCH, 0);
    return s.error;
}

void __re_free(struct re_program *p)
{
    free(p->code);
    free(p->sets);
}
