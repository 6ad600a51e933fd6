/* SPDX-License-Identifier: MIT */
/*
 * How much more the server's disk has room for.
 *
 * What is written here goes there later.  If its disk was full then, only
 * close(2) and fsync(2) would tell, and many a program does not ask these: a
 * JVM says that its heap dump is complete.  So the bytes by which files grow
 * are taken from what the server has said is free; when that is used up, the
 * file that grows is written back at once, and an error is write(2)'s.
 *
 * Half of what is free is taken so, because other files have bytes to be written,
 * too, and the host's own programs.  As a disk fills, the halves get smaller
 * and the questions more.  On one with much room it is one question for a mount.
 */
#include "p9fs_priv.h"

static bool take(struct p9_super *p9, u64 bytes)
{
    return atomic_fetch_sub_explicit(&p9->room, (s64)bytes, memory_order_relaxed) >= (s64)bytes;
}

/* If the server does not say, its errors come late, as they would have. */
static void ask(struct p9_super *p9)
{
    struct fs_stat stat;
    s64 room = INT64_MAX / 2;

    if (p9->super.ops->statfs(&p9->super, &stat) == 0 &&
        (stat.block_size == 0 || stat.available < (u64)room / stat.block_size)) {
        room = (s64)(stat.available * stat.block_size / 2);
    }
    atomic_store_explicit(&p9->room, room, memory_order_relaxed);
}

int p9_room_take(struct p9_inode *node, u64 bytes)
{
    struct p9_super *p9 = node->p9;
    int err;

    if (bytes == 0 || take(p9, bytes)) {
        return 0;
    }
    if (!atomic_exchange_explicit(&p9->room_asked, true, memory_order_relaxed)) {
        ask(p9);
        if (take(p9, bytes)) {
            return 0;
        }
    }
    err = p9_flush(node, true);
    ask(p9);
    return err;
}
