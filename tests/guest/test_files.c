/* SPDX-License-Identifier: MIT */
/*
 * The script of file calls (files_script.inc) on a tmpfs, by way of the table of
 * system calls; devices; one descriptor used by several CPUs at once.
 */
#include "file_help.h"

#include <kernel/aspace.h>
#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/fd.h>
#include <kernel/pagetable.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/syscall.h>
#include <kernel/thread.h>
#include <kernel/vfs.h>

static char *memory; /* 3 pages of the program's: results, texts */
static size_t text_at;

static s64 call(unsigned nr, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    text_at = 0;
    return syscall_table[nr](a0, a1, a2, a3, a4, a5);
}

static char *text_of(const char *text)
{
    size_t size = strlen(text) + 1;
    char *at = memory + PAGE_SIZE + text_at;

    memcpy(at, text, size);
    text_at += size;
    return at;
}

#define CALL6(nr, a, b, c, d, e, f, ...) \
    call((nr), (u64)(a), (u64)(b), (u64)(c), (u64)(d), (u64)(e), (u64)(f))
#define CALL(name, ...) CALL6(NR_##name, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define STR(text) text_of(text)
#define MEM memory

#include "../../kernel/fs/fs_priv.h"
#include "files_script.inc"

/* A root, if there is none yet, and an empty working folder. */
static bool prepare(void)
{
    struct super *super;
    vaddr_t addr = 0;

    if (memory == NULL) {
        EQ(aspace_map(0, 8 * PAGE_SIZE, PROT_READ | PROT_WRITE, 0, &addr), 0);
        memory = (char *)addr;
    }
    if (tmpfs_new(64 * MIB, NULL, &super) != 0) {
        return OK(false);
    }
    (void)!vfs_mount_root(super);
    (void)CALL(mkdir, STR("/files-test"), 0777);
    return OK(CALL(chdir, STR("/files-test")) == 0);
}

GUEST_TEST(files_do_what_linux_does)
{
    if (!prepare()) {
        return;
    }
#define SCRIPT(name) script_##name();
#include "files_script_list.inc"
}

GUEST_TEST(files_on_a_full_tmpfs)
{
    struct super *super;
    s64 fd;

    if (!prepare()) {
        return;
    }
    EQ(CALL(mkdir, STR("/small"), 0777), 0);
    EQ(tmpfs_new(16 * PAGE_SIZE, NULL, &super), 0);
    EQ(vfs_mount(super, "/small"), 0);
    fd = CALL(open, STR("/small/f"), O_CREAT | O_RDWR, 0600);
    OK(fd >= 0);
    for (unsigned i = 0; i < 16; i++) {
        EQ(CALL(write, fd, MEM, PAGE_SIZE), PAGE_SIZE);
    }
    EQ(CALL(write, fd, MEM, 1), -ENOSPC);
    EQ(CALL(ftruncate, fd, 2 * PAGE_SIZE), 0);
    EQ(CALL(lseek, fd, 0, 2), 2 * PAGE_SIZE);
    EQ(CALL(write, fd, MEM, PAGE_SIZE), PAGE_SIZE);
    EQ(CALL(fallocate, fd, 0, 0, 100 * PAGE_SIZE), -ENOSPC);
    EQ(script_size("/small/f"), 3 * PAGE_SIZE);
    EQ(CALL(ftruncate, fd, 100 * PAGE_SIZE), 0); /* holes within the size stay holes */
    EQ(CALL(fallocate, fd, 0, 0, 100 * PAGE_SIZE), -ENOSPC);
    EQ(CALL(statfs, STR("/small"), MEM), 0);
    EQ(*(u64 *)(MEM + 24), 13);
    EQ(CALL(ftruncate, fd, 3 * PAGE_SIZE), 0);
    EQ(CALL(rename, STR("/small/f"), STR("f")), -EXDEV);
    EQ(CALL(rmdir, STR("/small")), -EBUSY);
    EQ(CALL(unlink, STR("/small/f")), 0);
    EQ(CALL(close, fd), 0);
    fd = CALL(open, STR("/small/g"), O_CREAT | O_RDWR, 0600);
    EQ(CALL(fallocate, fd, 0, 0, 16 * PAGE_SIZE), 0); /* all is free again */
    EQ(CALL(statfs, STR("/small"), MEM), 0);
    EQ(*(u64 *)(MEM + 16), 16);
    EQ(*(u64 *)(MEM + 24), 0);
    EQ(CALL(close, fd), 0);
    EQ(CALL(unlink, STR("/small/g")), 0);
}

