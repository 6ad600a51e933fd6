/* SPDX-License-Identifier: MIT */
/*
 * EROFS: superblock, inodes, and where contents lie.
 *
 *   | 1024 bytes | superblock | ... inodes, 32-byte slots, from block `meta` on ... | contents |
 *
 * An inode's number is its slot.  Behind an inode come its extended attributes,
 * which are skipped, and then what it has inline: the last part of its
 * contents, or its table of chunks.  Fields are read byte by byte where they
 * lie, little-endian; sums are checked before they are made.
 */
#include "erofs_image_priv.h"

#include <kernel/errno.h>
#include <kernel/string.h>

#define SUPER_OFFSET 1024u
#define SUPER_SIZE 128u
#define SUPER_MAGIC 0xe0f5e1e2u
#define COMPAT_CHECKSUM 1u

#define INCOMPAT_CHUNKS 4u
#define INCOMPAT_DEVICES 8u
/* Zero padding, compression settings or big clusters, tail packing, fragments. */
#define INCOMPAT_COMPRESSED (1u | 2u | 0x10u | 0x20u)

#define SLOT_SHIFT 5
#define COMPACT_SIZE 32u
#define EXTENDED_SIZE 64u

#define XATTR_HEADER 12u
#define CHUNK_BITS 31u
#define CHUNK_INDEXES 32u
#define CHUNK_FORMAT_KNOWN 63u
#define BLOCK_NONE 0xffffffffu

#define MODE_TYPE 0170000u
#define MODE_DIRECTORY 0040000u
#define MODE_CHAR 0020000u
#define MODE_BLOCK 0060000u

static u16 get16(const u8 *at)
{
    return (u16)(at[0] | at[1] << 8);
}

static u32 get32(const u8 *at)
{
    return get16(at) | (u32)get16(at + 2) << 16;
}

static u64 get64(const u8 *at)
{
    return get32(at) | (u64)get32(at + 4) << 32;
}

static bool within(const struct erofs_image *image, u64 offset, u64 len)
{
    return offset <= image->size && len <= image->size - offset;
}

static int read_at(struct erofs_image *image, u64 offset, void *buf, size_t len)
{
    return within(image, offset, len) ? image->read(image, offset, buf, len) : -EUCLEAN;
}

static u32 crc32c(u32 crc, const u8 *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        crc ^= at[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
        }
    }
    return crc;
}

/* Over the rest of the superblock's block, with the sum itself taken for 0. */
static int check_sum(struct erofs_image *image, u8 *buf, u32 wanted)
{
    size_t len = image->block_size - SUPER_OFFSET;
    int error = read_at(image, SUPER_OFFSET, buf, len);

    if (error != 0) {
        return error;
    }
    memset(buf + 4, 0, 4);
    return crc32c(~0u, buf, len) == wanted ? 0 : -EUCLEAN;
}

static int check_features(struct erofs_image *image, const u8 *super)
{
    u32 features = get32(super + 80);

    if (features & INCOMPAT_COMPRESSED) {
        image->refused = "the image is compressed; make it without -z";
    } else if (features & INCOMPAT_DEVICES) {
        image->refused = "the image has contents on further devices";
    } else if ((features & ~INCOMPAT_CHUNKS) != 0) {
        image->refused = "the image needs a feature that is not known";
    } else {
        return 0;
    }
    return -EOPNOTSUPP;
}

static int parse_super(struct erofs_image *image, const u8 *super)
{
    image->block_shift = super[12];
    if (image->block_shift < 9 || image->block_shift > PAGE_SHIFT || super[90] != 0) {
        image->refused = "the size of its blocks";
        return -EOPNOTSUPP;
    }
    image->block_size = 1ull << image->block_shift;
    image->root = get16(super + 14);
    image->inodes = get64(super + 16);
    image->build_sec = get64(super + 24);
    image->build_nsec = get32(super + 32);
    image->blocks = get32(super + 36);
    image->meta = (u64)get32(super + 40) << image->block_shift;
    if (image->blocks == 0 || image->blocks > image->size >> image->block_shift ||
        image->meta >= image->size || image->build_nsec >= 1000000000u) {
        return -EUCLEAN; /* or the end of it is missing */
    }
    return check_features(image, super);
}

