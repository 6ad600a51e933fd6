/* SPDX-License-Identifier: MIT */
/* Files on their way from one socket to another: parcel.c. */
#pragma once

#include <kernel/list.h>
#include <kernel/types.h>

struct file;
struct unix_message;

#define PARCEL_MAX 253u /* SCM_MAX_FD */

/* (o) its owner's */
struct parcel {
    struct list link;             /* (o) or unix_flight.c's */
    struct parcel *next;          /* (o) of those to be dropped */
    struct unix_message *message; /* unix_flight.c: that it came with */
    u32 count;                    /* (o) */
    struct file *files[];
};

/* For up to `room` files.  NULL: no memory. */
struct parcel *parcel_new(u32 room);
/* The same files once more, or NULL: no memory. */
struct parcel *parcel_copy(const struct parcel *parcel);
/* Puts the files of one, or NULL; not with a lock held. */
void parcel_drop(struct parcel *parcel);
/* All of a chain by `next`. */
void parcel_drop_all(struct parcel *first);
