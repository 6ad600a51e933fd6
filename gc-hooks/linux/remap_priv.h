/* SPDX-License-Identifier: MIT */
/* Pieces of a pair, each within one mapping at either place. */
#pragma once

#include <moka/remap.h>

#include "linux_priv.h"

extern const struct moka_remap_hooks linux_remap_hooks;

struct linux_piece {
    char *to, *from;
    size_t size;
    struct linux_mapping to_mapping, from_mapping;
};

/*
 * Calls fn for the pieces of a pair, in ascending order, or descending.  Their
 * places are mapped: that was checked.  0, or the first error.
 */
int linux_pieces(const struct moka_pair *pair, int (*fn)(struct linux_piece *piece));

/* mremap(2) of a piece's worth; what is mapped at `from` stays so, empty.  -errno. */
int linux_remap(char *to, char *from, size_t size);
/* The piece's target keeps its protection, whatever came to it.  -errno. */
int linux_protect_as_before(char *place, size_t size, int has, int shall_have);
/* Copies, whatever the protections. */
int linux_copy(const struct linux_piece *piece);

/* ---- remap.c ------------------------------------------------------------------------------- */

/* `to` gets the piece's pages; `from` is empty.  -errno. */
int linux_move_piece(struct linux_piece *piece);

/* ---- slide.c ------------------------------------------------------------------------------- */

/* One pair of a slide; `leave`: what it does not overwrite may keep what it has.  -errno. */
int linux_slide_pair(const struct moka_pair *pair, bool leave);

/* ---- alias.c ------------------------------------------------------------------------------- */

int linux_alias_piece(struct linux_piece *piece);
int linux_snapshot_piece(struct linux_piece *piece);
