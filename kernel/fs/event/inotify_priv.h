/* SPDX-License-Identifier: MIT */
/* Between inotify.c, which has the watches, and inotify_tell.c, which looks for them. */
#pragma once

#include <kernel/poll.h>
#include <kernel/spinlock.h>
#include <kernel/vfs.h>

#include "inotify_queue.h"

#define IN_ALL_EVENTS 0xfffu
#define IN_EXCL_UNLINK 0x04000000u
#define IN_ONESHOT 0x80000000u

/* (l) inotify_lock */
struct inotify {
    struct inotify_queue queue; /* (l) */
    struct list watches;        /* (l) */
    struct list waiters;        /* (l) */
    s32 last_wd;                /* (l) */
    struct poll_source source;
};

struct inotify_watch {
    struct list of_inode;    /* (l) */
    struct list of_instance; /* (l) */
    struct inotify *instance;
    struct inode *inode; /* (l) */
    s32 wd;
    u32 mask;    /* (l) */
    bool pinned; /* (l) it holds a reference to the inode */
};

extern struct spinlock inotify_lock;

/* Takes it out of both lists; true if the caller has a reference to its inode to drop.  Locked. */
must_check bool inotify_unlink_watch(struct inotify_watch *watch);
/* Not locked: inodes may end. */
void inotify_drop(struct inode *inode, unsigned references);
