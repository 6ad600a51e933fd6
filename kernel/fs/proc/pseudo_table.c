/* SPDX-License-Identifier: MIT */
/*
 * Finding names in the tables of pseudo_priv.h.  Pure; tested on the host.
 *
 * A position in a folder is the entry's place in the table times 2^32, plus
 * one more than the number that was listed last.
 */
#include "pseudo_priv.h"

#include <kernel/errno.h>
#include <kernel/print.h>
#include <kernel/string.h>

#define NUMBERS_BITS 32

/* The number in such a name, in the one way it is written, or PSEUDO_NONE. */
static u64 parse_number(const struct pseudo_entry *entry, const char *name, size_t len)
{
    size_t end = entry->suffix != NULL ? strlen(entry->suffix) : 0;
    size_t at = strlen(entry->name);
    u64 number = 0;

    if (len <= at + end || memcmp(name, entry->name, at) != 0 ||
        memcmp(name + len - end, end > 0 ? entry->suffix : "", end) != 0) {
        return PSEUDO_NONE;
    }
    len -= end;
    if (name[at] == '0' && len > at + 1) {
        return PSEUDO_NONE;
    }
    for (; at < len; at++) {
        if (name[at] < '0' || name[at] > '9') {
            return PSEUDO_NONE;
        }
        number = 10 * number + (u64)(name[at] - '0');
        if (number >> NUMBERS_BITS != 0) {
            return PSEUDO_NONE;
        }
    }
    return number;
}

static void make_node(const struct pseudo_node *folder, const struct pseudo_entry *entry,
                      struct pseudo_node *node)
{
    *node = *folder;
    node->entry = entry;
}

static void add_key(struct pseudo_node *node, u64 key)
{
    node->key[node->keys++ % PSEUDO_DEPTH] = key;
}

bool pseudo_find(const struct pseudo_node *folder, const char *name, size_t len,
                 struct pseudo_node *found)
{
    for (const struct pseudo_entry *e = folder->entry->children; e->name != NULL; e++) {
        if (e->next == NULL) {
            if (strlen(e->name) == len && memcmp(e->name, name, len) == 0) {
                make_node(folder, e, found);
                return true;
            }
        } else {
            u64 number = parse_number(e, name, len);

            if (number != PSEUDO_NONE && e->next(folder, number) == number) {
                make_node(folder, e, found);
                add_key(found, number);
                return true;
            }
        }
    }
    return false;
}

bool pseudo_list(const struct pseudo_node *folder, u64 *pos, char name[32],
                 struct pseudo_node *found)
{
    u64 index = 0;

    for (const struct pseudo_entry *e = folder->entry->children; e->name != NULL; e++, index++) {
        u64 at = index << NUMBERS_BITS;
        u64 number;

        if (*pos >= at + (1ull << NUMBERS_BITS)) {
            continue;
        }
        make_node(folder, e, found);
        if (e->next == NULL) {
            strlcpy(name, e->name, 32);
            *pos = at + (1ull << NUMBERS_BITS);
            return true;
        }
        number = e->next(folder, *pos > at ? *pos - at : 0);
        if (number != PSEUDO_NONE) {
            add_key(found, number);
            ksnprintf(name, 32, "%s%lu%s", e->name, (unsigned long)number,
                      e->suffix != NULL ? e->suffix : "");
            *pos = at + number + 1;
            return true;
        }
    }
    return false;
}

/* FNV-1a over the entry's address and the numbers. */
u64 pseudo_number(const struct pseudo_node *node)
{
    u64 hash = 0xcbf29ce484222325ull;
    u64 words[1 + PSEUDO_DEPTH] = {(u64)(uintptr_t)node->entry};

    for (unsigned i = 0; i < node->keys; i++) {
        words[1 + i] = node->key[i] + 1;
    }
    for (unsigned i = 0; i < 8 * ARRAY_SIZE(words); i++) {
        hash = (hash ^ (words[i / 8] >> 8 * (i % 8) & 0xff)) * 0x100000001b3ull;
    }
    return hash >> 16; /* some programs keep it in a long */
}

int pseudo_show(struct text *text, const struct pseudo_node *node)
{
    const struct pseudo_entry *entry = node->entry;
    int err = 0;

    if (entry->show != NULL) {
        err = entry->show(text, node);
    } else if (entry->text != NULL) {
        text_puts(text, entry->text);
    } else if (entry->number != NULL) {
        text_print(text, "%lu\n", (unsigned long)*entry->number);
    }
    return err != 0 ? err : text->failed ? -ENOMEM : 0;
}
