/* SPDX-License-Identifier: MIT */
/*
 * System calls as a program makes them, through its C library: the cheapest
 * one, the clock, descriptors, a pipe that one thread fills and empties, epoll.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define CALLS 2000 /* of one sample */

static struct {
    int pipe[2];
    int epoll, event;
    char byte;
} files;

static void need(bool done, const char *what)
{
    if (!done) {
        bench_fail(what, errno);
    }
}

static void call_getppid(void)
{
    getppid();
}

static void call_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
}

static void call_fcntl(void)
{
    fcntl(files.pipe[0], F_GETFL);
}

static void call_lseek(void)
{
    lseek(files.pipe[0], 0, SEEK_CUR); /* refused, as a pipe is: the error's way */
}

static void call_pipe(void)
{
    need(write(files.pipe[1], &files.byte, 1) == 1, "write");
    need(read(files.pipe[0], &files.byte, 1) == 1, "read");
}

static void call_eventfd(void)
{
    uint64_t count = 1;

    need(write(files.event, &count, sizeof(count)) == sizeof(count), "write");
    need(read(files.event, &count, sizeof(count)) == sizeof(count), "read");
}

static void call_epoll_ctl(void)
{
    struct epoll_event event = {.events = EPOLLIN};

    need(epoll_ctl(files.epoll, EPOLL_CTL_MOD, files.pipe[0], &event) == 0, "epoll_ctl");
}

static void call_epoll_add(void)
{
    struct epoll_event event = {.events = EPOLLIN};

    need(epoll_ctl(files.epoll, EPOLL_CTL_ADD, files.event, &event) == 0, "epoll_ctl");
    need(epoll_ctl(files.epoll, EPOLL_CTL_DEL, files.event, &event) == 0, "epoll_ctl");
}

/* One descriptor is ready, and is reported each time. */
static void call_epoll_wait(void)
{
    struct epoll_event event;

    need(epoll_wait(files.epoll, &event, 1, 0) == 1, "epoll_wait");
}

/* A row of `calls` calls for each use of `call`. */
static void run(const char *name, void (*call)(void), unsigned calls)
{
    bench_begin(bench_name("calls", name), "ns", 200);
    while (bench_more()) {
        uint64_t start = bench_ticks();

        for (unsigned i = 0; i < CALLS; i++) {
            call();
        }
        bench_add_ticks(bench_ticks() - start, (uint64_t)CALLS * calls);
    }
    bench_end();
}

static void run_calls(void)
{
    bench_pin(0);
    run("getppid", call_getppid, 1);
    run("clock", call_clock, 1);
}

static void run_files(void)
{
    struct epoll_event event = {.events = EPOLLIN};

    bench_pin(0);
    need(pipe(files.pipe) == 0, "pipe");
    files.event = eventfd(0, 0);
    need(files.event >= 0, "eventfd");
    files.epoll = epoll_create1(0);
    need(files.epoll >= 0, "epoll_create1");
    run("fcntl", call_fcntl, 1);
    run("lseek_pipe", call_lseek, 1);
    run("pipe", call_pipe, 2);
    run("eventfd", call_eventfd, 2);
    need(epoll_ctl(files.epoll, EPOLL_CTL_ADD, files.pipe[0], &event) == 0, "epoll_ctl");
    run("epoll_ctl_mod", call_epoll_ctl, 1);
    run("epoll_ctl_add_del", call_epoll_add, 2);
    need(write(files.pipe[1], &files.byte, 1) == 1, "write");
    run("epoll_wait", call_epoll_wait, 1);
}

const struct bench_group bench_groups[] = {
    {"calls", run_calls},
    {"files", run_files},
    {NULL, NULL},
};