int erofs_image_open(struct erofs_image *image, void *(*alloc)(size_t size),
                     void (*release)(void *buf))
{
    struct erofs_node root;
    u8 super[SUPER_SIZE];
    int error;

    image->refused = NULL;
    if (!within(image, SUPER_OFFSET, SUPER_SIZE)) {
        return -EINVAL;
    }
    error = image->read(image, SUPER_OFFSET, super, sizeof(super));
    if (error != 0) {
        return error;
    }
    if (get32(super) != SUPER_MAGIC) {
        return -EINVAL;
    }
    error = parse_super(image, super);
    if (error == 0 && (get32(super + 8) & COMPAT_CHECKSUM) && image->block_size > SUPER_OFFSET) {
        u8 *buf = alloc(image->block_size);

        error = buf == NULL ? -ENOMEM : check_sum(image, buf, get32(super + 4));
        release(buf);
    }
    if (error == 0) {
        error = erofs_image_node(image, image->root, &root);
    }
    return error == 0 && (root.mode & MODE_TYPE) != MODE_DIRECTORY ? -EUCLEAN : error;
}

static bool type_known(u32 mode)
{
    switch (mode & MODE_TYPE) {
    case 0010000u: /* FIFO */
    case MODE_CHAR:
    case MODE_DIRECTORY:
    case MODE_BLOCK:
    case 0100000u: /* file */
    case 0120000u: /* symbolic link */
    case 0140000u: /* socket */
        return true;
    default:
        return false;
    }
}

/* In the bits of stat(2): major 8..19 and 32.., minor 0..7 and 20..31, of which 32 are here. */
static u64 decode_rdev(u32 rdev)
{
    return rdev;
}

static void parse_compact(const struct erofs_image *image, const u8 *raw, struct erofs_node *node)
{
    node->links = get16(raw + 6);
    node->size = get32(raw + 8);
    node->uid = get16(raw + 24);
    node->gid = get16(raw + 26);
    node->mtime_sec = image->build_sec;
    node->mtime_nsec = image->build_nsec;
}

static void parse_extended(const u8 *raw, struct erofs_node *node)
{
    node->size = get64(raw + 8);
    node->uid = get32(raw + 24);
    node->gid = get32(raw + 28);
    node->mtime_sec = get64(raw + 32);
    node->mtime_nsec = get32(raw + 40);
    node->links = get32(raw + 44);
}

/* Contents of whole blocks at `block`, all but `inlined` of them, or all. */
static int place_flat(const struct erofs_image *image, struct erofs_node *node, u32 block)
{
    u64 rest = node->size - node->inlined_size;

    node->start = (u64)block << image->block_shift;
    if (rest != 0 && !within(image, node->start, rest)) {
        return -EUCLEAN;
    }
    return 0;
}

static int place_inline(const struct erofs_image *image, struct erofs_node *node, u64 behind)
{
    node->inlined = behind;
    node->inlined_size = node->size % image->block_size;
    /* It may not go on in the next block. */
    return within(image, behind, node->inlined_size) &&
                   behind % image->block_size + node->inlined_size <= image->block_size
               ? 0
               : -EUCLEAN;
}

static int place_chunks(const struct erofs_image *image, struct erofs_node *node, u64 behind,
                        u16 format)
{
    u64 unit, count;

    if ((format & ~CHUNK_FORMAT_KNOWN) != 0) {
        return -EUCLEAN;
    }
    node->chunk_indexes = (format & CHUNK_INDEXES) != 0;
    node->chunk_shift = image->block_shift + (format & CHUNK_BITS);
    unit = node->chunk_indexes ? 8 : 4;
    node->chunks = ALIGN_UP(behind, unit);
    count = (node->size >> node->chunk_shift) + 1;
    return count <= image->size / unit && within(image, node->chunks, (count - 1) * unit)
               ? 0
               : -EUCLEAN;
}

static int place(const struct erofs_image *image, struct erofs_node *node, u64 behind,
                 const u8 *raw)
{
    int error;

    switch (node->layout) {
    case EROFS_FLAT_PLAIN:
        return place_flat(image, node, get32(raw + 16));
    case EROFS_FLAT_INLINE:
        error = place_inline(image, node, behind);
        return error != 0 ? error : place_flat(image, node, get32(raw + 16));
    default:
        return place_chunks(image, node, behind, get16(raw + 16));
    }
}

