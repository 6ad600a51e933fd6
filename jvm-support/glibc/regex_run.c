/* SPDX-License-Identifier: MIT */
/*
 * Runs a program on a text; see gnu_regex.h.
 */
#include <stdlib.h>
#include <string.h>

#include "gnu_regex.h"

struct run {
    const struct re_program *p;
    const struct re_text *text;
    int *best, found; /* the best match so far, if there is one */
    int saved;        /* places that are kept: two for each wanted group */
    /* One way after the other. */
    int *places, *loops;
};

/* The states the machine is in, in the order of preference, each with its places. */
struct states {
    int count, *pc, *places;
};

/* ---- What must hold between characters ------------------------------------- */

static int is_word(const struct run *r, int at)
{
    int size;
    wint_t c;

    if (at < 0 || at >= r->text->length) {
        return 0;
    }
    /* Back to the beginning of the character. */
    for (int back = 0; r->p->wide && back < 3 && at > 0 && (r->text->text[at] & 0xc0) == 0x80;
         back++) {
        at--;
    }
    c = __re_char(r->p, r->text->text, r->text->length, at, &size);
    return c == '_' || (c < RE_INVALID && iswalnum(c));
}

static int holds(const struct run *r, enum re_check check, int at)
{
    const struct re_text *t = r->text;

    switch (check) {
    case AT_LINE:
        return at == 0 ? !t->not_bol : t->newline_anchor && t->text[at - 1] == '\n';
    case AT_LINE_END:
        return at == t->length ? !t->not_eol : t->newline_anchor && t->text[at] == '\n';
    case AT_TEXT:
        return at == 0;
    case AT_TEXT_END:
        return at == t->length;
    case AT_WORD:
        return !is_word(r, at - 1) && is_word(r, at);
    case AT_WORD_END:
        return is_word(r, at - 1) && !is_word(r, at);
    case AT_EDGE:
        return is_word(r, at - 1) != is_word(r, at);
    default:
        return is_word(r, at - 1) == is_word(r, at);
    }
}

/* A match: kept if it begins earlier than the best, or is longer. */
static void keep(struct run *r, const int *places)
{
    if (!r->found || places[0] < r->best[0] ||
        (places[0] == r->best[0] && places[1] > r->best[1])) {
        memcpy(r->best, places, r->saved * sizeof *places);
        r->found = 1;
    }
}

/* ---- In all states at once ---------------------------------------------------- */

/* Adds the states that are reached from pc without a character. */
static void add(struct run *r, struct states *s, int *marks, int pc, int at, int *places)
{
    const struct re_code *code;
    int old;

    for (; !marks[pc]; pc++) {
        marks[pc] = 1;
        code = &r->p->code[pc];
        switch (code->op) {
        case OP_JUMP:
            pc += code->a - 1;
            break;
        case OP_SPLIT:
            add(r, s, marks, pc + code->a, at, places);
            pc += code->b - 1;
            break;
        case OP_SAVE:
            if (code->a < r->saved) {
                old = places[code->a];
                places[code->a] = at;
                add(r, s, marks, pc + 1, at, places);
                places[code->a] = old;
                return;
            }
            break;
        case OP_CHECK:
            if (!holds(r, (enum re_check)code->a, at)) {
                return;
            }
            break;
        case OP_LOOP:
            break;
        case OP_MATCH:
            keep(r, places);
            return;
        default:
            s->pc[s->count] = pc;
            memcpy(s->places + s->count * r->saved, places, r->saved * sizeof *places);
            s->count++;
            return;
        }
    }
}

/* From one character to the next; *marks are clear before and after. */
static void step(struct run *r, struct states *now, struct states *next, int *marks, int at)
{
    int size;
    wint_t c = __re_char(r->p, r->text->text, r->text->length, at, &size);

    next->count = 0;
    for (int i = 0; i < now->count; i++) {
        int *places = now->places + i * r->saved;

        if (r->found && places[0] > r->best[0]) {
            continue;
        }
        if (__re_accepts(r->p, &r->p->code[now->pc[i]], c)) {
            add(r, next, marks, now->pc[i] + 1, at + size, places);
        }
    }
}

static int next_char(const struct run *r, int at)
{
    int size = 1;

    if (at < r->text->length) {
        __re_char(r->p, r->text->text, r->text->length, at, &size);
    }
    return at + size;
}

/* The first place from `at` to `to` where a match may begin. */
static int skip(const struct run *r, int at, int to)
{
    while (at < to && at < r->text->length && !r->p->first[(unsigned char)r->text->text[at]]) {
        at++;
    }
    return at;
}

