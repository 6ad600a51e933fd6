/* SPDX-License-Identifier: MIT */
/* inotify(7) and signalfd(2); the events are those that Linux gives for the same. */
#include "event_help.h"

#include <kernel/process.h>
#include <kernel/signal_queue.h>

#include "event_app.h"

#define IN_ISDIR 0x40000000u
#define IN_IGNORED 0x8000u
#define ALL 0xfffu

struct event {
    s32 wd;
    u32 mask, cookie, len;
};

static struct {
    u8 *memory;
    int fd;
    u32 cookie;
    _Atomic bool stop;
} n;

static u64 text(const char *string)
{
    char *at = (char *)n.memory + 16384;

    strlcpy(at, string, 256);
    return (u64)at;
}

/* Of two names at once. */
static u64 text2(const char *string)
{
    char *at = (char *)n.memory + 20480;

    strlcpy(at, string, 256);
    return (u64)at;
}

/* A working folder on a root, which other tests may have made already. */
static bool set_up(void)
{
    struct super *super;

    memset(&n, 0, sizeof(n));
    n.memory = event_memory();
    if (!OK(tmpfs_new(16 * MIB, NULL, &super) == 0)) {
        return false;
    }
    (void)!vfs_mount_root(super);
    (void)sys_mkdir(text("/inotify-test"), 0777, 0, 0, 0, 0);
    EQ(sys_chdir(text("/inotify-test"), 0, 0, 0, 0, 0), 0);
    n.fd = (int)sys_inotify_init1(O_NONBLOCK, 0, 0, 0, 0, 0);
    return OK(n.fd >= 0);
}

static void tear_down(void)
{
    EQ(fd_close(n.fd), 0);
    event_memory_free(n.memory);
}

static s64 watch(const char *path, u32 mask)
{
    return sys_inotify_add_watch((u64)n.fd, text(path), mask, 0, 0, 0);
}

static s64 open_file(const char *path, u32 flags)
{
    return sys_open(text(path), flags, 0600, 0, 0, 0);
}

/* The next event is this one; name "" for none. */
static void expect_at(int line, s32 wd, u32 mask, const char *name)
{
    struct event event;
    char *got = (char *)n.memory + sizeof(event);
    s64 size = 0;

    /* A read for one event at a time: the smallest size that does. */
    for (u64 room = 16; room <= 64 && size <= 0; room += 16) {
        size = ev_read(n.fd, n.memory, room);
    }
    if (!guest_ok(__FILE__, line, size > 0, "an event")) {
        return;
    }
    memcpy(&event, n.memory, sizeof(event));
    guest_eq(__FILE__, line, (u64)event.wd, (u64)wd, "wd");
    guest_eq(__FILE__, line, event.mask, mask, "mask");
    guest_ok(__FILE__, line, event.len == 0 ? name[0] == 0 : strcmp(got, name) == 0, name);
    n.cookie = event.cookie;
}
#define EXPECT(wd, mask, name) expect_at(__LINE__, wd, mask, name)
#define NOTHING() EQ(ev_read(n.fd, n.memory, 4096), -EAGAIN)

