/* SPDX-License-Identifier: MIT */
/* poll, select, epoll with all its flags, eventfd, inotify: rules and errors. */
#include "tap.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int fd[2], ep;
static struct epoll_event got[8];

static void give(void)
{
    (void)!write(fd[1], "x", 1);
}

static void take(void)
{
    char byte;

    (void)!read(fd[0], &byte, 1);
}

static int add(int file, uint32_t events, int op)
{
    struct epoll_event event = {.events = events, .data.fd = file};

    return epoll_ctl(ep, op, file, &event);
}

static void test_poll(void)
{
    struct pollfd set[3] = {{fd[0], POLLIN, 9}, {-1, POLLIN, 9}, {99, POLLIN, 9}};
    struct timespec zero = {0, 0}, bad = {0, 1000000000};
    struct rlimit limit;

    OK(poll(set, 2, 0) == 0 && set[0].revents == 0 && set[1].revents == 0,
       "poll: a negative descriptor");
    OK(poll(set, 3, -1) == 1 && set[2].revents == POLLNVAL, "poll: POLLNVAL");
    FAILS(poll((struct pollfd *)8, 1, 0), EFAULT, "poll: from nowhere");
    getrlimit(RLIMIT_NOFILE, &limit);
    FAILS(poll(set, limit.rlim_cur + 1, 0), EINVAL, "poll: more than can be open");
    FAILS(ppoll(set, 1, &bad, NULL), EINVAL, "ppoll: bad time");
    OK(ppoll(set, 1, &zero, NULL) == 0, "ppoll");
    OK(poll(NULL, 0, 1) == 0, "poll: nothing, for a while");
    give();
    OK(poll(set, 1, 0) == 1 && set[0].revents == POLLIN, "poll: ready");
    set[0].events = 0;
    OK(poll(set, 1, 0) == 0, "poll: asks for nothing");
    take();
}

static void test_select(void)
{
    struct timeval zero = {0, 0}, bad = {-1, 0};
    struct timespec time = {0, 5000000};
    fd_set in, out;

    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(fd[0], &in);
    FD_SET(fd[1], &out);
    OK(select(fd[1] + 1, &in, &out, NULL, &zero) == 1 && !FD_ISSET(fd[0], &in) &&
           FD_ISSET(fd[1], &out),
       "select");
    FAILS(select(-1, &in, NULL, NULL, &zero), EINVAL, "select: negative");
    FAILS(select(1, &in, NULL, NULL, &bad), EINVAL, "select: bad time");
    /* A table of 64 entries would make Linux look at those 64 only. */
    dup2(fd[0], 99);
    close(99);
    FD_SET(99, &in);
    FAILS(select(100, &in, NULL, NULL, &zero), EBADF, "select: nothing there");
    FD_ZERO(&in);
    FD_SET(fd[0], &in);
    OK(pselect(fd[0] + 1, &in, NULL, NULL, &time, NULL) == 0 && !FD_ISSET(fd[0], &in), "pselect");
    OK(select(0, NULL, NULL, NULL, &zero) == 0, "select: nothing");
}

static void test_epoll_errors(void)
{
    int file = open("/proc/self/exe", O_RDONLY), other;

    FAILS(syscall(SYS_epoll_create, 0), EINVAL, "epoll_create: nothing");
    FAILS(epoll_create1(1), EINVAL, "epoll_create1: unknown flag");
    FAILS(add(file, EPOLLIN, EPOLL_CTL_ADD), EPERM, "epoll: an ordinary file");
    FAILS(add(99, EPOLLIN, EPOLL_CTL_ADD), EBADF, "epoll: nothing there");
    FAILS(add(ep, EPOLLIN, EPOLL_CTL_ADD), EINVAL, "epoll: itself");
    FAILS(add(fd[0], EPOLLIN, EPOLL_CTL_MOD), ENOENT, "epoll: change what is not there");
    FAILS(add(fd[0], EPOLLIN, 77), EINVAL, "epoll: unknown operation");
    FAILS(epoll_ctl(ep, EPOLL_CTL_ADD, fd[0], NULL), EFAULT, "epoll: no event");
    FAILS(epoll_ctl(fd[0], EPOLL_CTL_ADD, fd[1], got), EINVAL, "epoll: not one");
    FAILS(epoll_wait(ep, got, 0, 0), EINVAL, "epoll_wait: no room");
    FAILS(epoll_wait(fd[0], got, 1, 0), EINVAL, "epoll_wait: not one");
    FAILS(epoll_wait(99, got, 1, 0), EBADF, "epoll_wait: nothing");
    OK(add(fd[0], EPOLLIN, EPOLL_CTL_ADD) == 0, "epoll: added");
    give();
    FAILS(epoll_wait(ep, (struct epoll_event *)8, 1, 0), EFAULT, "epoll_wait: to nowhere");
    OK(epoll_wait(ep, got, 1, 0) == 1, "and it is still there");
    take();
    add(fd[0], 0, EPOLL_CTL_DEL);
    /* Five epolls in a row are the most. */
    int chain[7];
    for (int i = 0; i < 7; i++) {
        chain[i] = epoll_create1(0);
    }
    errno = 0;
    other = 0;
    for (int i = 0; i < 6 && other == 0; i++) {
        struct epoll_event event = {.events = EPOLLIN};

        other = epoll_ctl(chain[i + 1], EPOLL_CTL_ADD, chain[i], &event) == 0 ? 0 : i + 1;
    }
    OK(other > 0 && errno == ELOOP, "epoll: too deep");
    struct epoll_event event = {.events = EPOLLIN};
    FAILS(epoll_ctl(chain[0], EPOLL_CTL_ADD, chain[1], &event), ELOOP, "epoll: a circle");
    for (int i = 0; i < 7; i++) {
        close(chain[i]);
    }
    close(file);
}

