/* SPDX-License-Identifier: MIT */
/*
 * AF_UNIX on a kernel that checks its locks and its memory: connections made and ended by many
 * threads, sockets under way, and each allocation failing once.  What the calls answer is
 * compared with Linux by tests/programs/sockets.c and sockmsg.c.
 */
#include "event_help.h"

#include <kernel/kmalloc.h>

#define STREAM 1
#define DONTWAIT 0x40
#define NOSIGNAL 0x4000
#define SERVERS 3u
#define CLIENTS 3u
#define ROUNDS 300u
#define AREA 4096u /* of the memory, for each thread */

static struct {
    u8 *memory;
    int listener;
    _Atomic u64 failures, served;
} s;

/* An abstract name at `at`; its length. */
static u64 put_name(u8 *at, char letter)
{
    const u8 name[4] = {1, 0, 0, (u8)letter};

    memcpy(at, name, sizeof(name));
    return sizeof(name);
}

static s64 make_socket(void)
{
    return sys_socket(1, STREAM, 0, 0, 0, 0);
}

static s64 send_byte(s64 fd, u8 *area)
{
    return sys_sendto((u64)fd, (u64)area, 1, NOSIGNAL, 0, 0);
}

static s64 receive_byte(s64 fd, u8 *area)
{
    return sys_recvfrom((u64)fd, (u64)area, 1, 0, 0, 0);
}

static void serve(void *arg)
{
    u8 *area = s.memory + (u64)arg * AREA;
    s64 fd;

    while ((fd = sys_accept4((u64)s.listener, 0, 0, 0, 0, 0)) >= 0) {
        s.failures += receive_byte(fd, area) != 1 || send_byte(fd, area) != 1;
        s.failures += fd_close((int)fd) != 0;
        s.served++;
    }
    s.failures += fd != -EINVAL; /* it was shut */
}

static void ask(void *arg)
{
    u8 *area = s.memory + (u64)arg * AREA;
    u64 len = put_name(area + 64, 's');

    for (unsigned i = 0; i < ROUNDS; i++) {
        s64 fd = make_socket();

        s.failures += sys_connect((u64)fd, (u64)area + 64, len, 0, 0, 0) != 0;
        s.failures += send_byte(fd, area) != 1 || receive_byte(fd, area) != 1;
        s.failures += fd_close((int)fd) != 0;
    }
}

GUEST_TEST(socket_many_connections)
{
    struct thread *threads[SERVERS + CLIENTS];
    u64 len;

    memset(&s, 0, sizeof(s));
    s.memory = event_memory();
    memset(s.memory, 0, (SERVERS + CLIENTS + 1) * AREA);
    s.listener = (int)make_socket();
    len = put_name(s.memory, 's');
    EQ(sys_bind((u64)s.listener, (u64)s.memory, len, 0, 0, 0), 0);
    EQ(sys_listen((u64)s.listener, 1, 0, 0, 0, 0), 0);
    for (u64 i = 0; i < SERVERS + CLIENTS; i++) {
        threads[i] = start_kernel(i < SERVERS ? serve : ask, (void *)i, 0, SCHED_CLASS_FAIR);
    }
    for (unsigned i = SERVERS; i < SERVERS + CLIENTS; i++) {
        join(threads[i]);
    }
    EVENTUALLY(s.served == CLIENTS * ROUNDS);
    EQ(sys_shutdown((u64)s.listener, 0, 0, 0, 0, 0), 0);
    for (unsigned i = 0; i < SERVERS; i++) {
        join(threads[i]);
    }
    EQ(s.failures, 0);
    EQ(fd_close(s.listener), 0);
    event_memory_free(s.memory);
}

/* ---- Sockets under way ------------------------------------------------------------------- */

struct cmsg {
    u64 len;
    u32 level, type;
    s32 fds[2];
};

/* Both ends of a new pair into its own queue, or into that of `to`; then they are closed. */
static s64 lose_pair(u8 *area, int to)
{
    struct cmsg *cmsg = (struct cmsg *)(area + 512);
    struct iovec *vec = (struct iovec *)(area + 256);
    u64 *header = (u64 *)area;
    s64 err = sys_socketpair(1, STREAM, 0, (u64)area + 1024, 0, 0);
    int fds[2];

    if (err != 0) {
        return err;
    }
    memcpy(fds, area + 1024, sizeof(fds));
    memset(header, 0, 56);
    *vec = (struct iovec){area + 2048, 1};
    *cmsg = (struct cmsg){.len = sizeof(*cmsg), .level = 1, .type = 1, .fds = {fds[0], fds[1]}};
    header[2] = (u64)vec;
    header[3] = 1;
    header[4] = (u64)cmsg;
    header[5] = sizeof(*cmsg);
    err = sys_sendmsg((u64)(to >= 0 ? to : fds[0]), (u64)header, NOSIGNAL | DONTWAIT, 0, 0, 0);
    EQ(fd_close(fds[0]), 0);
    EQ(fd_close(fds[1]), 0);
    return err < 0 ? err : 0;
}