static void search_states(struct run *r, struct states *now, struct states *next, int *marks,
                          int *places, int from, int to)
{
    for (int at = from;; at = next_char(r, at)) {
        if (!r->found && now->count == 0) {
            at = skip(r, at, to);
        }
        if (!r->found && at <= to) {
            for (int i = 0; i < r->saved; i++) {
                places[i] = -1;
            }
            /* States that are there already came from an earlier beginning. */
            add(r, now, marks, 0, at, places);
        }
        memset(marks, 0, r->p->length * sizeof *marks);
        if ((now->count == 0 && (r->found || at >= to)) || at >= r->text->length) {
            return;
        }
        {
            struct states swap;

            step(r, now, next, marks, at);
            swap = *now, *now = *next, *next = swap;
        }
    }
}

static int run_states(struct run *r, int from, int to)
{
    size_t n = r->p->length, words = 3 * n + 2 * n * r->saved + r->saved;
    int *memory = calloc(words, sizeof *memory);
    struct states now, next;

    if (!memory) {
        return -2;
    }
    now = (struct states){0, memory, memory + 3 * n};
    next = (struct states){0, memory + n, memory + 3 * n + n * r->saved};
    search_states(r, &now, &next, memory + 2 * n, memory + words - r->saved, from, to);
    free(memory);
    return r->found ? r->best[0] : -1;
}

/* ---- One way after the other, for back references --------------------------------- */

/* The end of the group's text if it follows here, or -1. */
static int back_reference(const struct run *r, int group, int at)
{
    int from = r->places[2 * group], to = r->places[2 * group + 1], size, other_size;

    if (from < 0 || to < 0) {
        return -1;
    }
    while (from < to) {
        wint_t c, other;

        if (at >= r->text->length) {
            return -1;
        }
        c = __re_char(r->p, r->text->text, r->text->length, from, &size);
        other = __re_char(r->p, r->text->text, r->text->length, at, &other_size);
        if (c != other && !(r->p->ignore_case && c == __re_other_case(other))) {
            return -1;
        }
        from += size, at += other_size;
    }
    return at;
}

/* Sets *place for what follows, and puts back what was there. */
static void try_from(struct run *r, int pc, int at);
static void try_with(struct run *r, int *place, int value, int pc, int at)
{
    int old = *place;

    *place = value;
    try_from(r, pc, at);
    *place = old;
}

static void try_from(struct run *r, int pc, int at)
{
    for (;; pc++) {
        const struct re_code *code = &r->p->code[pc];
        int size;

        if (r->found && r->best[1] == r->text->length) {
            return; /* none can be longer */
        }
        switch (code->op) {
        case OP_JUMP:
            pc += code->a - 1;
            break;
        case OP_SPLIT:
            try_from(r, pc + code->a, at);
            pc += code->b - 1;
            break;
        case OP_SAVE:
            try_with(r, &r->places[code->a], at, pc + 1, at);
            return;
        case OP_LOOP:
            if (r->loops[code->a] != at) {
                try_with(r, &r->loops[code->a], at, pc + 1, at);
            }
            return;
        case OP_CHECK:
            if (!holds(r, (enum re_check)code->a, at)) {
                return;
            }
            break;
        case OP_BACK:
            at = back_reference(r, code->a, at);
            if (at < 0) {
                return;
            }
            break;
        case OP_MATCH:
            keep(r, r->places);
            return;
        default:
            if (at >= r->text->length ||
                !__re_accepts(r->p, code,
                              __re_char(r->p, r->text->text, r->text->length, at, &size))) {
                return;
            }
            at += size;
        }
    }
}

static int run_ways(struct run *r, int from, int to)
{
    size_t places = 2 * ((size_t)r->p->groups + 1), words = places + r->p->loops;

    r->places = malloc(words * sizeof *r->places);
    if (!r->places) {
        return -2;
    }
    r->loops = r->places + places;
    for (int at = from; at <= to && !r->found; at = next_char(r, at)) {
        for (size_t i = 0; i < words; i++) {
            r->places[i] = -1;
        }
        try_from(r, 0, at);
    }
    free(r->places);
    return r->found ? r->best[0] : -1;
}

int __re_run(const struct re_program *p, const struct re_text *text, int from, int to, int *groups,
             int wanted)
{
    struct run r = {.p = p, .text = text, .best = groups};

    r.saved = 2 * ((wanted < p->groups ? wanted : p->groups) + 1);
    return p->has_back ? run_ways(&r, from, to) : run_states(&r, from, to);
}