static void test_epoll_modes(void)
{
    struct pollfd set = {ep, POLLIN, 0};
    int copy;

    add(fd[0], EPOLLIN | EPOLLONESHOT, EPOLL_CTL_ADD);
    give();
    OK(epoll_wait(ep, got, 8, 0) == 1 && epoll_wait(ep, got, 8, 0) == 0, "EPOLLONESHOT");
    OK(add(fd[0], EPOLLIN | EPOLLONESHOT, EPOLL_CTL_MOD) == 0 && epoll_wait(ep, got, 8, 0) == 1,
       "armed again");
    take();
    add(fd[0], EPOLLIN | EPOLLET, EPOLL_CTL_MOD);
    OK(epoll_wait(ep, got, 8, 0) == 0, "EPOLLET: nothing");
    give();
    give();
    OK(epoll_wait(ep, got, 8, 0) == 1 && epoll_wait(ep, got, 8, 0) == 0, "EPOLLET: once");
    take();
    OK(epoll_wait(ep, got, 8, 0) == 0, "EPOLLET: not for what is left");
    take();
    add(fd[0], 0, EPOLL_CTL_DEL);
    OK(add(fd[1], EPOLLOUT | EPOLLET, EPOLL_CTL_ADD) == 0 && epoll_wait(ep, got, 8, 0) == 1 &&
           (got[0].events & EPOLLOUT) && epoll_wait(ep, got, 8, 0) == 0,
       "EPOLLET: writable");
    add(fd[1], 0, EPOLL_CTL_DEL);
    FAILS(add(fd[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, EPOLL_CTL_ADD), EINVAL,
          "EPOLLEXCLUSIVE with EPOLLONESHOT");
    OK(add(fd[0], EPOLLIN | EPOLLEXCLUSIVE, EPOLL_CTL_ADD) == 0, "EPOLLEXCLUSIVE");
    FAILS(add(fd[0], EPOLLIN, EPOLL_CTL_MOD), EINVAL, "EPOLLEXCLUSIVE is not to be changed");
    OK(poll(&set, 1, 0) == 0, "an epoll is polled");
    give();
    OK(poll(&set, 1, 0) == 1 && set.revents == POLLIN, "and readable");
    take();
    add(fd[0], 0, EPOLL_CTL_DEL);
    add(fd[0], EPOLLIN, EPOLL_CTL_ADD);
    copy = dup(fd[0]);
    OK(add(copy, EPOLLIN, EPOLL_CTL_ADD) == 0, "another descriptor of the same file");
    give();
    OK(epoll_wait(ep, got, 8, 0) == 2, "both are told");
    close(copy);
    OK(epoll_wait(ep, got, 8, 0) == 2, "also if one is closed, while the file is open");
    take();
    add(fd[0], 0, EPOLL_CTL_DEL);
}

static _Atomic int woken;
static _Atomic int waiters[3];
static int exclusive[2], over;

static void *wait_exclusive(void *arg)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE}, out;
    struct epoll_event end = {.events = EPOLLIN, .data.fd = over};
    int own = epoll_create1(0);

    epoll_ctl(own, EPOLL_CTL_ADD, exclusive[0], &event);
    epoll_ctl(own, EPOLL_CTL_ADD, over, &end);
    atomic_store((_Atomic int *)arg, (int)syscall(SYS_gettid));
    if (epoll_wait(own, &out, 1, -1) == 1 && out.data.fd != over) {
        atomic_fetch_add(&woken, 1);
    }
    close(own);
    return NULL;
}

