/* SPDX-License-Identifier: MIT */
/* Files on their way through a pair of sockets: rights.c. */
#pragma once

#include <kernel/list.h>
#include <kernel/types.h>

struct file;

/* (o) its owner's; in a pipe's list: under the pipe's lock */
struct parcel {
    struct list link;    /* (o) */
    struct parcel *next; /* (o) of those to be dropped */
    u64 position;        /* (o) of the byte or record that it came with */
    u32 count;           /* (o) */
    struct file *files[];
};

/*
 * Takes the control part of sendmsg(2) apart: *parcel is the caller's, NULL if there are no
 * descriptors.  -EBADF, -EINVAL, -EFAULT, -EPERM (credentials of another), -ENOMEM, -ENOBUFS.
 */
must_check int rights_read(u64 control, u64 size, struct parcel **parcel);
/*
 * Makes descriptors of a parcel (or NULL), which goes, and tells the application: bytes of
 * the control part used.  *cut: there was no room for all (MSG_CTRUNC).
 */
u64 rights_write(struct parcel *parcel, u64 control, u64 size, bool cloexec, bool *cut);
/* Puts the files; not with a lock held. */
void rights_drop(struct parcel *parcel);
void rights_drop_all(struct list *parcels);
