/* SPDX-License-Identifier: MIT */
/*
 * Messages on AF_UNIX sockets: datagrams and packets, addresses, peeking, credentials, files
 * that are passed along, and sockets that only wait for themselves.
 */
#include "tap.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define BASE offsetof(struct sockaddr_un, sun_path)

static char bytes[1 << 18];
static const char *folder;

static struct sockaddr_un address(const char *name)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s", folder, name);
    return a;
}

static int make(int type)
{
    int fd = socket(AF_UNIX, type, 0);

    tap_need(fd >= 0, "socket");
    return fd;
}

static int named(const char *name)
{
    struct sockaddr_un a = address(name);
    int fd = make(SOCK_DGRAM | SOCK_NONBLOCK);

    unlink(a.sun_path);
    tap_need(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0, "bind");
    return fd;
}

static long send_to(int fd, const char *name, const void *data, size_t size)
{
    struct sockaddr_un a = address(name);

    return sendto(fd, data, size, 0, (struct sockaddr *)&a, sizeof(a));
}

static int connect_to(int fd, const char *name)
{
    struct sockaddr_un a = address(name);

    return connect(fd, (struct sockaddr *)&a, sizeof(a));
}

static int events_of(int fd)
{
    struct pollfd set = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};

    return poll(&set, 1, 0) < 0 ? -1 : set.revents;
}

static void test_datagrams(void)
{
    int a = named("a"), b = named("b"), nameless = make(SOCK_DGRAM), count = 0;
    struct sockaddr_un from = {0}, none = {.sun_family = AF_UNSPEC};
    socklen_t len = sizeof(from);

    OK(events_of(a) == POLLOUT, "poll: datagrams, nothing there");
    FAILS(recv(a, bytes, 9, 0), EAGAIN, "recv: nothing there");
    FAILS(send(a, "x", 1, 0), ENOTCONN, "send: to nobody");
    FAILS(send_to(a, "nowhere", "x", 1), ENOENT, "sendto: nowhere");
    FAILS(sendto(a, "x", 1, 0, (struct sockaddr *)&from, 1), EINVAL, "sendto: a short name");
    FAILS(sendto(a, "x", 1, 0, (struct sockaddr *)8, 20), EFAULT, "sendto: a name from nowhere");
    FAILS(send_to(a, "b", (void *)8, 5), EFAULT, "sendto: bytes from nowhere");
    FAILS(send_to(a, "b", bytes, 212992), EMSGSIZE, "sendto: too large");
    OK(send_to(a, "b", "one", 3) == 3 && send_to(nameless, "b", "three", 5) == 5 &&
           send_to(a, "b", "", 0) == 0,
       "sendto");
    OK(ioctl(b, FIONREAD, &count) == 0 && count == 3, "FIONREAD: the first datagram");
    memset(&from, 1, sizeof(from));
    OK(recvfrom(b, bytes, 99, 0, (struct sockaddr *)&from, &len) == 3 &&
           len == BASE + strlen(address("a").sun_path) + 1 &&
           strcmp(from.sun_path, address("a").sun_path) == 0,
       "recvfrom: who sent it");
    len = sizeof(from);
    OK(recvfrom(b, bytes, 2, MSG_TRUNC, (struct sockaddr *)&from, &len) == 5 && len == 0,
       "recvfrom: from somebody without a name, cut");
    OK(recv(b, bytes, 9, 0) == 0, "recv: an empty one");
    FAILS(recv(b, bytes, 9, 0), EAGAIN, "recv: no more");
    OK(send_to(b, "b", "self", 4) == 4 && recv(b, bytes, 9, 0) == 4, "sendto: to itself");
    OK(connect_to(a, "b") == 0 && send(a, "two", 3, 0) == 3, "connect, send");
    OK(connect_to(b, "nameless") < 0 && errno == ENOENT, "connect: nowhere");
    OK(connect_to(b, "a") == 0, "connect: back");
    FAILS(send_to(nameless, "b", "x", 1), EPERM, "sendto: who listens to another");
    FAILS(connect_to(nameless, "b"), EPERM, "connect: to who listens to another");
    OK(send_to(a, "b", "again", 5) == 5, "sendto: a name, though connected");
    OK(recv(b, bytes, 9, 0) == 3 && recv(b, bytes, 9, 0) == 5, "recv");
    len = sizeof(from);
    OK(getpeername(a, (struct sockaddr *)&from, &len) == 0 &&
           strcmp(from.sun_path, address("b").sun_path) == 0,
       "getpeername");
    OK(connect(a, (struct sockaddr *)&none, sizeof(none.sun_family)) == 0, "connect: to nobody");
    FAILS(send(a, "x", 1, 0), ENOTCONN, "send: to nobody again");
    OK(connect_to(a, "b") == 0 && send(a, "lost", 4, 0) == 4, "connect once more");
    close(b);
    FAILS(send(a, "x", 1, 0), ECONNREFUSED, "send: the peer has gone");
    FAILS(send(a, "x", 1, 0), ENOTCONN, "send: there is no peer any more");
    FAILS(send_to(a, "b", "x", 1), ECONNREFUSED, "sendto: the name's socket has gone");
    OK(shutdown(a, SHUT_WR) == 0, "shutdown");
    FAILS(send_to(a, "a", "x", 1), EPIPE, "send: shut");
    OK(events_of(a) == POLLOUT, "poll: shut for writing");
    OK(shutdown(a, SHUT_RD) == 0 && events_of(a) == (POLLIN | POLLOUT | POLLHUP | POLLRDHUP),
       "poll: shut");
    FAILS(recv(a, bytes, 9, 0), EAGAIN, "recv: shut, not to wait");
    fcntl(a, F_SETFL, 0);
    OK(recv(a, bytes, 9, 0) == 0, "recv: shut");
    FAILS(send_to(nameless, "a", "x", 1), EPIPE, "sendto: who is shut for reading");
    close(a), close(nameless);
}

