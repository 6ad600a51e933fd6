/* SPDX-License-Identifier: MIT */
/*
 * What is in files, and moves between descriptors: reads and writes by position and by vectors,
 * fallocate, copies, splice, locks, RLIMIT_FSIZE, pipes, socket pairs and passed descriptors.
 */
#include "tap.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static char page[65536];

static int new_file(void)
{
    char path[] = P_tmpdir "/filedata.XXXXXX";
    int fd = mkstemp(path);

    tap_need(fd >= 0, "mkstemp");
    unlink(path);
    return fd;
}

/* Not every library has them. */
static long read_at(int fd, const struct iovec *vec, long count, long at, int flags)
{
    return syscall(SYS_preadv2, fd, vec, count, at, 0l, flags);
}

static long write_at(int fd, const struct iovec *vec, long count, long at, int flags)
{
    return syscall(SYS_pwritev2, fd, vec, count, at, 0l, flags);
}

static off_t size_of(int fd)
{
    struct stat stat;

    return fstat(fd, &stat) == 0 ? stat.st_size : -1;
}

static void test_vectors(void)
{
    struct iovec vec[2] = {{"hello ", 6}, {"world", 5}}, in[2], huge[1] = {{page, (size_t)-1}};
    char a[7] = "", b[6] = "";
    int fd = new_file(), pipes[2];

    tap_need(pipe(pipes) == 0, "pipe");
    OK(pwritev(fd, vec, 2, 3) == 11 && lseek(fd, 0, SEEK_CUR) == 0, "pwritev keeps the position");
    in[0] = (struct iovec){a, 6}, in[1] = (struct iovec){b, 5};
    OK(preadv(fd, in, 2, 3) == 11 && strcmp(a, "hello ") == 0 && strcmp(b, "world") == 0, "preadv");
    FAILS(preadv(fd, in, 2, -1), EINVAL, "preadv: before the start");
    FAILS(pread(fd, page, 1, -1), EINVAL, "pread: before the start");
    FAILS(pread(pipes[0], page, 1, 0), ESPIPE, "pread of a pipe");
    FAILS(readv(fd, in, -1), EINVAL, "readv: -1 vectors");
    FAILS(readv(fd, in, 1025), EINVAL, "readv: too many vectors");
    OK(readv(fd, in, 0) == 0, "readv: no vectors");
    FAILS(readv(fd, (struct iovec *)8, 1), EFAULT, "readv: from nowhere");
    FAILS(writev(fd, huge, 1), EINVAL, "writev: more than there are numbers");
    FAILS(read_at(fd, in, 2, 0, 0x10000), EOPNOTSUPP, "preadv2: unknown flag");
    OK(read_at(fd, in, 2, -1, 0) == 11 && lseek(fd, 0, SEEK_CUR) == 11, "preadv2: at the position");
    OK(write_at(fd, vec, 1, 0, 0x10) == 6 && size_of(fd) == 20, "RWF_APPEND");
    OK(read_at(fd, in, 1, 0, 8) == 6 || errno == EAGAIN, "RWF_NOWAIT");
    OK(write_at(fd, vec, 1, 0, 2) == 6, "RWF_DSYNC");
    FAILS(lseek(fd, -1, SEEK_SET), EINVAL, "lseek: before the start");
    FAILS(lseek(fd, 0, 99), EINVAL, "lseek: from nowhere");
    FAILS(lseek(fd, 100, SEEK_DATA), ENXIO, "SEEK_DATA: behind the end");
    FAILS(lseek(fd, 100, SEEK_HOLE), ENXIO, "SEEK_HOLE: behind the end");
    OK(lseek(fd, 0, SEEK_HOLE) == size_of(fd), "SEEK_HOLE: the end");
    FAILS(pread(fd, (char *)8, 5, 0), EFAULT, "read to nowhere");
    FAILS(write(fd, (char *)8, 5), EFAULT, "write from nowhere");
    OK(read(fd, page, 0) == 0 && write(fd, page, 0) == 0, "nothing");
    FAILS(read(pipes[1], page, 1), EBADF, "read what is for writing");
    FAILS(write(pipes[0], page, 1), EBADF, "write what is for reading");
    FAILS(ftruncate(fd, -1), EINVAL, "ftruncate: negative");
    FAILS(ftruncate(pipes[1], 0), EINVAL, "ftruncate: a pipe");
    FAILS(truncate(P_tmpdir, 0), EISDIR, "truncate: a folder");
    FAILS(truncate(P_tmpdir "/none", 0), ENOENT, "truncate: nothing");
    FAILS(fsync(pipes[0]), EINVAL, "fsync: a pipe");
    close(fd), close(pipes[0]), close(pipes[1]);
}