/* Does the node have contents, so that the word at 16 says where? */
static bool has_contents(u32 mode)
{
    u32 type = mode & MODE_TYPE;

    return type == 0100000u || type == 0120000u || type == MODE_DIRECTORY;
}

static int parse_node(struct erofs_image *image, const u8 *raw, u64 offset, struct erofs_node *node)
{
    u16 format = get16(raw), xattrs = get16(raw + 2);
    u64 size = format & 1 ? EXTENDED_SIZE : COMPACT_SIZE;

    if ((format & ~15u) != 0) {
        return -EUCLEAN;
    }
    node->mode = get16(raw + 4);
    if (format & 1) {
        parse_extended(raw, node);
    } else {
        parse_compact(image, raw, node);
    }
    node->layout = (enum erofs_layout)(format >> 1 & 7);
    if (node->layout == 1 || node->layout == 3) {
        image->refused = "a file is compressed";
        return -EOPNOTSUPP;
    }
    if (node->layout > EROFS_CHUNKS || !type_known(node->mode) || node->size > INT64_MAX ||
        node->mtime_nsec >= 1000000000u) {
        return -EUCLEAN;
    }
    if (!has_contents(node->mode)) {
        node->rdev = decode_rdev(get32(raw + 16));
        node->size = 0;
        return 0;
    }
    size += xattrs == 0 ? 0 : XATTR_HEADER + 4u * (xattrs - 1u);
    return place(image, node, offset + size, raw);
}

int erofs_image_node(struct erofs_image *image, u64 nid, struct erofs_node *node)
{
    u64 room = image->size - image->meta;
    u8 raw[EXTENDED_SIZE] = {0};
    u64 offset;
    int error;

    if (nid >= room >> SLOT_SHIFT) {
        return -EUCLEAN;
    }
    offset = image->meta + (nid << SLOT_SHIFT);
    *node = (struct erofs_node){.nid = nid};
    error = read_at(image, offset, raw, COMPACT_SIZE);
    if (error == 0 && (raw[0] & 1)) {
        error =
            read_at(image, offset + COMPACT_SIZE, raw + COMPACT_SIZE, EXTENDED_SIZE - COMPACT_SIZE);
    }
    return error != 0 ? error : parse_node(image, raw, offset, node);
}

static int map_chunk(struct erofs_image *image, const struct erofs_node *node, u64 offset,
                     struct erofs_extent *extent)
{
    u64 chunk = offset >> node->chunk_shift, unit = node->chunk_indexes ? 8 : 4;
    u64 in_chunk = offset - (chunk << node->chunk_shift);
    u8 raw[8] = {0};
    int error = read_at(image, node->chunks + chunk * unit, raw, unit);
    u32 block = node->chunk_indexes ? get32(raw + 4) : get32(raw);

    if (error != 0) {
        return error;
    }
    if (node->chunk_indexes && get16(raw + 2) != 0) {
        return -EUCLEAN; /* another device */
    }
    extent->size = MIN(node->size - offset, (1ull << node->chunk_shift) - in_chunk);
    extent->hole = block == BLOCK_NONE;
    extent->offset = ((u64)block << image->block_shift) + in_chunk;
    return extent->hole || within(image, extent->offset, extent->size) ? 0 : -EUCLEAN;
}

int erofs_image_map(struct erofs_image *image, const struct erofs_node *node, u64 offset,
                    struct erofs_extent *extent)
{
    u64 flat = node->size - node->inlined_size;

    extent->hole = false;
    if (node->layout == EROFS_CHUNKS) {
        return map_chunk(image, node, offset, extent);
    }
    if (offset < flat) {
        extent->offset = node->start + offset;
        extent->size = flat - offset;
    } else {
        extent->offset = node->inlined + (offset - flat);
        extent->size = node->size - offset;
    }
    return 0;
}

int erofs_image_read(struct erofs_image *image, const struct erofs_node *node, u64 offset,
                     void *buf, size_t len)
{
    u8 *to = buf;

    while (len > 0) {
        struct erofs_extent extent;
        int error = erofs_image_map(image, node, offset, &extent);
        size_t n;

        if (error != 0) {
            return error;
        }
        n = MIN(len, extent.size);
        if (extent.hole) {
            memset(to, 0, n);
        } else {
            error = read_at(image, extent.offset, to, n);
        }
        if (error != 0) {
            return error;
        }
        to += n;
        offset += n;
        len -= n;
    }
    return 0;
}
