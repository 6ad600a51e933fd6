/* SPDX-License-Identifier: MIT */
/*
 * What Linux tells of pages: PAGEMAP_SCAN (Linux 6.7), an ioctl of
 * /proc/self/pagemap that walks the page tables.
 *
 * Written pages are found by userfaultfd's write protection: in its
 * asynchronous mode the first write to a protected page removes the protection,
 * at the cost of a fault, and nobody is told.  A page without it is "written".
 * PAGEMAP_SCAN looks and protects in one step for each page and flushes the
 * TLBs before it returns, which makes it exact beside writers.  What is mapped
 * anew has to be registered for it: until then its pages are "written" and
 * stay so.
 *
 * It is not in the headers of a Debian 12, so its constants are here.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux_priv.h"

struct pm_scan_arg {
    uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
    uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
struct page_region {
    uint64_t start, end, categories;
};

#define IOCTL_PAGEMAP_SCAN _IOWR('f', 16, struct pm_scan_arg)

enum {
    SCAN_WP_MATCHING = 1,
    USER_MODE_FAULTS_ONLY = 1,
    FEATURE_HUGETLB_SHMEM = 1 << 12,
    FEATURE_UNPOPULATED = 1 << 13,
    FEATURE_ASYNC = 1 << 15,
    REGIONS = 512, /* at a time */
    FRAME_BITS = 55,
};

static struct {
    pthread_once_t once;
    int pagemap;
    int faults; /* of userfaultfd(2) */
} files = {.once = PTHREAD_ONCE_INIT};

static int open_faults(void)
{
    struct uffdio_api api = {
        .api = UFFD_API, .features = FEATURE_ASYNC | FEATURE_UNPOPULATED | FEATURE_HUGETLB_SHMEM};
    int file = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | USER_MODE_FAULTS_ONLY);

    if (file >= 0 && ioctl(file, UFFDIO_API, &api) != 0) {
        close(file);
        file = -1;
    }
    return file;
}

static void open_files(void)
{
    files.pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    files.faults = open_faults();
}

static int take_regions(const struct linux_pages *pages, const struct page_region *region,
                        int count)
{
    int error = 0;

    for (int i = 0; i < count && error == 0; i++) {
        error =
            pages->take(pages->arg, region[i].start, region[i].end, (unsigned)region[i].categories);
    }
    return error;
}

int linux_pages_walk(const struct linux_pages *pages)
{
    struct page_region region[REGIONS];
    struct pm_scan_arg arg = {.size = sizeof(arg),
                              .flags = pages->clear ? SCAN_WP_MATCHING : 0,
                              .start = pages->start,
                              .end = pages->end,
                              .vec = (uintptr_t)region,
                              .vec_len = REGIONS,
                              .category_anyof_mask = pages->any,
                              .return_mask = pages->wanted};

    pthread_once(&files.once, open_files);
    while (arg.start < arg.end) {
        int count = ioctl(files.pagemap, IOCTL_PAGEMAP_SCAN, &arg);
        int error = count < 0 ? -errno : take_regions(pages, region, count);

        if (error != 0) {
            return error == -ENOTTY || error == -EBADF ? -EOPNOTSUPP : error;
        }
        arg.start = arg.walk_end;
    }
    return 0;
}

int linux_pages_track(uintptr_t start, uintptr_t end)
{
    struct uffdio_register request = {.range = {.start = start, .len = end - start},
                                      .mode = UFFDIO_REGISTER_MODE_WP};

    pthread_once(&files.once, open_files);
    if (files.faults < 0) {
        return -EOPNOTSUPP;
    }
    if (ioctl(files.faults, UFFDIO_REGISTER, &request) != 0) {
        return errno == ENOMEM ? -ENOMEM : -EOPNOTSUPP;
    }
    return 0;
}

int linux_pages_release(uintptr_t start, uintptr_t end)
{
    struct uffdio_writeprotect request = {.range = {.start = start, .len = end - start}};

    pthread_once(&files.once, open_files);
    if (files.faults < 0) {
        return 0;
    }
    /* ENOENT: nothing has been protected there. */
    return ioctl(files.faults, UFFDIO_WRITEPROTECT, &request) == 0 || errno == ENOENT ? 0 : -errno;
}

static int add_pages(void *arg, uintptr_t start, uintptr_t end, unsigned categories)
{
    *(int64_t *)arg += (int64_t)((end - start) / PAGE_SIZE);
    return 0;
}

int64_t linux_pages_count(uintptr_t start, uintptr_t end, unsigned category)
{
    int64_t count = 0;
    const struct linux_pages pages = {.start = start,
                                      .end = end,
                                      .any = category,
                                      .wanted = category,
                                      .take = add_pages,
                                      .arg = &count};
    int error = linux_pages_walk(&pages);

    return error != 0 ? error : count;
}

uint64_t linux_page_frame(uintptr_t page)
{
    uint64_t entry = 0;

    pthread_once(&files.once, open_files);
    if (pread(files.pagemap, &entry, sizeof(entry), (off_t)(page / PAGE_SIZE * sizeof(entry))) !=
        sizeof(entry)) {
        return 0;
    }
    return entry & ((1ull << FRAME_BITS) - 1);
}