static void test_datagram_flow(void)
{
    int to = named("to"), from = make(SOCK_DGRAM | SOCK_NONBLOCK), pair[2], sent = 0, many = 0;
    struct timeval time = {0, 20000};

    tap_need(connect_to(from, "to") == 0, "connect");
    while (send(from, "x", 1, 0) == 1) {
        sent++;
    }
    OK(errno == EAGAIN && sent == 11, "send: so many datagrams wait");
    OK(events_of(from) == 0, "poll: no room");
    fcntl(from, F_SETFL, 0);
    setsockopt(from, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
    FAILS(send(from, "x", 1, 0), EAGAIN, "send: with a time-out");
    OK(recv(to, bytes, 9, 0) == 1 && events_of(from) == POLLOUT && send(from, "x", 1, 0) == 1,
       "recv: makes room");
    close(from), close(to);
    tap_need(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair) == 0, "socketpair");
    while (send(pair[0], bytes, 1000, 0) == 1000) {
        many++;
    }
    OK(errno == EAGAIN && many > 20 && many < 300, "send: a pair, as much as the buffer holds");
    OK(events_of(pair[0]) == 0, "poll: a pair, full");
    while (recv(pair[1], bytes, 2000, 0) == 1000) {
        many--;
    }
    OK(many == 0 && events_of(pair[0]) == POLLOUT, "recv: all of them");
    close(pair[0]), close(pair[1]);
}