GUEST_TEST(files_devices)
{
    struct super *super;
    s64 fd;

    if (!prepare()) {
        return;
    }
    (void)CALL(mkdir, STR("/dev"), 0755);
    EQ(devfs_new(&super), 0);
    EQ(vfs_mount(super, "/dev"), 0);
    fd = CALL(open, STR("/dev/null"), O_RDWR, 0);
    OK(fd >= 0);
    EQ(CALL(write, fd, MEM, 77), 77);
    EQ(CALL(read, fd, MEM, 77), 0);
    EQ(CALL(lseek, fd, 100, 0), 0);
    EQ(CALL(ioctl, fd, 0x5401, MEM), -ENOTTY);
    EQ(CALL(close, fd), 0);
    fd = CALL(open, STR("/dev/zero"), O_RDWR, 0);
    memset(MEM, 1, 4096);
    EQ(CALL(read, fd, MEM, 4000), 4000);
    EQ(MEM[3999], 0);
    EQ(MEM[4000], 1);
    EQ(CALL(close, fd), 0);
    fd = CALL(open, STR("/dev/full"), O_RDWR, 0);
    EQ(CALL(write, fd, MEM, 1), -ENOSPC);
    EQ(CALL(close, fd), 0);
    fd = CALL(open, STR("/dev/urandom"), O_RDONLY, 0);
    EQ(CALL(read, fd, MEM, 1000), 1000);
    OK(memcmp(MEM, MEM + 8, 8) != 0 && *(u64 *)(MEM + 992) != 0);
    EQ(CALL(write, fd, MEM, 1), -EBADF);
    EQ(CALL(close, fd), 0);
    EQ(CALL(readlink, STR("/dev/fd"), MEM, 100), 13);
    EQ(script_mode("/dev/shm"), S_IFDIR | 01777);
}

/* ---- Several CPUs ---------------------------------------------------------------------- */

static struct {
    _Atomic bool stop;
    _Atomic u64 rounds, hits;
} race;

/* Each kernel thread has a CPU to itself in turn: none is ever preempted. */
static void close_and_open(void *arg)
{
    while (!atomic_load(&race.stop)) {
        struct file *file;
        u64 round = atomic_fetch_add(&race.rounds, 1);

        if (vfs_open(NULL, "/files-test/race", O_RDWR, 0, &file) != 0 ||
            fd_install_at(file, 500, false) != 500 || (round % 3 == 0 && fd_close(500) != 0)) {
            (void)OK(false);
            return;
        }
        if (round % 64 == 0) {
            sched_yield();
        }
    }
}

static void use(void *arg)
{
    for (u64 round = 0; !atomic_load(&race.stop); round++) {
        struct file *file = fd_get(500);
        char byte = 0;

        if (file != NULL) {
            OK(file_read_kernel(file, &byte, 1, 0) == 1 && byte == 'r');
            file_put(file);
            atomic_fetch_add(&race.hits, 1);
        }
        if (round % 64 == 0) {
            sched_yield();
        }
    }
}

GUEST_TEST(files_close_while_in_use)
{
    struct thread *threads[2];
    struct file *file;
    nsec_t start = clock_now();

    if (!prepare()) {
        return;
    }
    script_file("race", "r");
    race.stop = false;
    for (unsigned i = 0; i < ARRAY_SIZE(threads); i++) {
        struct thread_attr attr = {.name = "race",
                                   .entry = i == 0 ? close_and_open : use,
                                   .class = SCHED_CLASS_FAIR,
                                   .affinity = 1ull << i % cpu_count()};

        EQ(thread_create(&attr, &threads[i]), 0);
    }
    do { /* a busy host may keep one of the CPUs from running all that time */
        sched_delay(200 * NSEC_PER_MSEC);
    } while ((race.rounds <= 100 || race.hits <= 100) && clock_now() - start < 30 * NSEC_PER_SEC);
    race.stop = true;
    for (unsigned i = 0; i < ARRAY_SIZE(threads); i++) {
        thread_join(threads[i], NULL);
    }
    guest_note("%lu opens, %lu uses", (unsigned long)race.rounds, (unsigned long)race.hits);
    OK(race.rounds > 100 && race.hits > 100);
    (void)CALL(close, 500);
    /* All references are gone but the one of this open: the counts are right. */
    EQ(vfs_open(NULL, "race", O_RDONLY, 0, &file), 0);
    EQ(file->references, 1);
    EQ(file->inode->references, 3); /* of the file, its dentry, its name */
    file_put(file);
    EQ(CALL(unlink, STR("race")), 0);
}