static void test_fallocate(void)
{
    int fd = new_file(), read_only = open("/proc/self/exe", O_RDONLY), pipes[2];
    struct stat stat;

    tap_need(pipe(pipes) == 0, "pipe");
    FAILS(fallocate(fd, 0, 0, 0), EINVAL, "fallocate: nothing");
    FAILS(fallocate(fd, 0, -1, 5), EINVAL, "fallocate: before the start");
    FAILS(fallocate(fd, 2, 0, 5), EOPNOTSUPP, "fallocate: a hole needs KEEP_SIZE");
    FAILS(fallocate(fd, 0x8000, 0, 5), EOPNOTSUPP, "fallocate: unknown mode");
    FAILS(fallocate(read_only, 0, 0, 5), EBADF, "fallocate: not to be written");
    FAILS(fallocate(pipes[1], 0, 0, 5), ESPIPE, "fallocate: a pipe");
    FAILS(fallocate(fd, 0, 0x7fffffffffffffff, 5), EFBIG, "fallocate: too large");
    OK(fallocate(fd, 0, 0, 16384) == 0 && fstat(fd, &stat) == 0 && stat.st_size == 16384 &&
           stat.st_blocks >= 32,
       "fallocate");
    OK(fallocate(fd, 1, 16384, 8192) == 0 && size_of(fd) == 16384, "FALLOC_FL_KEEP_SIZE");
    memset(page, 'x', sizeof(page));
    OK(pwrite(fd, page, 16384, 0) == 16384 && fallocate(fd, 3, 4096 + 100, 8192) == 0 &&
           pread(fd, page, 16384, 0) == 16384 && page[4195] == 'x' && page[4196] == 0 &&
           page[12387] == 0 && page[12388] == 'x',
       "FALLOC_FL_PUNCH_HOLE to the byte");
    OK(lseek(fd, 0, SEEK_HOLE) == 8192 && lseek(fd, 8192, SEEK_DATA) == 12288,
       "SEEK_HOLE and SEEK_DATA see it");
    close(fd), close(read_only), close(pipes[0]), close(pipes[1]);
}

static void test_copies(void)
{
    int from = new_file(), to = new_file(), pipes[2], more[2];
    off_t at = 2, out = 1;

    tap_need(pipe(pipes) == 0 && pipe(more) == 0, "pipe");
    tap_need(pwrite(from, "0123456789", 10, 0) == 10, "pwrite");
    OK(copy_file_range(from, &at, to, &out, 5, 0) == 5 && at == 7 && out == 6 &&
           pread(to, page, 9, 0) == 6 && memcmp(page + 1, "23456", 5) == 0,
       "copy_file_range");
    at = 10;
    OK(copy_file_range(from, &at, to, NULL, 5, 0) == 0, "copy_file_range: at the end");
    FAILS(copy_file_range(from, NULL, to, NULL, 5, 1), EINVAL, "copy_file_range: unknown flag");
    FAILS(copy_file_range(pipes[0], NULL, to, NULL, 5, 0), EINVAL, "copy_file_range: a pipe");
    at = 0, out = 3;
    FAILS(copy_file_range(from, &at, from, &out, 5, 0), EINVAL, "copy_file_range: overlapping");
    at = 3;
    OK(sendfile(to, from, &at, 100) == 7 && at == 10 && size_of(to) == 7, "sendfile");
    OK(sendfile(pipes[1], from, NULL, 4) == 4 && read(pipes[0], page, 9) == 4,
       "sendfile to a pipe");
    FAILS(sendfile(to, pipes[0], NULL, 4), EINVAL, "sendfile from a pipe");
    FAILS(sendfile(99, from, NULL, 4), EBADF, "sendfile to nothing");
    FAILS(sendfile(to, from, (off_t *)8, 4), EFAULT, "sendfile: a position from nowhere");
    at = 0;
    OK(splice(from, &at, pipes[1], NULL, 6, 0) == 6 && at == 6, "splice into a pipe");
    OK(tee(pipes[0], more[1], 4, 0) == 4 && read(more[0], page, 9) == 4 &&
           memcmp(page, "0123", 4) == 0,
       "tee");
    OK(splice(pipes[0], NULL, more[1], NULL, 2, 0) == 2 && read(more[0], page, 9) == 2 &&
           memcmp(page, "01", 2) == 0,
       "splice from pipe to pipe");
    OK(lseek(to, 0, SEEK_SET) == 0 && splice(pipes[0], NULL, to, NULL, 9, 0) == 4 &&
           pread(to, page, 4, 0) == 4 && memcmp(page, "2345", 4) == 0,
       "splice from a pipe");
    FAILS(splice(from, NULL, to, NULL, 9, 0), EINVAL, "splice: no pipe");
    FAILS(splice(pipes[0], &at, to, NULL, 9, 0), ESPIPE, "splice: a pipe's position");
    FAILS(splice(pipes[0], NULL, to, NULL, 9, 99), EINVAL, "splice: unknown flag");
    FAILS(splice(pipes[0], NULL, to, NULL, 9, SPLICE_F_NONBLOCK), EAGAIN,
          "splice: SPLICE_F_NONBLOCK");
    FAILS(tee(from, pipes[1], 9, 0), EINVAL, "tee: no pipe");
    FAILS(tee(pipes[0], more[1], 9, SPLICE_F_NONBLOCK), EAGAIN, "tee: nothing there");
    FAILS(tee(pipes[0], pipes[1], 9, 0), EINVAL, "tee: the same pipe");
    OK(vmsplice(pipes[1], &(struct iovec){"vector", 6}, 1, 0) == 6 &&
           vmsplice(pipes[0], &(struct iovec){page, 9}, 1, 0) == 6 &&
           memcmp(page, "vector", 6) == 0,
       "vmsplice, both ways");
    FAILS(vmsplice(from, &(struct iovec){"vector", 6}, 1, 0), EBADF, "vmsplice: no pipe");
    close(more[0]);
    signal(SIGPIPE, SIG_IGN);
    FAILS(sendfile(more[1], from, (at = 0, &at), 4), EPIPE, "sendfile to a pipe that nobody reads");
    signal(SIGPIPE, SIG_DFL);
    close(from), close(to), close(pipes[0]), close(pipes[1]), close(more[1]);
}