static void test_packets(void)
{
    struct iovec parts[2] = {{"ab", 2}, {"cde", 3}}, in[2] = {{bytes, 1}, {bytes + 100, 3}};
    struct msghdr out = {.msg_iov = parts, .msg_iovlen = 2},
                  back = {.msg_iov = in, .msg_iovlen = 2};
    int fd[2], count = 0;

    tap_need(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fd) == 0, "socketpair");
    OK(sendmsg(fd[0], &out, 0) == 5 && sendmsg(fd[0], &out, MSG_EOR) == 5, "sendmsg: two parts");
    OK(ioctl(fd[1], FIONREAD, &count) == 0 && count == 10, "FIONREAD: all packets");
    OK(recvmsg(fd[1], &back, MSG_PEEK) == 4 && back.msg_flags == MSG_TRUNC, "recvmsg: peek, cut");
    OK(recvmsg(fd[1], &back, 0) == 4 && back.msg_flags == MSG_TRUNC && bytes[0] == 'a' &&
           memcmp(bytes + 100, "bcd", 3) == 0,
       "recvmsg: two parts, cut");
    FAILS(recv(fd[1], (void *)8, 9, 0), EFAULT, "recv: to nowhere");
    FAILS(recv(fd[1], bytes, 9, 0), EAGAIN, "recv: that packet is lost");
    FAILS(send(fd[0], bytes, 300000, 0), EMSGSIZE, "send: too large a packet");
    FAILS(send(fd[0], bytes, 1, MSG_OOB), EOPNOTSUPP, "send: out of band");
    OK(send(fd[0], "x", 1, 0) == 1 && close(fd[0]) == 0, "close");
    OK(events_of(fd[1]) == (POLLIN | POLLOUT | POLLHUP | POLLRDHUP), "poll: the peer has gone");
    OK(recv(fd[1], bytes, 9, 0) == 1 && recv(fd[1], bytes, 9, 0) == 0, "recv: the end");
    FAILS(send(fd[1], "x", 1, MSG_NOSIGNAL), EPIPE, "send: the end");
    close(fd[1]);
    tap_need(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fd) == 0, "socketpair");
    OK(send(fd[0], "x", 1, 0) == 1 && send(fd[1], "y", 1, 0) == 1 && close(fd[0]) == 0,
       "close with a packet unread");
    FAILS(recv(fd[1], bytes, 9, 0), ECONNRESET, "recv: the error comes first");
    OK(recv(fd[1], bytes, 9, 0) == 1 && recv(fd[1], bytes, 9, 0) == 0, "recv: then the packet");
    close(fd[1]);
}

static void *send_later(void *arg)
{
    usleep(20000);
    (void)!write(*(int *)arg, "later", 5);
    return NULL;
}

static void test_streams(void)
{
    int fd[2], low = 6;
    struct timeval time = {0, 20000};
    pthread_t thread;

    tap_need(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0, "socketpair");
    OK(write(fd[0], "abc", 3) == 3 && write(fd[0], "def", 3) == 3, "write");
    OK(recv(fd[1], bytes, 5, MSG_PEEK) == 5 && memcmp(bytes, "abcde", 5) == 0, "recv: peek");
    OK(recv(fd[1], bytes, 4, 0) == 4 && recv(fd[1], bytes, 9, MSG_PEEK) == 2 &&
           memcmp(bytes, "ef", 2) == 0,
       "recv: in other pieces");
    FAILS(recv(fd[1], (void *)8, 1, 0), EFAULT, "recv: to nowhere");
    OK(recv(fd[1], bytes, 9, 0) == 2, "recv: it is still there");
    OK(send(fd[0], "", 0, 0) == 0 && write(fd[0], "", 0) == 0 && read(fd[1], bytes, 0) == 0,
       "nothing is sent, nothing read");
    FAILS(recv(fd[1], bytes, 0, MSG_DONTWAIT), EAGAIN, "recv: no bytes wanted, none there");
    setsockopt(fd[1], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
    FAILS(recv(fd[1], bytes, 9, 0), EAGAIN, "recv: with a time-out");
    OK(write(fd[0], "ab", 2) == 2 && recv(fd[1], bytes, 9, MSG_WAITALL) == 2,
       "recv: all, with a time-out");
    time.tv_usec = 0;
    setsockopt(fd[1], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
    (void)!write(fd[0], "now ", 4);
    pthread_create(&thread, NULL, send_later, &fd[0]);
    OK(recv(fd[1], bytes, 9, MSG_WAITALL) == 9 && memcmp(bytes, "now later", 9) == 0,
       "recv: waits for all");
    pthread_join(thread, NULL);
    OK(setsockopt(fd[1], SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low)) == 0, "SO_RCVLOWAT");
    (void)!write(fd[0], "now ", 4);
    pthread_create(&thread, NULL, send_later, &fd[0]);
    OK(recv(fd[1], bytes, 99, 0) == 9, "recv: waits for some");
    pthread_join(thread, NULL);
    FAILS(sendto(fd[0], "x", 1, 0, (struct sockaddr *)bytes, 20), EISCONN, "sendto: is connected");
    close(fd[0]), close(fd[1]);
    fd[0] = make(SOCK_STREAM);
    FAILS(sendto(fd[0], "x", 1, 0, (struct sockaddr *)bytes, 20), EOPNOTSUPP,
          "sendto: a stream has no names");
    close(fd[0]);
}

static void test_many(void)
{
    struct iovec vec[3] = {{"a", 1}, {"bb", 2}, {"ccc", 3}}, in[4];
    struct mmsghdr out[3] = {0}, back[4] = {0};
    struct timespec time = {0, 20000000};
    int fd[2];

    tap_need(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd) == 0, "socketpair");
    for (int i = 0; i < 4; i++) {
        in[i] = (struct iovec){bytes + 10 * i, 10};
        back[i].msg_hdr = (struct msghdr){.msg_iov = &in[i], .msg_iovlen = 1};
        if (i < 3) {
            out[i].msg_hdr = (struct msghdr){.msg_iov = &vec[i], .msg_iovlen = 1};
        }
    }
    OK(sendmmsg(fd[0], out, 3, 0) == 3 && out[2].msg_len == 3, "sendmmsg");
    OK(recvmmsg(fd[1], back, 4, MSG_WAITFORONE, NULL) == 3 && back[1].msg_len == 2, "recvmmsg");
    OK(sendmmsg(fd[0], out, 2, 0) == 2 && recvmmsg(fd[1], back, 4, MSG_DONTWAIT, &time) == 2,
       "recvmmsg: those that are there");
    FAILS(recvmmsg(fd[1], back, 4, MSG_DONTWAIT, NULL), EAGAIN, "recvmmsg: none");
    FAILS(syscall(SYS_sendmmsg, fd[0], 8, 2, 0), EFAULT, "sendmmsg: from nowhere");
    close(fd[0]), close(fd[1]);
}

