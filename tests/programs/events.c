/* SPDX-License-Identifier: MIT */
/* Pipes, poll, select, epoll, eventfd, timerfd, inotify. */
#include "tap.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/timerfd.h>
#include <unistd.h>

static char big[200000];

static void *drain(void *arg)
{
    static char buf[4096];
    long sum = 0;
    ssize_t got;

    while ((got = read(*(int *)arg, buf, sizeof(buf))) > 0) {
        sum += got;
    }
    return (void *)sum;
}

static void test_pipe(void)
{
    int fd[2], size;
    pthread_t thread;
    void *sum;
    char buf[8];

    OK(pipe(fd) == 0, "pipe");
    OK(write(fd[1], "hello", 5) == 5 && ioctl(fd[0], FIONREAD, &size) == 0 && size == 5,
       "FIONREAD");
    OK(read(fd[0], buf, sizeof(buf)) == 5 && memcmp(buf, "hello", 5) == 0,
       "read gets what there is");
    fcntl(fd[0], F_SETFL, O_NONBLOCK);
    FAILS(read(fd[0], buf, 1), EAGAIN, "nothing there");
    fcntl(fd[0], F_SETFL, 0);
    pthread_create(&thread, NULL, drain, &fd[0]);
    OK(write(fd[1], big, sizeof(big)) == sizeof(big), "a write larger than the pipe");
    close(fd[1]);
    pthread_join(thread, &sum);
    OK((long)sum == sizeof(big), "all of it arrives, and then the end");
    FAILS(lseek(fd[0], 0, SEEK_CUR), ESPIPE, "no position");
    close(fd[0]);
    OK(pipe2(fd, O_NONBLOCK | O_CLOEXEC) == 0 && fcntl(fd[0], F_GETFD) == FD_CLOEXEC, "pipe2");
    size = (int)write(fd[1], big, sizeof(big));
    OK(size == 65536, "its size is 64 KiB");
    FAILS(write(fd[1], big, 1), EAGAIN, "full");
    close(fd[0]);
    close(fd[1]);
}

static void test_poll(void)
{
    struct pollfd set[2];
    struct timeval zero = {0, 0};
    fd_set fds;
    int fd[2];

    tap_need(pipe(fd) == 0, "pipe");
    set[0] = (struct pollfd){fd[0], POLLIN, 0};
    set[1] = (struct pollfd){fd[1], POLLOUT, 0};
    OK(poll(set, 2, 0) == 1 && set[0].revents == 0 && set[1].revents == POLLOUT,
       "an empty pipe is writable");
    OK(poll(set, 1, 5) == 0, "a timeout");
    (void)!write(fd[1], "x", 1);
    OK(poll(set, 1, -1) == 1 && set[0].revents == POLLIN, "readable");
    FD_ZERO(&fds);
    FD_SET(fd[0], &fds);
    OK(select(fd[0] + 1, &fds, NULL, NULL, &zero) == 1 && FD_ISSET(fd[0], &fds), "select");
    close(fd[1]);
    OK(poll(set, 1, 0) == 1 && set[0].revents == (POLLIN | POLLHUP), "POLLHUP");
    close(fd[0]);
    OK(poll(set, 1, 0) == 1 && set[0].revents == POLLNVAL, "POLLNVAL");
}

static void *write_later(void *arg)
{
    usleep(5000);
    (void)!write(*(int *)arg, "y", 1);
    return NULL;
}

static void test_epoll(void)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0x123456789abcull}, got[4];
    int fd[2], ep = epoll_create1(EPOLL_CLOEXEC);
    pthread_t thread;
    char byte;

    tap_need(pipe(fd) == 0 && ep >= 0, "epoll_create1");
    OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd[0], &event) == 0, "add");
    FAILS(epoll_ctl(ep, EPOLL_CTL_ADD, fd[0], &event), EEXIST, "add again");
    FAILS(epoll_ctl(ep, EPOLL_CTL_DEL, fd[1], NULL), ENOENT, "remove what is not there");
    FAILS(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &event), EINVAL, "itself");
    OK(epoll_wait(ep, got, 4, 0) == 0, "nothing");
    pthread_create(&thread, NULL, write_later, &fd[1]);
    OK(epoll_wait(ep, got, 4, -1) == 1 && got[0].events == EPOLLIN &&
           got[0].data.u64 == 0x123456789abcull,
       "woken by a write");
    pthread_join(thread, NULL);
    OK(epoll_wait(ep, got, 4, 0) == 1, "level: again");
    event.events = EPOLLIN | EPOLLET;
    epoll_ctl(ep, EPOLL_CTL_MOD, fd[0], &event);
    OK(epoll_wait(ep, got, 4, 0) == 1 && epoll_wait(ep, got, 4, 0) == 0, "edge: once");
    (void)!write(fd[1], "z", 1);
    OK(epoll_wait(ep, got, 4, 0) == 1, "and once more after a write");
    event.events = EPOLLIN | EPOLLONESHOT;
    epoll_ctl(ep, EPOLL_CTL_MOD, fd[0], &event);
    OK(epoll_wait(ep, got, 4, 0) == 1 && write(fd[1], "z", 1) == 1 &&
           epoll_wait(ep, got, 4, 0) == 0,
       "oneshot");
    (void)!read(fd[0], &byte, 1);
    close(fd[0]);
    close(fd[1]);
    OK(epoll_wait(ep, got, 4, 0) == 0, "closed files are gone");
    close(ep);
}

static void test_counters(void)
{
    struct itimerspec once = {{0, 0}, {0, 2000000}};
    struct pollfd set;
    uint64_t value = 5;
    int fd = eventfd(3, EFD_NONBLOCK);

    OK(write(fd, &value, 8) == 8 && read(fd, &value, 8) == 8 && value == 8, "eventfd adds");
    FAILS(read(fd, &value, 8), EAGAIN, "then it is 0");
    close(fd);
    fd = timerfd_create(CLOCK_MONOTONIC, 0);
    set = (struct pollfd){fd, POLLIN, 0};
    OK(timerfd_settime(fd, 0, &once, NULL) == 0 && poll(&set, 1, -1) == 1 &&
           read(fd, &value, 8) == 8 && value == 1,
       "timerfd");
    close(fd);
}

static void test_inotify(void)
{
    char buf[4096] __attribute__((aligned(8)));
    const char *folder = tap_folder();
    const struct inotify_event *event = (const struct inotify_event *)buf;
    int fd = inotify_init1(IN_NONBLOCK), dir, file;

    tap_need(chdir(folder) == 0, "chdir");
    dir = inotify_add_watch(fd, ".", IN_CREATE | IN_DELETE);
    OK(fd >= 0 && dir >= 0, "inotify_add_watch");
    file = open("new", O_CREAT | O_WRONLY, 0600);
    close(file);
    OK(read(fd, buf, sizeof(buf)) > 0 && event->wd == dir && event->mask == IN_CREATE &&
           strcmp(event->name, "new") == 0,
       "IN_CREATE");
    unlink("new");
    OK(read(fd, buf, sizeof(buf)) > 0 && event->mask == IN_DELETE, "IN_DELETE");
    FAILS(read(fd, buf, sizeof(buf)), EAGAIN, "nothing more");
    close(fd);
    OK(chdir("/") == 0 && rmdir(folder) == 0, "clean");
}

int main(void)
{
    test_pipe();
    test_poll();
    test_epoll();
    test_counters();
    test_inotify();
    return tap_end();
}
