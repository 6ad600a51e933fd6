/* SPDX-License-Identifier: MIT */
/*
 * EROFS folders: blocks of entries, sorted by name over all of them.
 *
 *   | entry 0 | entry 1 | ... | name 0 | name 1 | ... name n, zeroes |
 *
 * An entry is 12 bytes; where the first one's name begins says how many there
 * are.  A name ends where the next begins, the last one with the block or a zero.
 * A name is looked for by bisection, first among the blocks, then in one.
 */
#include "erofs_image_priv.h"

#include <kernel/errno.h>
#include <kernel/string.h>

#define ENTRY_SIZE 12u

/* One block of a folder. */
struct dir_block {
    u64 start, size; /* in the folder */
    u64 entries;
};

static u16 get16(const u8 *at)
{
    return (u16)(at[0] | at[1] << 8);
}

static u64 get64(const u8 *at)
{
    u64 value = 0;

    for (unsigned i = 8; i-- > 0;) {
        value = value << 8 | at[i];
    }
    return value;
}

static int open_block(struct erofs_image *image, const struct erofs_node *dir, u64 number,
                      struct dir_block *block)
{
    u8 raw[ENTRY_SIZE];
    u64 first;
    int error;

    block->start = number << image->block_shift;
    block->size = MIN(image->block_size, dir->size - block->start);
    if (block->size < ENTRY_SIZE) {
        return -EUCLEAN;
    }
    error = erofs_image_read(image, dir, block->start, raw, sizeof(raw));
    if (error != 0) {
        return error;
    }
    first = get16(raw + 8);
    if (first < ENTRY_SIZE || first % ENTRY_SIZE != 0 || first >= block->size) {
        return -EUCLEAN;
    }
    block->entries = first / ENTRY_SIZE;
    return 0;
}

static u32 type_of(u8 file_type)
{
    static const u32 types[] = {0,        0100000u, 0040000u, 0020000u,
                                0060000u, 0010000u, 0140000u, 0120000u};

    return file_type < ARRAY_SIZE(types) ? types[file_type] : 0;
}

/* The last name of a block may be followed by zeroes. */
static unsigned name_length(const char *name, u64 most)
{
    unsigned len = 0;

    while (len < most && name[len] != '\0') {
        len++;
    }
    return len;
}

static bool name_is_good(const struct erofs_name *entry)
{
    for (unsigned i = 0; i < entry->len; i++) {
        if (entry->name[i] == '/' || entry->name[i] == '\0') {
            return false;
        }
    }
    return entry->len > 0;
}

static int read_entry(struct erofs_image *image, const struct erofs_node *dir,
                      const struct dir_block *block, u64 index, struct erofs_name *entry)
{
    u8 raw[2 * ENTRY_SIZE];
    bool last = index + 1 == block->entries;
    u64 from, to, room;
    int error = erofs_image_read(image, dir, block->start + index * ENTRY_SIZE, raw,
                                 last ? ENTRY_SIZE : sizeof(raw));

    if (error != 0) {
        return error;
    }
    from = get16(raw + 8);
    to = last ? block->size : get16(raw + ENTRY_SIZE + 8);
    if (from < block->entries * ENTRY_SIZE || from >= to || to > block->size) {
        return -EUCLEAN;
    }
    room = MIN(to - from, EROFS_NAME_MAX);
    error = erofs_image_read(image, dir, block->start + from, entry->name, room);
    entry->nid = get64(raw);
    entry->type = type_of(raw[10]);
    entry->len = last ? name_length(entry->name, room) : (unsigned)room;
    if (error == 0 && ((!last && to - from > EROFS_NAME_MAX) || !name_is_good(entry))) {
        error = -EUCLEAN;
    }
    return error;
}

static int compare(const char *name, size_t len, const struct erofs_name *entry)
{
    int order = memcmp(name, entry->name, MIN(len, entry->len));

    return order != 0 ? order : (len > entry->len) - (len < entry->len);
}

struct search {
    struct erofs_image *image;
    const struct erofs_node *dir;
    const char *name;
    size_t len;
    struct erofs_name entry;
};

/* In one block: 0 and the number, -ENOENT. */
static int find_in_block(struct search *search, const struct dir_block *block, u64 *nid)
{
    u64 low = 0, high = block->entries;

    while (low < high) {
        u64 middle = low + (high - low) / 2;
        int error = read_entry(search->image, search->dir, block, middle, &search->entry);
        int order;

        if (error != 0) {
            return error;
        }
        order = compare(search->name, search->len, &search->entry);
        if (order == 0) {
            *nid = search->entry.nid;
            return 0;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return -ENOENT;
}

/* The last block whose first name is not above the one looked for. */
static int find_block(struct search *search, struct dir_block *block)
{
    u64 low = 0;
    u64 high = (search->dir->size + search->image->block_size - 1) >> search->image->block_shift;

    while (high - low > 1) {
        u64 middle = low + (high - low) / 2;
        int error = open_block(search->image, search->dir, middle, block);

        if (error == 0) {
            error = read_entry(search->image, search->dir, block, 0, &search->entry);
        }
        if (error != 0) {
            return error;
        }
        if (compare(search->name, search->len, &search->entry) < 0) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return open_block(search->image, search->dir, low, block);
}

int erofs_image_find(struct erofs_image *image, const struct erofs_node *dir, const char *name,
                     size_t len, u64 *nid)
{
    struct search search = {.image = image, .dir = dir, .name = name, .len = len};
    struct dir_block block;
    int error;

    if (dir->size == 0) {
        return -ENOENT;
    }
    error = find_block(&search, &block);
    return error != 0 ? error : find_in_block(&search, &block, nid);
}

int erofs_image_next(struct erofs_image *image, const struct erofs_node *dir, u64 *pos,
                     struct erofs_name *entry)
{
    /* A position is a block and an entry in it, as an offset into the folder. */
    while (*pos < dir->size) {
        u64 number = *pos >> image->block_shift;
        u64 index = (*pos - (number << image->block_shift)) / ENTRY_SIZE;
        struct dir_block block;
        int error = open_block(image, dir, number, &block);

        if (error != 0) {
            return error;
        }
        if (index < block.entries) {
            error = read_entry(image, dir, &block, index, entry);
            *pos = block.start + (index + 1) * ENTRY_SIZE;
            return error != 0 ? error : 1;
        }
        *pos = (number + 1) << image->block_shift;
    }
    return 0;
}