/* ---- Credentials ------------------------------------------------------------------------- */

union control {
    struct cmsghdr head;
    char space[256];
};

/* The credentials that came with a byte; pid -1: none did. */
static struct ucred take_credentials(int fd, int *flags)
{
    union control control;
    struct iovec in = {bytes, 9};
    struct msghdr back = {.msg_iov = &in,
                          .msg_iovlen = 1,
                          .msg_control = &control,
                          .msg_controllen = sizeof(control)};
    struct ucred who = {-1, 0, 0};
    struct cmsghdr *head;

    if (recvmsg(fd, &back, MSG_DONTWAIT) > 0 && (head = CMSG_FIRSTHDR(&back)) != NULL &&
        head->cmsg_type == SCM_CREDENTIALS) {
        memcpy(&who, CMSG_DATA(head), sizeof(who));
    }
    *flags = back.msg_flags;
    return who;
}

static long send_credentials(int fd, struct ucred who, size_t size)
{
    union control control;
    struct iovec out = {"x", 1};
    struct msghdr head = {.msg_iov = &out,
                          .msg_iovlen = 1,
                          .msg_control = &control,
                          .msg_controllen = CMSG_SPACE(size)};

    memset(&control, 0, sizeof(control));
    control.head = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(size), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS};
    memcpy(CMSG_DATA(&control.head), &who, size);
    return sendmsg(fd, &head, 0);
}

static void test_credentials(int type)
{
    int fd[2], on = 1, flags;
    struct ucred who, mine = {getpid(), getuid(), getgid()};
    struct iovec in = {bytes, 9};
    struct msghdr back = {.msg_iov = &in, .msg_iovlen = 1};

    tap_need(socketpair(AF_UNIX, type, 0, fd) == 0, "socketpair");
    OK(send(fd[0], "x", 1, 0) == 1 && take_credentials(fd[1], &flags).pid == -1,
       "credentials: not asked for");
    OK(send(fd[0], "x", 1, 0) == 1 && setsockopt(fd[1], SOL_SOCKET, SO_PASSCRED, &on, 4) == 0,
       "SO_PASSCRED");
    who = take_credentials(fd[1], &flags);
    OK(who.pid == 0 && who.uid == 65534 && who.gid == 65534, "credentials: asked for too late");
    OK(send(fd[0], "x", 1, 0) == 1, "send");
    who = take_credentials(fd[1], &flags);
    OK(who.pid == mine.pid && who.uid == mine.uid && who.gid == mine.gid && flags == 0,
       "credentials: of who sent");
    OK(send_credentials(fd[0], mine, sizeof(mine)) == 1 &&
           take_credentials(fd[1], &flags).pid == mine.pid,
       "SCM_CREDENTIALS");
    who = mine, who.pid = 4000000;
    FAILS(send_credentials(fd[0], who, sizeof(who)), ESRCH, "SCM_CREDENTIALS: of nobody");
    FAILS(send_credentials(fd[0], mine, 8), EINVAL, "SCM_CREDENTIALS: short");
    who = mine, who.uid = (uid_t)-1;
    FAILS(send_credentials(fd[0], who, sizeof(who)), EINVAL, "SCM_CREDENTIALS: no such user");
    who.uid = 77;
    OK(send_credentials(fd[0], who, sizeof(who)) == 1 && take_credentials(fd[1], &flags).uid == 77,
       "SCM_CREDENTIALS: root may be anybody");
    if (type == SOCK_STREAM) {
        OK(send(fd[0], "a", 1, 0) == 1 && send_credentials(fd[0], who, sizeof(who)) == 1 &&
               recv(fd[1], bytes, 9, 0) == 1 && recv(fd[1], bytes, 9, 0) == 1,
           "credentials: others end a read");
    }
    OK(send(fd[0], "x", 1, 0) == 1 && recvmsg(fd[1], &back, 0) == 1 && back.msg_flags == MSG_CTRUNC,
       "credentials: no room for them");
    close(fd[0]), close(fd[1]);
}

