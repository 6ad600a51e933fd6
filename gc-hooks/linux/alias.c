/* SPDX-License-Identifier: MIT */
/*
 * Aliases.  Only memory that has a file can be mapped twice on Linux, so what
 * is private is copied into a file without a name (memfd_create(2)) first, which is
 * then mapped at both places; other threads have to be kept away from it.  A
 * snapshot is a copy: Linux shares pages for copy on write with fork(2) only.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "remap_priv.h"

/* The file with the piece's contents in it, or -errno. */
static int make_file(const struct linux_piece *piece)
{
    struct linux_piece in = *piece;
    int file = memfd_create(LINUX_ALIAS_NAME, MFD_CLOEXEC), error = 0;

    if (file < 0) {
        return -errno;
    }
    in.to_mapping.prot = PROT_READ | PROT_WRITE;
    in.to = ftruncate(file, (off_t)piece->size) != 0
                ? MAP_FAILED
                : mmap(NULL, piece->size, in.to_mapping.prot, MAP_SHARED, file, 0);
    if (in.to == MAP_FAILED) {
        error = -errno;
    } else {
        error = linux_copy(&in);
        munmap(in.to, piece->size);
    }
    if (error != 0) {
        close(file);
        return error;
    }
    return file;
}

static int map_file(char *place, size_t size, int prot, int file)
{
    return mmap(place, size, prot, MAP_SHARED | MAP_FIXED, file, 0) == MAP_FAILED ? -errno : 0;
}

int linux_alias_piece(struct linux_piece *piece)
{
    int file, error;

    if (piece->from_mapping.shared) {
        /* Of a size of 0: what is mapped shared is mapped once more. */
        if (mremap(piece->from, 0, piece->size, MREMAP_MAYMOVE | MREMAP_FIXED, piece->to) ==
            MAP_FAILED) {
            return -errno;
        }
        return linux_protect_as_before(piece->to, piece->size, piece->from_mapping.prot,
                                       piece->to_mapping.prot);
    }
    file = make_file(piece);
    if (file < 0) {
        return file;
    }
    error = map_file(piece->from, piece->size, piece->from_mapping.prot, file);
    if (error == 0) {
        error = map_file(piece->to, piece->size, piece->to_mapping.prot, file);
    }
    close(file);
    return error;
}

int linux_snapshot_piece(struct linux_piece *piece)
{
    if (piece->to_mapping.shared &&
        mmap(piece->to, piece->size, piece->to_mapping.prot,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == MAP_FAILED) {
        return -errno; /* what is written to a shared place would be seen at others */
    }
    return linux_copy(piece);
}