/* ---- The tree of names ------------------------------------------------------------------- */

#define NAMES_ROUNDS 1500u /* of each thread */

static _Atomic u64 names_done[4];

/* Some error is right each time, and which one depends on the others; but not these. */
static void check_result(s64 result)
{
    OK(result >= 0 || result == -ENOENT || result == -EEXIST || result == -ENOTDIR ||
       result == -EISDIR || result == -ENOTEMPTY || result == -EINVAL);
}

static void random_path(char *path)
{
    u64 random = guest_random();
    size_t len = 16;

    memcpy(path, "/files-test/n/ab/cd/e", 22);
    path[14] = (char)('a' + random % 3);
    path[15] = '/';
    path[16] = '\0';
    for (unsigned deeper = random >> 8 & 3; deeper > 1; deeper--) {
        random = guest_random();
        path[len - 1] = '/';
        path[len++] = (char)('a' + random % 3);
        path[len++] = '\0';
    }
    path[len - 1] = '\0';
}

static void change_names(void *arg)
{
    _Atomic u64 *counts = names_done;
    char from[32], to[32];
    struct dentry *dentry;
    struct file *file;

    for (unsigned i = 0; i < NAMES_ROUNDS; i++) {
        unsigned what = (unsigned)(guest_random() % 5);
        s64 result;

        random_path(from);
        random_path(to);
        if (what == 0) {
            result = vfs_create(NULL, from, S_IFDIR | 0755, 0);
        } else if (what == 1) {
            result = vfs_unlink(NULL, from, guest_random() % 2 == 0);
        } else if (what == 2) {
            result = vfs_open(NULL, from, O_CREAT | O_RDWR, 0644, &file);
            if (result == 0) {
                file_put(file);
            }
        } else if (what == 3) {
            result =
                vfs_rename(NULL, from, NULL, to, guest_random() % 4 == 0 ? RENAME_EXCHANGE : 0);
        } else {
            result = vfs_lookup(NULL, from, 0, &dentry);
            if (result == 0) {
                dentry_put(dentry);
            }
            (void)dentry_shrink(guest_random() % 4);
        }
        check_result(result);
        atomic_fetch_add(&counts[result == 0], 1);
        sched_yield();
    }
}

struct first_name {
    struct dir_emit emit;
    char name[4];
};

static bool take_name(struct dir_emit *emit, const char *name, size_t len, u64 ino, u32 type,
                      u64 next)
{
    struct first_name *first = container_of(emit, struct first_name, emit);

    memcpy(first->name, name, len);
    first->name[len] = '\0';
    return false;
}

/* The first name in a folder is added to its path: its length, or 0 (empty, or a file). */
static size_t go_down(char *path, size_t len)
{
    struct first_name first = {.emit = {take_name}};
    struct dentry *dentry;
    u64 pos = 0;

    if (vfs_lookup(NULL, path, LOOKUP_DIRECTORY, &dentry) != 0) {
        return 0;
    }
    (void)!dentry->inode->ops->readdir(dentry->inode, &pos, &first.emit);
    dentry_put(dentry);
    if (first.name[0] == '\0') {
        return 0;
    }
    path[len] = '/';
    return len + 1 + strlcpy(path + len + 1, first.name, sizeof(first.name));
}

/* Empties /files-test/n, from the leaves up; false: something stays. */
static bool remove_names(void)
{
    static char path[PATH_MAX + 8];
    size_t top = strlcpy(path, "/files-test/n", sizeof(path)), len = top;

    for (;;) {
        size_t below = len < PATH_MAX ? go_down(path, len) : 0;

        if (below > 0) {
            len = below;
        } else if (len == top) {
            return true;
        } else if (vfs_unlink(NULL, path, false) != 0 && vfs_unlink(NULL, path, true) != 0) {
            guest_note("stays: %s", path);
            return false;
        } else {
            while (path[len] != '/') {
                len--;
            }
            path[len] = '\0';
        }
    }
}