static void test_pipes(void)
{
    int fd[2], size = 0;
    struct pollfd set;

    FAILS(pipe2(fd, 1), EINVAL, "pipe2: unknown flag");
    FAILS(pipe2((int *)8, 0), EFAULT, "pipe2: to nowhere");
    OK(pipe2(fd, O_DIRECT | O_NONBLOCK) == 0, "pipe2: O_DIRECT");
    OK(write(fd[1], "one", 3) == 3 && write(fd[1], "three", 5) == 5 &&
           read(fd[0], page, 100) == 3 && read(fd[0], page, 2) == 2,
       "packets");
    FAILS(read(fd[0], page, 100), EAGAIN, "the rest of one is gone");
    close(fd[0]), close(fd[1]);
    OK(pipe2(fd, O_NONBLOCK) == 0 && fcntl(fd[0], F_GETPIPE_SZ) == 65536, "F_GETPIPE_SZ");
    OK(fcntl(fd[0], F_SETPIPE_SZ, 5000) == 8192 && fcntl(fd[1], F_GETPIPE_SZ) == 8192,
       "F_SETPIPE_SZ");
    OK(write(fd[1], page, sizeof(page)) == 8192, "so much is in it");
    FAILS(fcntl(fd[0], F_SETPIPE_SZ, 4096), EBUSY, "more than what is asked for");
    set = (struct pollfd){fd[1], POLLOUT, 0};
    OK(poll(&set, 1, 0) == 0, "not writable");
    OK(read(fd[0], page, 4096) == 4096 && poll(&set, 1, 0) == 1, "a page free: writable");
    OK(ioctl(fd[0], FIONREAD, &size) == 0 && size == 4096, "FIONREAD");
    OK(write(fd[1], page, 4097) == 4096, "larger than PIPE_BUF: what fits");
    close(fd[0]);
    OK(poll(&set, 1, 0) == 1 && (set.revents & POLLERR), "nobody reads: POLLERR");
    close(fd[1]);
}