GUEST_TEST(inotify_refuses)
{
    int other;

    if (!set_up()) {
        return;
    }
    other = (int)sys_eventfd2(0, 0, 0, 0, 0, 0);
    EQ(sys_inotify_init1(1, 0, 0, 0, 0, 0), -EINVAL);
    EQ(watch(".", 0), -EINVAL);
    EQ(watch("nothing", ALL), -ENOENT);
    EQ(watch(".", 0x30000002), -EINVAL);
    EQ(sys_inotify_add_watch((u64)n.fd, 8, ALL, 0, 0, 0), -EFAULT);
    EQ(sys_inotify_add_watch((u64)other, text("."), ALL, 0, 0, 0), -EINVAL);
    EQ(sys_inotify_add_watch(999, text("."), ALL, 0, 0, 0), -EBADF);
    EQ(sys_inotify_rm_watch((u64)n.fd, 1, 0, 0, 0, 0), -EINVAL);
    EQ(sys_inotify_rm_watch((u64)other, 1, 0, 0, 0, 0), -EINVAL);
    EQ(watch(".", IN_CREATE), 1);
    EQ(watch(".", 0x10000000u | IN_DELETE), -EEXIST);
    EQ(watch(".", 0x20000000u | IN_DELETE), 1);
    EQ(sys_mkdir(text("d"), 0700, 0, 0, 0, 0), 0);
    EQ(sys_rmdir(text("d"), 0, 0, 0, 0, 0), 0);
    EQ(ev_read(n.fd, n.memory, 17), -EINVAL);
    EXPECT(1, IN_CREATE | IN_ISDIR, "d");
    EXPECT(1, IN_DELETE | IN_ISDIR, "d");
    EQ(sys_inotify_rm_watch((u64)n.fd, 1, 0, 0, 0, 0), 0);
    EXPECT(1, IN_IGNORED, "");
    EQ(watch(".", IN_CREATE | 0x80000000u), 2);
    EQ(sys_mkdir(text("d"), 0700, 0, 0, 0, 0), 0);
    EQ(sys_rmdir(text("d"), 0, 0, 0, 0, 0), 0);
    EXPECT(2, IN_CREATE | IN_ISDIR, "d");
    EXPECT(2, IN_IGNORED, "");
    NOTHING();
    EQ(fd_close(other), 0);
    tear_down();
}

GUEST_TEST(inotify_tells_of_files)
{
    u32 cookie;
    s64 fd;

    if (!set_up()) {
        return;
    }
    EQ(watch(".", ALL), 1);
    fd = open_file("a", O_CREAT | O_RDWR);
    OK(fd >= 0);
    EXPECT(1, IN_CREATE, "a");
    EXPECT(1, IN_OPEN, "a");
    EQ(watch("a", ALL), 2);
    EQ(ev_write((int)fd, n.memory, 5), 5);
    EXPECT(1, IN_MODIFY, "a");
    EXPECT(2, IN_MODIFY, "");
    EQ(sys_lseek((u64)fd, 0, 0, 0, 0, 0), 0);
    EQ(ev_read((int)fd, n.memory, 5), 5);
    EXPECT(1, IN_ACCESS, "a");
    EXPECT(2, IN_ACCESS, "");
    EQ(fd_close((int)fd), 0);
    EXPECT(1, IN_CLOSE_WRITE, "a");
    EXPECT(2, IN_CLOSE_WRITE, "");
    EQ(sys_chmod(text("a"), 0640, 0, 0, 0, 0), 0);
    EXPECT(1, IN_ATTRIB, "a");
    EXPECT(2, IN_ATTRIB, "");
    EQ(sys_rename(text("a"), text2("b"), 0, 0, 0, 0), 0);
    EXPECT(1, IN_MOVED_FROM, "a");
    cookie = n.cookie;
    OK(cookie != 0);
    EXPECT(1, IN_MOVED_TO, "b");
    EQ(n.cookie, cookie);
    EXPECT(2, IN_MOVE_SELF, "");
    fd = open_file("b", O_RDONLY);
    EXPECT(1, IN_OPEN, "b");
    EXPECT(2, IN_OPEN, "");
    EQ(sys_unlink(text("b"), 0, 0, 0, 0, 0), 0);
    EXPECT(2, IN_ATTRIB, "");
    EXPECT(1, IN_DELETE, "b");
    NOTHING();
    EQ(fd_close((int)fd), 0);
    EXPECT(1, IN_CLOSE_NOWRITE, "b");
    EXPECT(2, IN_CLOSE_NOWRITE, "");
    EXPECT(2, IN_DELETE_SELF, "");
    EXPECT(2, IN_IGNORED, "");
    NOTHING();
    tear_down();
}