/* When memory is short, names that nobody uses go. */
GUEST_TEST(files_names_give_way)
{
    struct dentry *dentry;

    if (!prepare()) {
        return;
    }
    close_file(open_file(&disk_ops, 0, O_RDONLY)); /* somebody looks for memory since then */
    (void)dentry_shrink(~0ull);
    EQ(vfs_create(NULL, "/files-test/m", S_IFREG | 0644, 0), 0);
    EQ(vfs_lookup(NULL, "/files-test/m", 0, &dentry), 0);
    dentry_put(dentry);
    OK(page_cache_find_memory());
    EQ(dentry_shrink(~0ull), 0);
    EQ(CALL(unlink, STR("m")), 0);
}

GUEST_TEST(files_names_on_several_cpus)
{
    struct thread *threads[4];
    struct dentry *dentry;

    if (!prepare()) {
        return;
    }
    EQ(vfs_create(NULL, "/files-test/n", S_IFDIR | 0755, 0), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(threads); i++) {
        struct thread_attr attr = {.name = "names",
                                   .entry = change_names,
                                   .class = SCHED_CLASS_FAIR,
                                   .affinity = 1ull << i % cpu_count()};

        EQ(thread_create(&attr, &threads[i]), 0);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(threads); i++) {
        thread_join(threads[i], NULL);
    }
    guest_note("%lu changes, %lu refused", (unsigned long)names_done[1],
               (unsigned long)names_done[0]);
    OK(names_done[1] > 1000);
    OK(remove_names());
    (void)dentry_shrink(~0ull);
    EQ(vfs_lookup(NULL, "/files-test/n", 0, &dentry), 0);
    EQ(dentry->references, 1);
    EQ(dentry->inode->references, 2); /* of the dentry and the name */
    EQ(dentry->inode->links, 2);
    dentry_put(dentry);
    EQ(vfs_unlink(NULL, "/files-test/n", true), 0);
}

GUEST_TEST(files_speed)
{
    enum { ROUNDS = 100000 };
    u64 start, flags, reads, stats, opens;
    s64 fd;
    char *path;

    if (!prepare()) {
        return;
    }
    script_file("s", "speed");
    fd = CALL(open, STR("s"), O_RDONLY, 0);
    start = rdtsc();
    for (unsigned i = 0; i < ROUNDS; i++) {
        (void)syscall_table[NR_fcntl]((u64)fd, 3, 0, 0, 0, 0);
    }
    flags = rdtsc() - start;
    start = rdtsc();
    for (unsigned i = 0; i < ROUNDS; i++) {
        (void)syscall_table[NR_pread64]((u64)fd, (u64)MEM, 5, 0, 0, 0);
    }
    reads = rdtsc() - start;
    path = text_of("/files-test/s");
    start = rdtsc();
    for (unsigned i = 0; i < ROUNDS; i++) {
        (void)syscall_table[NR_stat]((u64)path, (u64)MEM, 0, 0, 0, 0);
    }
    stats = rdtsc() - start;
    start = rdtsc();
    for (unsigned i = 0; i < ROUNDS; i++) {
        (void)syscall_table[NR_close]((u64)syscall_table[NR_open]((u64)path, 0, 0, 0, 0, 0), 0, 0,
                                      0, 0, 0);
    }
    opens = rdtsc() - start;
    guest_note("fcntl(F_GETFL) %lu ns, pread of 5 bytes %lu ns, stat %lu ns, open and close %lu ns",
               (unsigned long)(clock_cycles_to_nsec(flags) / ROUNDS),
               (unsigned long)(clock_cycles_to_nsec(reads) / ROUNDS),
               (unsigned long)(clock_cycles_to_nsec(stats) / ROUNDS),
               (unsigned long)(clock_cycles_to_nsec(opens) / ROUNDS));
    EQ(CALL(close, fd), 0);
    EQ(CALL(unlink, STR("s")), 0);
}