static void test_sockets(void)
{
    int fd[2], pipes[2], got, type;
    struct iovec vec = {"x", 1}, in = {page, sizeof(page)};
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(2 * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct msghdr out = {.msg_iov = &vec,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = CMSG_SPACE(sizeof(int))};
    struct msghdr back = {.msg_iov = &in, .msg_iovlen = 1};
    struct cmsghdr *head;
    struct ucred who;
    socklen_t len = sizeof(type);

    FAILS(socketpair(AF_UNIX, 99, 0, fd), EINVAL, "socketpair: unknown type");
    OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) == 0 &&
           fcntl(fd[0], F_GETFD) == FD_CLOEXEC,
       "socketpair");
    tap_need(pipe(pipes) == 0, "pipe");
    memset(&control, 0, sizeof(control));
    head = CMSG_FIRSTHDR(&out);
    tap_need(head != NULL, "room for a control message");
    *head = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(head), &pipes[1], sizeof(int));
    OK(sendmsg(fd[0], &out, 0) == 1, "SCM_RIGHTS sent");
    memset(&control, 0, sizeof(control));
    back.msg_control = &control, back.msg_controllen = sizeof(control);
    OK(recvmsg(fd[1], &back, MSG_CMSG_CLOEXEC) == 1 && (head = CMSG_FIRSTHDR(&back)) != NULL &&
           head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof(int)),
       "SCM_RIGHTS received");
    tap_need(CMSG_FIRSTHDR(&back) != NULL, "a control message");
    memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&back)), sizeof(int));
    close(pipes[1]);
    OK(fcntl(got, F_GETFD) == FD_CLOEXEC && write(got, "y", 1) == 1 &&
           read(pipes[0], page, 9) == 1 && page[0] == 'y',
       "the same pipe");
    /* One that is not taken is closed. */
    head = CMSG_FIRSTHDR(&out);
    tap_need(head != NULL, "room for a control message");
    *head = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(head), &got, sizeof(int));
    OK(sendmsg(fd[0], &out, 0) == 1 && close(got) == 0, "sent, and closed here");
    back.msg_controllen = 0;
    OK(recvmsg(fd[1], &back, 0) == 1 && (back.msg_flags & MSG_CTRUNC) &&
           read(pipes[0], page, 1) == 0,
       "no room for it: closed, MSG_CTRUNC");
    *head = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    got = 99;
    memcpy(CMSG_DATA(head), &got, sizeof(int));
    FAILS(sendmsg(fd[0], &out, 0), EBADF, "no such descriptor");
    memcpy(CMSG_DATA(head), &fd[0], sizeof(int));
    OK(sendmsg(fd[0], &out, 0) == 1, "a socket through itself");
    OK(getsockopt(fd[0], SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM, "SO_TYPE");
    len = sizeof(who);
    OK(getsockopt(fd[0], SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && who.pid == getpid(),
       "SO_PEERCRED");
    close(fd[0]), close(fd[1]);
    OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd) == 0 && send(fd[0], "abc", 3, 0) == 3 &&
           send(fd[0], "de", 2, 0) == 2 && recv(fd[1], page, 1, MSG_TRUNC) == 3 &&
           recv(fd[1], page, 9, MSG_PEEK) == 2 && recv(fd[1], page, 9, 0) == 2,
       "SOCK_SEQPACKET keeps packets, MSG_TRUNC, MSG_PEEK");
    FAILS(recv(fd[1], page, 9, MSG_DONTWAIT), EAGAIN, "MSG_DONTWAIT");
    OK(shutdown(fd[0], SHUT_WR) == 0 && recv(fd[1], page, 9, 0) == 0, "shutdown");
    FAILS(send(fd[0], "x", 1, MSG_NOSIGNAL), EPIPE, "shut");
    close(fd[0]), close(fd[1]), close(pipes[0]);
}

static volatile int exceeded;

static void on_xfsz(int signal)
{
    exceeded++;
}