static void test_exclusive(void)
{
    pthread_t thread[3];

    uint64_t one = 1;
    char byte;

    tap_need(pipe2(exclusive, O_NONBLOCK) == 0 && (over = eventfd(0, 0)) >= 0, "pipe");
    for (int i = 0; i < 3; i++) {
        pthread_create(&thread[i], NULL, wait_exclusive, (void *)&waiters[i]);
        while (waiters[i] == 0) {
            sched_yield();
        }
        tap_until_asleep(waiters[i]);
    }
    (void)!write(exclusive[1], "x", 1);
    while (woken == 0) {
        usleep(1000);
    }
    usleep(50000);
    OK(woken == 1, "EPOLLEXCLUSIVE wakes one of three");
    /* The others find nothing but the end. */
    (void)!read(exclusive[0], &byte, 1);
    (void)!write(over, &one, 8);
    for (int i = 0; i < 3; i++) {
        pthread_join(thread[i], NULL);
    }
    close(exclusive[0]), close(exclusive[1]), close(over);
}

static void test_hangups(void)
{
    int pair[2];

    tap_need(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
    add(pair[0], EPOLLIN | EPOLLRDHUP, EPOLL_CTL_ADD);
    shutdown(pair[1], SHUT_WR);
    OK(epoll_wait(ep, got, 8, 0) == 1 && got[0].events == (EPOLLIN | EPOLLRDHUP), "EPOLLRDHUP");
    close(pair[1]);
    OK(epoll_wait(ep, got, 8, 0) == 1 && (got[0].events & EPOLLHUP), "EPOLLHUP");
    close(pair[0]);
    OK(epoll_wait(ep, got, 8, 0) == 0, "closed");
    struct timespec time = {0, 5000000};
    OK(syscall(441, ep, got, 8, &time, NULL, 8) == 0, "epoll_pwait2");
    FAILS(syscall(441, ep, got, 8, &(struct timespec){0, 1000000000}, NULL, 8), EINVAL,
          "epoll_pwait2: bad time");
}

static void test_eventfd(void)
{
    uint64_t value = 3, most = 0xfffffffffffffffe;
    int counter = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
    struct pollfd set = {counter, POLLIN | POLLOUT, 0};

    FAILS(eventfd(0, 2), EINVAL, "eventfd: unknown flag");
    OK(read(counter, &value, 8) == 8 && value == 1 && read(counter, &value, 8) == 8 && value == 1,
       "EFD_SEMAPHORE");
    FAILS(read(counter, &value, 8), EAGAIN, "eventfd: 0");
    FAILS(read(counter, &value, 4), EINVAL, "eventfd: too little room");
    value = ~0ull;
    FAILS(write(counter, &value, 8), EINVAL, "eventfd: too much");
    OK(write(counter, &most, 8) == 8, "eventfd: the most");
    value = 1;
    FAILS(write(counter, &value, 8), EAGAIN, "eventfd: no more");
    OK(poll(&set, 1, 0) == 1 && set.revents == POLLIN, "eventfd: not to be written now");
    close(counter);
}

/* ---- inotify ------------------------------------------------------------------------------ */

static char events[8192] __attribute__((aligned(8)));
static ssize_t events_size, events_at;

static const struct inotify_event *next_event(int in)
{
    const struct inotify_event *event;

    if (events_at >= events_size) {
        events_at = 0;
        events_size = read(in, events, sizeof(events));
        if (events_size <= 0) {
            events_size = 0;
            return NULL;
        }
    }
    event = (const struct inotify_event *)(events + events_at);
    events_at += (ssize_t)(sizeof(*event) + event->len);
    return event;
}

static bool next_is(int in, uint32_t mask, const char *name)
{
    const struct inotify_event *event = next_event(in);
    bool good = event != NULL && event->mask == mask &&
                strcmp(event->len > 0 ? event->name : "", name) == 0;

    if (!good) {
        printf("# event %x %s\n", event != NULL ? event->mask : 0,
               event != NULL && event->len > 0 ? event->name : "");
    }
    return good;
}

static void test_inotify(void)
{
    const char *folder = tap_folder();
    int in = inotify_init1(IN_NONBLOCK), dir, file, watch, size;

    tap_need(chdir(folder) == 0, "chdir");
    FAILS(inotify_init1(1), EINVAL, "inotify: unknown flag");
    FAILS(inotify_add_watch(in, "none", IN_CREATE), ENOENT, "inotify: nothing there");
    FAILS(inotify_add_watch(in, ".", 0), EINVAL, "inotify: no events");
    FAILS(inotify_add_watch(fd[0], ".", IN_CREATE), EINVAL, "inotify: not one");
    FAILS(inotify_add_watch(99, ".", IN_CREATE), EBADF, "inotify: nothing");
    FAILS(inotify_rm_watch(in, 77), EINVAL, "inotify: no watch");
    dir = inotify_add_watch(in, ".", IN_ALL_EVENTS);
    FAILS(inotify_add_watch(in, ".", IN_ALL_EVENTS | IN_MASK_CREATE), EEXIST, "IN_MASK_CREATE");
    OK(inotify_add_watch(in, ".", IN_ALL_EVENTS) == dir, "the same watch");
    file = open("a", O_CREAT | O_RDWR, 0600);
    OK(next_is(in, IN_CREATE, "a") && next_is(in, IN_OPEN, "a"), "IN_CREATE, IN_OPEN");
    (void)!write(file, "text", 4);
    OK(next_is(in, IN_MODIFY, "a"), "IN_MODIFY");
    (void)!pread(file, events + 4000, 4, 0);
    OK(next_is(in, IN_ACCESS, "a"), "IN_ACCESS");
    fchmod(file, 0644);
    OK(next_is(in, IN_ATTRIB, "a"), "IN_ATTRIB");
    (void)!ftruncate(file, 1);
    OK(next_is(in, IN_MODIFY, "a"), "IN_MODIFY by ftruncate");
    close(file);
    OK(next_is(in, IN_CLOSE_WRITE, "a"), "IN_CLOSE_WRITE");
    rename("a", "b");
    const struct inotify_event *event = next_event(in);
    uint32_t cookie = event != NULL ? event->cookie : 0;
    OK(event != NULL && event->mask == IN_MOVED_FROM && cookie != 0, "IN_MOVED_FROM");
    event = next_event(in);
    OK(event != NULL && event->mask == IN_MOVED_TO && event->cookie == cookie &&
           strcmp(event->name, "b") == 0,
       "IN_MOVED_TO");
    mkdir("sub", 0700);
    OK(next_is(in, IN_CREATE | IN_ISDIR, "sub"), "IN_ISDIR");
    rmdir("sub");
    OK(next_is(in, IN_DELETE | IN_ISDIR, "sub"), "IN_DELETE of a folder");
    watch = inotify_add_watch(in, "b", IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB);
    rename("b", "c");
    OK(next_is(in, IN_MOVED_FROM, "b") && next_is(in, IN_MOVED_TO, "c") &&
           next_is(in, IN_MOVE_SELF, ""),
       "IN_MOVE_SELF");
    unlink("c");
    OK(next_is(in, IN_ATTRIB, "") && next_is(in, IN_DELETE_SELF, "") &&
           next_is(in, IN_IGNORED, "") && next_is(in, IN_DELETE, "c"),
       "the end of a watched file");
    FAILS(inotify_rm_watch(in, watch), EINVAL, "its watch is gone");
    OK(inotify_rm_watch(in, dir) == 0 && next_is(in, IN_IGNORED, ""), "IN_IGNORED");
    inotify_add_watch(in, ".", IN_MODIFY | IN_EXCL_UNLINK | IN_ONLYDIR);
    file = open("d", O_CREAT | O_RDWR, 0600);
    (void)!write(file, "x", 1);
    OK(next_is(in, IN_MODIFY, "d"), "a file of the folder");
    unlink("d");
    (void)!write(file, "x", 1);
    OK(next_event(in) == NULL, "IN_EXCL_UNLINK: not once it is removed");
    close(file);
    inotify_add_watch(in, ".", IN_CREATE | IN_ONESHOT);
    close(open("e", O_CREAT | O_RDWR, 0600)), close(open("f", O_CREAT | O_RDWR, 0600));
    OK(ioctl(in, FIONREAD, &size) == 0 && size > 0, "FIONREAD");
    OK(next_is(in, IN_CREATE, "e") && next_is(in, IN_IGNORED, "") && next_event(in) == NULL,
       "IN_ONESHOT");
    FAILS(inotify_add_watch(in, "e", IN_ONLYDIR | IN_CREATE), ENOTDIR, "IN_ONLYDIR");
    inotify_add_watch(in, ".", IN_CREATE | IN_DELETE);
    close(open("g", O_CREAT | O_RDWR, 0600));
    FAILS(read(in, events, 4), EINVAL, "inotify: too little room");
    unlink("e"), unlink("f"), unlink("g");
    close(in);
    OK(chdir("/") == 0 && rmdir(folder) == 0, "clean");
}

int main(void)
{
    alarm(60);
    tap_need(pipe(fd) == 0 && (ep = epoll_create1(0)) >= 0, "pipe");
    test_poll();
    test_select();
    test_epoll_errors();
    test_epoll_modes();
    test_exclusive();
    test_hangups();
    test_eventfd();
    test_inotify();
    return tap_end();
}