/* ---- Files -------------------------------------------------------------------------------- */

static long send_files(int fd, const int *files, int count)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(254 * sizeof(int))];
    } control;
    struct iovec out = {"x", 1};
    struct msghdr head = {.msg_iov = &out,
                          .msg_iovlen = 1,
                          .msg_control = &control,
                          .msg_controllen = CMSG_SPACE(count * sizeof(int))};

    memset(&control, 0, sizeof(control));
    control.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(count * sizeof(int)),
                                    .cmsg_level = SOL_SOCKET,
                                    .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.head), files, count * sizeof(int));
    return syscall(SYS_sendmsg, fd, &head, MSG_NOSIGNAL); /* musl has less room */
}

/* How many came; `size` is for the control part. */
static int take_files(int fd, int *files, size_t size, int flags, int *told)
{
    union {
        struct cmsghdr head;
        char space[2048];
    } control;
    struct iovec in = {bytes, 99};
    struct msghdr back = {
        .msg_iov = &in, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = size};
    long got = recvmsg(fd, &back, flags | MSG_DONTWAIT);
    struct cmsghdr *head = got > 0 ? CMSG_FIRSTHDR(&back) : NULL;
    int count = 0;

    if (head != NULL && head->cmsg_type == SCM_RIGHTS) {
        count = (int)((head->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(files, CMSG_DATA(head), count * sizeof(int));
    }
    *told = got < 0 ? -errno : back.msg_flags;
    return count;
}

static void close_all(const int *files, int count)
{
    for (int i = 0; i < count; i++) {
        close(files[i]);
    }
}

static void test_files(int type)
{
    int fd[2], pipes[2], got[300] = {0}, many[254], told = 0;

    tap_need(socketpair(AF_UNIX, type, 0, fd) == 0 && pipe(pipes) == 0, "socketpair");
    OK(send_files(fd[0], pipes, 2) == 1 && take_files(fd[1], got, 2048, MSG_PEEK, &told) == 2 &&
           told == 0,
       "SCM_RIGHTS: peek");
    OK(write(got[1], "p", 1) == 1 && read(pipes[0], bytes, 9) == 1, "a peeked file is a file");
    close_all(got, 2);
    OK(take_files(fd[1], got, CMSG_LEN(sizeof(int)), 0, &told) == 1 && told == MSG_CTRUNC,
       "SCM_RIGHTS: room for one of two");
    close_all(got, 1);
    for (int i = 0; i < 254; i++) {
        many[i] = pipes[1];
    }
    FAILS(send_files(fd[0], many, 254), EINVAL, "SCM_RIGHTS: too many");
    OK(send_files(fd[0], many, 253) == 1 &&
           take_files(fd[1], got, 2048, MSG_CMSG_CLOEXEC, &told) == 253 &&
           told == MSG_CMSG_CLOEXEC && fcntl(got[252], F_GETFD) == FD_CLOEXEC,
       "SCM_RIGHTS: as many as may be");
    close_all(got, 253);
    OK(send_files(fd[0], pipes, 1) == 1 && send(fd[0], "yz", 2, 0) == 2, "files, then bytes");
    OK(take_files(fd[1], got, 2048, 0, &told) == 1 && recv(fd[1], bytes, 9, 0) == 2,
       "what came with files ends a read");
    close_all(got, 1);
    OK(send_files(fd[0], &pipes[1], 1) == 1 && close(pipes[1]) == 0 &&
           recv(fd[1], bytes, 9, 0) == 1 && read(pipes[0], bytes, 1) == 0,
       "files that nobody takes are closed");
    close(pipes[0]), close(fd[0]), close(fd[1]);
}

/* True when nobody has the pipe's other end any more. */
static bool has_gone(int pipe_end)
{
    struct pollfd set = {pipe_end, POLLIN, 0};

    /* Linux collects in a worker's own time; a minute is never. */
    return poll(&set, 1, 60000) == 1 && (set.revents & POLLHUP) != 0;
}

/* Something closes later: that is when cycles are looked for. */
static void close_another(void)
{
    int fd[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0) {
        close(fd[0]), close(fd[1]);
    }
}

static void test_cycles(void)
{
    int a[2], b[2], pipes[2], told = 0, got[2] = {-1, -1};

    tap_need(socketpair(AF_UNIX, SOCK_STREAM, 0, a) == 0 && pipe(pipes) == 0, "socketpair");
    OK(send_files(a[0], a, 2) == 1 && send_files(a[0], &pipes[1], 1) == 1,
       "a pair in its own queue");
    close(pipes[1]), close(a[0]), close(a[1]);
    close_another();
    OK(has_gone(pipes[0]), "a pair that waits for itself goes");
    close(pipes[0]);

    tap_need(socketpair(AF_UNIX, SOCK_DGRAM, 0, a) == 0 &&
                 socketpair(AF_UNIX, SOCK_SEQPACKET, 0, b) == 0 && pipe(pipes) == 0,
             "socketpair");
    OK(send_files(a[0], &b[1], 1) == 1 && send_files(b[0], &a[1], 1) == 1 &&
           send_files(a[0], &pipes[1], 1) == 1,
       "two in each other's queues");
    close(pipes[1]), close(a[0]), close(b[0]), close(b[1]), close(a[1]);
    close_another();
    OK(has_gone(pipes[0]), "two that wait for each other go");
    close(pipes[0]);

    tap_need(socketpair(AF_UNIX, SOCK_STREAM, 0, a) == 0 &&
                 socketpair(AF_UNIX, SOCK_STREAM, 0, b) == 0 && pipe(pipes) == 0,
             "socketpair");
    OK(send_files(a[0], &b[1], 1) == 1 && send_files(b[0], b, 1) == 1 &&
           send_files(b[0], &pipes[1], 1) == 1,
       "a cycle that a descriptor leads to");
    close(pipes[1]), close(b[0]), close(b[1]);
    close_another();
    usleep(20000);
    OK(take_files(a[1], &got[0], 2048, 0, &told) == 1 &&
           take_files(got[0], &got[1], 2048, 0, &told) == 1,
       "... stays");
    close(got[1]);
    OK(take_files(got[0], &got[1], 2048, 0, &told) == 1 && write(got[1], "w", 1) == 1 &&
           read(pipes[0], bytes, 9) == 1,
       "... with all that it has");
    close(got[0]), close(got[1]), close(a[0]), close(a[1]), close(pipes[0]);
}

/* A listener in the queue of a connection that it has not accepted. */
static void test_cycle_of_listener(void)
{
    struct sockaddr_un name = address("cycle");
    int fd = make(SOCK_STREAM), client = make(SOCK_STREAM), pipes[2];
    int files[2];

    tap_need(bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0 && listen(fd, 5) == 0 &&
                 pipe(pipes) == 0 && connect(client, (struct sockaddr *)&name, sizeof(name)) == 0,
             "a listener");
    files[0] = fd, files[1] = pipes[1];
    OK(send_files(client, files, 2) == 1, "a listener to its own connection");
    close(pipes[1]), close(fd);
    close_another();
    OK(events_of(client) == POLLOUT || events_of(client) != 0, "the client is there");
    close(client);
    close_another();
    OK(has_gone(pipes[0]), "a listener that waits for itself goes");
    close(pipes[0]);
}

/* Many cycles: descriptors and memory do not run out. */
static void test_many_cycles(void)
{
    int pipes[2], files[3], rounds = 0;

    tap_need(pipe(pipes) == 0, "pipe");
    for (; rounds < 1000; rounds++) {
        int a[2];

        if (socketpair(AF_UNIX, SOCK_STREAM, 0, a) != 0) {
            break;
        }
        files[0] = a[0], files[1] = a[1], files[2] = pipes[1];
        if (send_files(a[0], files, 3) != 1) {
            break;
        }
        close(a[0]), close(a[1]);
    }
    OK(rounds == 1000, "a thousand cycles");
    close(pipes[1]);
    close_another();
    OK(has_gone(pipes[0]), "all of them go");
    close(pipes[0]);
}

/* ---- Many threads -------------------------------------------------------------------------- */

#define THREADS 4
#define ROUNDS 500

static int busy[2];
static atomic_int failures;

/* Sends sockets around, and closes them wherever they are. */
static void *juggle(void *arg)
{
    unsigned seed = (unsigned)(long)arg * 7919 + 1;

    for (int i = 0; i < ROUNDS; i++) {
        int a[2], got[300] = {0}, told = 0, count;

        if (socketpair(AF_UNIX, i % 2 != 0 ? SOCK_STREAM : SOCK_SEQPACKET, 0, a) != 0) {
            failures++;
            return NULL;
        }
        seed = seed * 1103515245 + 12345;
        if ((seed >> 16) % 3 == 0) {
            (void)send_files(a[0], a, 2);
        }
        if ((seed >> 20) % 2 == 0) {
            (void)send_files(busy[0], a, 1 + (int)(seed >> 24) % 2);
        }
        count = take_files(busy[1], got, 2048, (seed >> 8) % 4 == 0 ? MSG_PEEK : 0, &told);
        for (int k = 0; k < count; k++) {
            if (send(got[k], "hello", 5, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EPIPE &&
                errno != EAGAIN && errno != ECONNRESET) {
                failures++;
            }
            close(got[k]);
        }
        close(a[0]), close(a[1]);
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[THREADS];

    tap_need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, busy) == 0, "socketpair");
    for (long i = 0; i < THREADS; i++) {
        tap_need(pthread_create(&threads[i], NULL, juggle, (void *)i) == 0, "pthread_create");
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    OK(failures == 0, "sockets sent around by many threads");
    close(busy[0]), close(busy[1]);
}

static struct sockaddr_un served;

/* Connects, says a number, wants it back. */
static void *ask(void *arg)
{
    for (int i = 0; i < 200; i++) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0), answer = -1;

        if (fd < 0 || connect(fd, (struct sockaddr *)&served, sizeof(served)) != 0 ||
            write(fd, &i, sizeof(i)) != sizeof(i) ||
            recv(fd, &answer, sizeof(answer), MSG_WAITALL) != sizeof(answer) || answer != i) {
            failures++;
        }
        close(fd);
    }
    return NULL;
}

static void *serve(void *arg)
{
    int fd, value;

    while ((fd = accept(*(int *)arg, NULL, NULL)) >= 0) {
        if (recv(fd, &value, sizeof(value), MSG_WAITALL) != sizeof(value) ||
            write(fd, &value, sizeof(value)) != sizeof(value)) {
            failures++;
        }
        close(fd);
    }
    return NULL;
}

static void test_server(void)
{
    int fd = make(SOCK_STREAM);
    pthread_t threads[2 * THREADS];

    failures = 0;
    served = address("served");
    tap_need(bind(fd, (struct sockaddr *)&served, sizeof(served)) == 0 && listen(fd, 2) == 0,
             "listen");
    for (int i = 0; i < 2 * THREADS; i++) {
        pthread_create(&threads[i], NULL, i % 2 == 0 ? serve : ask, &fd);
    }
    for (int i = 1; i < 2 * THREADS; i += 2) {
        pthread_join(threads[i], NULL);
    }
    shutdown(fd, SHUT_RD);
    for (int i = 0; i < 2 * THREADS; i += 2) {
        pthread_join(threads[i], NULL);
    }
    OK(failures == 0, "many clients and servers");
    close(fd);
}

int main(void)
{
    alarm(300);
    folder = tap_folder();
    test_datagrams();
    test_datagram_flow();
    test_packets();
    test_streams();
    test_many();
    test_credentials(SOCK_STREAM);
    test_credentials(SOCK_DGRAM);
    test_files(SOCK_STREAM);
    test_files(SOCK_DGRAM);
    test_cycles();
    test_cycle_of_listener();
    test_many_cycles();
    test_threads();
    test_server();
    return tap_end();
}