static void test_limit(void)
{
    struct rlimit old, limit;
    int fd = new_file();

    signal(SIGXFSZ, on_xfsz);
    getrlimit(RLIMIT_FSIZE, &old);
    limit = (struct rlimit){10000, old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    OK(pwrite(fd, page, 10, 9995) == 5 && size_of(fd) == 10000 && exceeded == 0,
       "RLIMIT_FSIZE: what fits");
    FAILS(pwrite(fd, page, 10, 10000), EFBIG, "RLIMIT_FSIZE: nothing more");
    OK(exceeded == 1, "SIGXFSZ");
    FAILS(ftruncate(fd, 10001), EFBIG, "RLIMIT_FSIZE: ftruncate");
    OK(exceeded == 2, "SIGXFSZ");
    FAILS(fallocate(fd, 0, 0, 10001), EFBIG, "RLIMIT_FSIZE: fallocate");
    OK(exceeded == 3, "SIGXFSZ");
    OK(ftruncate(fd, 10000) == 0 && pwrite(fd, page, 10, 0) == 10, "below it");
    setrlimit(RLIMIT_FSIZE, &old);
    OK(pwrite(fd, page, 10, 10000) == 10, "no limit any more");
    close(fd);
}

static void test_locks(void)
{
    char path[] = P_tmpdir "/filedata.XXXXXX";
    int a = mkstemp(path), b = open(path, O_RDWR), c = open(path, O_RDONLY);
    struct flock lock = {.l_type = F_WRLCK, .l_len = 10}, ask;

    unlink(path);
    OK(fcntl(a, F_SETLK, &lock) == 0, "F_SETLK");
    ask = (struct flock){.l_type = F_WRLCK, .l_start = 5};
    OK(fcntl(b, F_GETLK, &ask) == 0 && ask.l_type == F_UNLCK, "F_GETLK: its own do not count");
    FAILS(fcntl(c, F_SETLK, &lock), EBADF, "F_WRLCK of what is not to be written");
    lock.l_whence = 9;
    FAILS(fcntl(a, F_SETLK, &lock), EINVAL, "F_SETLK: from nowhere");
    lock = (struct flock){.l_type = 9};
    FAILS(fcntl(a, F_SETLK, &lock), EINVAL, "F_SETLK: no type");
    lock = (struct flock){.l_type = F_WRLCK, .l_start = -1};
    FAILS(fcntl(a, F_SETLK, &lock), EINVAL, "F_SETLK: before the start");
    FAILS(fcntl(a, F_SETLK, 8), EFAULT, "F_SETLK: from nowhere");
    lock = (struct flock){.l_type = F_WRLCK, .l_start = 10, .l_len = 10};
    OK(fcntl(a, 37, &lock) == 0, "F_OFD_SETLK");
    ask = (struct flock){.l_type = F_RDLCK, .l_start = 0, .l_len = 100};
    OK(fcntl(b, 36, &ask) == 0 && ask.l_type == F_WRLCK && ask.l_pid == getpid() &&
           ask.l_start == 0 && ask.l_len == 10,
       "F_OFD_GETLK: the process's");
    ask = (struct flock){.l_type = F_RDLCK, .l_start = 12, .l_len = 100};
    OK(fcntl(b, 36, &ask) == 0 && ask.l_type == F_WRLCK && ask.l_pid == -1 && ask.l_start == 10,
       "F_OFD_GETLK: the file's");
    lock = (struct flock){.l_type = F_WRLCK, .l_start = 12, .l_len = 1};
    FAILS(fcntl(b, 37, &lock), EAGAIN, "F_OFD_SETLK: held by another");
    lock.l_pid = 1;
    FAILS(fcntl(b, 37, &lock), EINVAL, "F_OFD_SETLK: l_pid is not 0");
    OK(flock(a, 1 /* LOCK_SH */) == 0 && flock(b, 1 | 4) == 0, "LOCK_SH");
    FAILS(flock(b, 2 | 4), EWOULDBLOCK, "LOCK_EX | LOCK_NB");
    OK(flock(a, 2 | 4) == 0 && flock(a, 1) == 0, "which has dropped the LOCK_SH");
    FAILS(flock(a, 0), EINVAL, "flock: unknown operation");
    close(a), close(b), close(c);
}

/* Sends copies of descriptors with one byte. */
static ssize_t send_files(int sock, const int *files, size_t count)
{
    union {
        char bytes[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control = {.bytes = {0}};
    char byte = 'p';
    struct iovec vec = {&byte, 1};
    struct msghdr msg = {.msg_iov = &vec,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

    tap_need(head != NULL, "room for a control message");
    head->cmsg_len = CMSG_LEN(count * sizeof(int));
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    memcpy(CMSG_DATA(head), files, count * sizeof(int));
    return sendmsg(sock, &msg, MSG_NOSIGNAL);
}

/* A descriptor that came with a byte, or -1. */
static int receive_file(int sock)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    char byte;
    struct iovec vec = {&byte, 1};
    struct msghdr msg = {.msg_iov = &vec,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof(control)};
    int file = -1;

    if (recvmsg(sock, &msg, MSG_DONTWAIT) == 1 && CMSG_FIRSTHDR(&msg) != NULL) {
        memcpy(&file, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(file));
    }
    return file;
}

/* What was sent arrives, whatever the sender does then. */
static void test_passed_after(int type, bool shut, const char *what)
{
    int fd[2], pipes[2], got;

    tap_need(socketpair(AF_UNIX, type, 0, fd) == 0 && pipe(pipes) == 0, "socketpair, pipe");
    tap_need(send_files(fd[0], &pipes[1], 1) == 1, "sendmsg");
    close(pipes[1]);
    if (shut) {
        shutdown(fd[0], SHUT_WR);
    } else {
        close(fd[0]);
    }
    got = receive_file(fd[1]);
    OK(got >= 0 && write(got, "z", 1) == 1 && read(pipes[0], page, 9) == 1 && page[0] == 'z', what);
    close(got), close(fd[1]), close(pipes[0]);
    if (shut) {
        close(fd[0]);
    }
}

static void test_passed(void)
{
    int last[2], fd[2], pipes[2], depth = 0;
    bool chained = true;

    test_passed_after(SOCK_STREAM, false, "SCM_RIGHTS: the sender has closed");
    test_passed_after(SOCK_STREAM, true, "SCM_RIGHTS: the sender has shut down");
    test_passed_after(SOCK_SEQPACKET, false, "SCM_RIGHTS: packets, the sender has closed");
    test_passed_after(SOCK_DGRAM, false, "SCM_RIGHTS: datagrams, the sender has closed");
    tap_need(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0 && pipe(pipes) == 0, "socketpair, pipe");
    tap_need(send_files(fd[0], &pipes[1], 1) == 1, "sendmsg");
    close(pipes[1]), close(fd[1]);
    OK(read(pipes[0], page, 1) == 0, "SCM_RIGHTS: the receiver has closed, and so it goes");
    close(fd[0]), close(pipes[0]);

    /* Each pair waits in the next one.  Linux has a limit, depending on its age. */
    tap_need(pipe(pipes) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, last) == 0, "socketpair");
    tap_need(send_files(last[0], &pipes[1], 1) == 1, "sendmsg");
    close(pipes[1]);
    while (chained && depth < 300) {
        tap_need(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0, "socketpair");
        chained = send_files(fd[0], last, 2) == 1;
        if (chained) {
            close(last[0]), close(last[1]);
            last[0] = fd[0], last[1] = fd[1];
            depth++;
        } else {
            OK(errno == ETOOMANYREFS, "a chain that is too long");
            close(fd[0]), close(fd[1]);
        }
    }
    if (chained) {
        OK(depth == 300, "a chain that is too long");
    }
    close(last[0]), close(last[1]);
    OK(read(pipes[0], page, 1) == 0, "a chain of sockets in sockets goes");
    close(pipes[0]);
}

/* What does not fit where it is to go stays in the pipe. */
static void test_splice_keeps(void)
{
    int from[2], full[2], socks[2];

    tap_need(pipe(from) == 0 && pipe2(full, O_NONBLOCK) == 0 &&
                 socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, socks) == 0,
             "pipes, sockets");
    memset(page, 'f', sizeof(page));
    while (write(full[1], page, sizeof(page)) > 0) {
    }
    while (write(socks[0], page, sizeof(page)) > 0) {
    }
    tap_need(write(from[1], "kept", 4) == 4, "write");
    FAILS(splice(from[0], NULL, full[1], NULL, 4, 0), EAGAIN, "splice: into a full pipe");
    FAILS(splice(from[0], NULL, socks[0], NULL, 4, 0), EAGAIN, "splice: into a full socket");
    FAILS(splice(from[0], NULL, from[1], NULL, 4, 0), EINVAL, "splice: the same pipe");
    OK(read(from[0], page, 9) == 4 && memcmp(page, "kept", 4) == 0, "splice: nothing is lost");
    close(from[0]), close(from[1]), close(full[0]), close(full[1]);
    close(socks[0]), close(socks[1]);
}

static void test_small_packets(void)
{
    int fd[2];

    tap_need(pipe2(fd, O_DIRECT | O_NONBLOCK) == 0, "pipe2");
    OK(fcntl(fd[1], 1031 /* F_SETPIPE_SZ */, 4096) >= 4096, "a small pipe of packets");
    OK(write(fd[1], page, 4096) == 4096 && read(fd[0], page, 4096) == 4096,
       "the largest packet fits");
    close(fd[0]), close(fd[1]);
}

int main(void)
{
    alarm(60);
    test_vectors();
    test_fallocate();
    test_copies();
    test_pipes();
    test_small_packets();
    test_splice_keeps();
    test_sockets();
    test_passed();
    test_limit();
    test_locks();
    return tap_end();
}
