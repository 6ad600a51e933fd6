/* SPDX-License-Identifier: MIT */
/*
 * Files that the program is sure to read, read while the machine starts: the
 * device is at work when the kernel sets up the rest, and the program finds
 * them in the page cache.  A thread of its own asks for 2 MiB after 2 MiB, so
 * that who wants another part meanwhile does not wait for all of it.
 *
 * Only where memory is plenty beside the file: a small machine has no room for
 * parts that are perhaps not used.  Errors are told to who reads the file.
 */
#include <kernel/frame.h>
#include <kernel/pagecache.h>
#include <kernel/sched.h>
#include <kernel/thread.h>
#include <kernel/vfs.h>

#include "exec.h"

#define MEMORY_SHARE 8 /* so many times the file must be free */

static bool has_room(u64 bytes)
{
    struct frame_stats frames;

    frame_get_stats(&frames);
    return bytes / PAGE_SIZE < frames.free / MEMORY_SHARE;
}

static void read_file(const struct exec_ahead *ahead)
{
    struct file_stat stat;
    struct file *file;

    if (vfs_open(NULL, ahead->path, O_RDONLY, 0, &file) != 0) {
        return;
    }
    if (vfs_getattr(file->inode, &stat) == 0 && file->inode->pages != NULL) {
        u64 bytes = MIN(stat.size, ahead->bytes);

        if (has_room(bytes)) {
            page_cache_read_ahead(file->inode->pages, 0, ALIGN_UP(bytes, PAGE_SIZE) / PAGE_SIZE);
        }
    }
    file_put(file);
}

static void read_all(void *arg)
{
    const struct exec_spec *spec = arg;

    for (unsigned i = 0; i < spec->aheads; i++) {
        read_file(&spec->ahead[i]);
    }
}

void exec_read_ahead(const struct exec_spec *spec)
{
    const struct thread_attr attr = {
        .name = "ahead",
        .entry = read_all,
        .arg = (void *)(uintptr_t)spec,
        .class = SCHED_CLASS_FAIR,
        .detached = true,
    };

    /* Without it the program reads for itself. */
    if (spec->aheads > 0 && thread_create(&attr, NULL) == 0) {
        sched_yield(); /* until the device has the first request */
    }
}