static void lose_many(void *arg)
{
    u8 *area = s.memory + (u64)arg * AREA;

    for (unsigned i = 0; i < ROUNDS; i++) {
        s64 err = lose_pair(area, i % 2 == 0 ? -1 : s.listener);

        s.failures += err != 0 && err != -EAGAIN;
        if (i % 3 == 0) {
            (void)sys_recvfrom((u64)s.listener + 1, (u64)area, 9, DONTWAIT, 0, 0);
        }
    }
}

GUEST_TEST(socket_lost_ones_go)
{
    struct kmalloc_stats before, after;
    struct thread *threads[CLIENTS];
    int pair[2];

    memset(&s, 0, sizeof(s));
    s.memory = event_memory();
    memset(s.memory, 0, (CLIENTS + 1) * AREA);
    EQ(lose_pair(s.memory, -1), 0);
    EQ(sys_socketpair(1, STREAM, 0, (u64)s.memory, 0, 0), 0);
    memcpy(pair, s.memory, sizeof(pair));
    s.listener = pair[0];
    EQ(pair[1], pair[0] + 1);
    for (u64 i = 0; i < CLIENTS; i++) {
        threads[i] = start_kernel(lose_many, (void *)i, 0, SCHED_CLASS_FAIR);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        join(threads[i]);
    }
    EQ(s.failures, 0);
    EQ(fd_close(pair[0]), 0);
    EQ(fd_close(pair[1]), 0);
    /* All files have been made by now; what is lost from here on leaves nothing. */
    kmalloc_get_stats(&before);
    for (unsigned i = 0; i < 100; i++) {
        EQ(lose_pair(s.memory, -1), 0);
    }
    EQ(sys_socketpair(1, STREAM, 0, (u64)s.memory, 0, 0), 0);
    memcpy(pair, s.memory, sizeof(pair));
    EQ(fd_close(pair[0]), 0);
    EQ(fd_close(pair[1]), 0);
    kmalloc_get_stats(&after);
    EQ(after.objects, before.objects);
    event_memory_free(s.memory);
}

/* ---- Without memory ------------------------------------------------------------------------ */

/* All that a connection is made of. */
static s64 converse(void)
{
    s64 server = make_socket(), client = make_socket(), accepted = -ENOMEM, err = -ENOMEM;
    u64 len = put_name(s.memory, 'm');

    if (server >= 0 && client >= 0) {
        err = sys_bind((u64)server, (u64)s.memory, len, 0, 0, 0);
        err = err != 0 ? err : sys_listen((u64)server, 1, 0, 0, 0, 0);
        err = err != 0 ? err : sys_connect((u64)client, (u64)s.memory, len, 0, 0, 0);
    }
    if (err == 0) {
        accepted = sys_accept4((u64)server, 0, 0, 0, 0, 0);
        err = accepted < 0 ? accepted : 0;
    }
    if (err == 0) {
        err = send_byte(client, s.memory + 64);
        err = err == 1 ? receive_byte(accepted, s.memory + 64) : err;
        err = err == 1 ? 0 : err;
    }
    for (unsigned i = 0; i < 3; i++) {
        s64 fd = i == 0 ? server : i == 1 ? client : accepted;

        if (fd >= 0) {
            EQ(fd_close((int)fd), 0);
        }
    }
    return err;
}

GUEST_TEST(socket_no_memory)
{
    struct kmalloc_stats before, after;
    s64 err = -ENOMEM;

    memset(&s, 0, sizeof(s));
    s.memory = event_memory();
    memset(s.memory, 0, AREA);
    EQ(converse(), 0);
    EQ(lose_pair(s.memory, -1), 0);
    EQ(converse(), 0);
    kmalloc_get_stats(&before);
    for (u64 n = 0; err != 0 && n < 40; n++) {
        kmalloc_fail_after(n);
        err = converse();
        kmalloc_fail_after((u64)-1);
        OK(err == 0 || err == -ENOMEM || err == -ENOBUFS);
    }
    EQ(err, 0);
    for (u64 n = 0, tries = 1; tries != 0 && n < 40; n++) {
        kmalloc_fail_after(n);
        err = lose_pair(s.memory, -1);
        kmalloc_fail_after((u64)-1);
        OK(err == 0 || err == -ENOMEM || err == -ENOBUFS);
        tries = err != 0;
    }
    EQ(err, 0);
    EQ(converse(), 0);
    kmalloc_get_stats(&after);
    EQ(after.objects, before.objects);
    event_memory_free(s.memory);
}