/* Watches come and go while their files do. */
static void make_and_remove(void *arg)
{
    char name[2] = {(char)('a' + (u64)arg), 0};
    char *at = (char *)n.memory + 65536 + 4096 * (u64)arg;

    memcpy(at, name, sizeof(name));
    while (!atomic_load(&n.stop)) {
        s64 fd = sys_open((u64)at, O_CREAT | O_RDWR, 0600, 0, 0, 0), wd;

        if (!OK(fd >= 0)) {
            return;
        }
        wd = sys_inotify_add_watch((u64)n.fd, (u64)at, ALL, 0, 0, 0);
        OK(wd > 0);
        if (guest_random() % 2 == 0) {
            wd = sys_inotify_rm_watch((u64)n.fd, (u64)wd, 0, 0, 0, 0);
            EQ(wd, 0);
        }
        EQ(sys_unlink((u64)at, 0, 0, 0, 0, 0), 0);
        EQ(fd_close((int)fd), 0);
        sched_yield(); /* kernel code is not preempted */
    }
}

GUEST_TEST(inotify_survives_races)
{
    struct thread *threads[3];

    if (!set_up()) {
        return;
    }
    EQ(watch(".", ALL), 1);
    for (u64 i = 0; i < ARRAY_SIZE(threads); i++) {
        threads[i] = start_kernel(make_and_remove, (void *)i, 0, SCHED_CLASS_FAIR);
    }
    for (nsec_t end = clock_now() + 200 * NSEC_PER_MSEC; clock_now() < end;) {
        s64 got = ev_read(n.fd, n.memory, 8192);

        OK(got > 0 || got == -EAGAIN);
        sched_yield();
    }
    atomic_store(&n.stop, true);
    for (u64 i = 0; i < ARRAY_SIZE(threads); i++) {
        join(threads[i]);
    }
    tear_down();
    EQ(fsnotify_watch_count, 0);
}

/* ---- signalfd --------------------------------------------------------------------------- */

GUEST_TEST(signalfd_refuses)
{
    u64 *mask;
    u32 *got;
    s64 fd;

    n.memory = event_memory();
    mask = (u64 *)n.memory;
    got = (u32 *)(n.memory + 4096);
    *mask = SIGNAL_BIT(40) | SIGNAL_BIT(SIGKILL);
    EQ(sys_signalfd4((u64)-1, (u64)mask, 4, 0, 0, 0), -EINVAL);
    EQ(sys_signalfd4((u64)-1, 8, 8, 0, 0, 0), -EFAULT);
    EQ(sys_signalfd4((u64)-1, (u64)mask, 8, 1, 0, 0), -EINVAL);
    EQ(sys_signalfd4(999, (u64)mask, 8, 0, 0, 0), -EBADF);
    fd = sys_signalfd4((u64)-1, (u64)mask, 8, O_NONBLOCK, 0, 0);
    EQ(ev_read((int)fd, got, 128), -EAGAIN);
    EQ(ev_read((int)fd, got, 127), -EINVAL);
    *mask = SIGNAL_BIT(41);
    EQ(sys_signalfd4((u64)fd, (u64)mask, 8, 0, 0, 0), fd);
    EQ(fd_close((int)fd), 0);
    event_memory_free(n.memory);
}

/* ---- In a process ------------------------------------------------------------------------- */

static struct {
    long (*fn)(void);
    long line;
} program;

static void run_program(void *arg)
{
    program.line = program.fn();
}

static void check_program(long (*fn)(void))
{
    struct app *app;

    program.fn = fn;
    program.line = -1;
    app = app_start("events", run_program, NULL, 0);
    if (OK(app != NULL)) {
        EQ(app_join(app), 0);
        EQ(program.line, 0);
        (void)process_wait();
    }
}

GUEST_TEST(event_signals)
{
    check_program(event_app_signals);
}

GUEST_TEST(signalfd_takes)
{
    check_program(event_app_signalfd);
}
