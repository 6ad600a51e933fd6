/* SPDX-License-Identifier: MIT */
/* Sockets of AF_UNIX: names, connections, their end, what poll says, options. */
#include "tap.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
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

static int bind_to(int fd, const char *name)
{
    struct sockaddr_un a = address(name);

    return bind(fd, (struct sockaddr *)&a, sizeof(a));
}

static int connect_to(int fd, const char *name)
{
    struct sockaddr_un a = address(name);

    return connect(fd, (struct sockaddr *)&a, sizeof(a));
}

static int make(int type)
{
    int fd = socket(AF_UNIX, type, 0);

    tap_need(fd >= 0, "socket");
    return fd;
}

static int events_of(int fd)
{
    struct pollfd set = {fd, POLLIN | POLLOUT | POLLRDHUP | POLLPRI, 0};

    return poll(&set, 1, 0) < 0 ? -1 : set.revents;
}

static void test_making(void)
{
    struct stat st;
    int fd, pair[2], value = 9;
    socklen_t len = sizeof(value);

    FAILS(socket(AF_UNIX, 99, 0), EINVAL, "socket: no such type");
    FAILS(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT, "socket: a type that it has not");
    FAILS(socket(AF_UNIX, SOCK_STREAM | 0x100, 0), EINVAL, "socket: no such flag");
    FAILS(socket(AF_UNIX, SOCK_STREAM, 7), EPROTONOSUPPORT, "socket: no such protocol");
    FAILS(socket(99, SOCK_STREAM, 0), EAFNOSUPPORT, "socket: no such family");
    FAILS(socketpair(AF_UNIX, SOCK_STREAM, 7, pair), EPROTONOSUPPORT,
          "socketpair: no such protocol");
    fd = socket(AF_UNIX, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, AF_UNIX);
    OK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC && (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0 &&
           (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR,
       "socket: its flags");
    OK(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len) == 0 && value == SOCK_DGRAM,
       "socket: a raw one is of datagrams");
    OK(fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode), "fstat: it is a socket");
    FAILS(lseek(fd, 0, SEEK_CUR), ESPIPE, "lseek");
    OK(fchmod(fd, 0600) == 0, "fchmod of a socket");
    close(fd);
    FAILS(bind(99, NULL, 0), EBADF, "bind: no descriptor");
    FAILS(bind(1000, NULL, 0), EBADF, "bind: no descriptor at all");
    fd = open("/", O_RDONLY);
    FAILS(listen(fd, 1), ENOTSOCK, "listen: no socket");
    FAILS(accept(fd, NULL, NULL), ENOTSOCK, "accept: no socket");
    FAILS(send(fd, "", 0, 0), ENOTSOCK, "send: no socket");
    FAILS(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len), ENOTSOCK, "getsockopt: no socket");
    close(fd);
}

static void test_bind(void)
{
    struct sockaddr_un a = address("name"), b = {0};
    struct stat st;
    socklen_t len;
    int fd = make(SOCK_STREAM), other = make(SOCK_STREAM);

    len = sizeof(b);
    OK(getsockname(fd, (struct sockaddr *)&b, &len) == 0 && len == 2 && b.sun_family == AF_UNIX,
       "getsockname: without a name");
    FAILS(bind(fd, (struct sockaddr *)&a, 1), EINVAL, "bind: too short");
    FAILS(bind(fd, (struct sockaddr *)&a, sizeof(a) + 1), EINVAL, "bind: too long");
    FAILS(bind(fd, (struct sockaddr *)8, sizeof(a)), EFAULT, "bind: from nowhere");
    FAILS(bind(fd, (struct sockaddr *)&a, -1), EINVAL, "bind: a size below 0");
    a.sun_family = AF_INET;
    FAILS(bind(fd, (struct sockaddr *)&a, sizeof(a)), EINVAL, "bind: another family");
    FAILS(bind_to(fd, "no/such"), ENOENT, "bind: no such folder");
    umask(027);
    OK(bind_to(fd, "name") == 0, "bind");
    OK(stat(address("name").sun_path, &st) == 0 && (st.st_mode & S_IFMT) == S_IFSOCK &&
           (st.st_mode & 0777) == 0750,
       "stat: a socket, with the mask's rights");
    umask(022);
    FAILS(bind_to(fd, "again"), EINVAL, "bind: a second name");
    FAILS(stat(address("again").sun_path, &st), ENOENT, "bind: leaves no file behind");
    FAILS(bind_to(other, "name"), EADDRINUSE, "bind: taken");
    FAILS(open(address("name").sun_path, O_RDWR), ENXIO, "open of a socket");
    len = sizeof(b), memset(&b, 1, sizeof(b));
    OK(getsockname(fd, (struct sockaddr *)&b, &len) == 0 &&
           len == BASE + strlen(address("name").sun_path) + 1 &&
           strcmp(b.sun_path, address("name").sun_path) == 0,
       "getsockname: the name and its length");
    len = 5, memset(&b, 1, sizeof(b));
    OK(getsockname(fd, (struct sockaddr *)&b, &len) == 0 &&
           len == BASE + strlen(address("name").sun_path) + 1 && b.sun_path[3] == 1,
       "getsockname: cut");
    len = -1;
    FAILS(getsockname(fd, (struct sockaddr *)&b, &len), EINVAL, "getsockname: a size below 0");
    len = sizeof(b);
    FAILS(getsockname(fd, (struct sockaddr *)8, &len), EFAULT, "getsockname: to nowhere");
    FAILS(getpeername(fd, (struct sockaddr *)&b, &len), ENOTCONN, "getpeername: without a peer");
    OK(chmod(address("name").sun_path, 0600) == 0 && stat(address("name").sun_path, &st) == 0 &&
           (st.st_mode & 0777) == 0600,
       "chmod of the name");
    close(fd), close(other);
    OK(stat(address("name").sun_path, &st) == 0, "the name stays when the socket goes");
    fd = make(SOCK_STREAM);
    FAILS(connect_to(fd, "name"), ECONNREFUSED, "connect: the socket has gone");
    FAILS(bind_to(fd, "name"), EADDRINUSE, "bind: the name is still taken");
    unlink(address("name").sun_path);
    OK(bind_to(fd, "name") == 0, "bind: after unlink");
    unlink(address("name").sun_path);
    close(fd);
    a = address("");
    len = strlen(a.sun_path);
    memset(a.sun_path + len, 'x', sizeof(a.sun_path) - len);
    fd = make(SOCK_STREAM);
    OK(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0, "bind: 108 bytes, no 0 behind them");
    len = sizeof(bytes);
    OK(getsockname(fd, (struct sockaddr *)bytes, &len) == 0 && len == 111 && bytes[110] == 0 &&
           bytes[109] == 'x',
       "getsockname: 108 bytes and a 0");
    unlink(bytes + BASE);
    close(fd);
}

static void test_abstract(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX}, b = {0};
    int fd = make(SOCK_STREAM), other = make(SOCK_STREAM), datagrams = make(SOCK_DGRAM);
    socklen_t len = BASE + 9;

    snprintf(a.sun_path + 1, 20, "m%07d", getpid());
    OK(bind(fd, (struct sockaddr *)&a, len) == 0, "bind: an abstract name");
    FAILS(bind(other, (struct sockaddr *)&a, len), EADDRINUSE, "bind: an abstract name, taken");
    OK(bind(other, (struct sockaddr *)&a, len + 1) == 0, "bind: one byte more is another name");
    OK(bind(datagrams, (struct sockaddr *)&a, len) == 0, "bind: each type has its own names");
    len = sizeof(b);
    OK(getsockname(fd, (struct sockaddr *)&b, &len) == 0 && len == BASE + 9 &&
           memcmp(&a, &b, len) == 0,
       "getsockname: abstract");
    close(other);
    other = make(SOCK_STREAM);
    FAILS(connect(other, (struct sockaddr *)&a, len), ECONNREFUSED, "connect: nobody listens");
    OK(listen(fd, 1) == 0 && connect(other, (struct sockaddr *)&a, len) == 0,
       "connect: an abstract name");
    close(fd), close(other), close(datagrams);
    fd = make(SOCK_STREAM);
    FAILS(connect(fd, (struct sockaddr *)&a, len), ECONNREFUSED, "connect: the name has gone");
    OK(bind(fd, (struct sockaddr *)&a, 2) == 0, "bind: any name");
    len = sizeof(b);
    OK(getsockname(fd, (struct sockaddr *)&b, &len) == 0 && len == BASE + 6 && b.sun_path[0] == 0,
       "bind: any name is a 0 and five digits");
    OK(bind(fd, (struct sockaddr *)&a, 2) == 0, "bind: any name, once more");
    close(fd);
}

static void test_connect(void)
{
    struct sockaddr_un b = {0};
    struct ucred who = {0};
    struct stat st;
    socklen_t len = sizeof(b);
    int fd = make(SOCK_STREAM), client = make(SOCK_STREAM), datagrams = make(SOCK_DGRAM), server,
        value = 9;

    FAILS(listen(fd, 5), EINVAL, "listen: without a name");
    FAILS(listen(datagrams, 5), EOPNOTSUPP, "listen: datagrams");
    FAILS(accept(datagrams, NULL, NULL), EOPNOTSUPP, "accept: datagrams");
    OK(bind_to(fd, "server") == 0, "bind");
    FAILS(accept(fd, NULL, NULL), EINVAL, "accept: does not listen");
    OK(events_of(fd) == (POLLOUT | POLLHUP), "poll: not connected");
    FAILS(connect_to(client, "server"), ECONNREFUSED, "connect: does not listen yet");
    FAILS(connect_to(client, "nowhere"), ENOENT, "connect: no such file");
    OK(listen(fd, 5) == 0 && listen(fd, 2) == 0, "listen, and again");
    OK(events_of(fd) == 0, "poll: listens");
    OK(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, (len = sizeof(value), &len)) == 0 &&
           value == 1,
       "SO_ACCEPTCONN");
    FAILS(ioctl(fd, FIONREAD, &value), EINVAL, "FIONREAD of who listens");
    FAILS(connect_to(datagrams, "server"), EPROTOTYPE, "connect: another type");
    close(open(address("file").sun_path, O_CREAT | O_RDWR, 0600));
    FAILS(connect_to(client, "file"), ECONNREFUSED, "connect: a file that is no socket");
    FAILS(connect_to(fd, "server"), EINVAL, "connect: by who listens");
    FAILS(connect(client, (struct sockaddr *)&b, 1), EINVAL, "connect: too short a name");
    OK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0, "O_NONBLOCK");
    FAILS(accept(fd, NULL, NULL), EAGAIN, "accept: nobody there");
    OK(connect_to(client, "server") == 0, "connect: before accept");
    OK(events_of(fd) == POLLIN, "poll: somebody there");
    FAILS(connect_to(client, "server"), EISCONN, "connect: is connected");
    FAILS(listen(client, 1), EINVAL, "listen: is connected");
    OK(send(client, "early", 5, 0) == 5, "send: before accept");
    FAILS(syscall(SYS_accept4, fd, NULL, NULL, 0x1000), EINVAL, "accept4: no such flag");
    len = sizeof(b), memset(&b, 1, sizeof(b));
    server = accept4(fd, (struct sockaddr *)&b, &len, SOCK_CLOEXEC);
    OK(server >= 0 && len == 2 && b.sun_family == AF_UNIX && fcntl(server, F_GETFD) == FD_CLOEXEC &&
           (fcntl(server, F_GETFL) & O_NONBLOCK) == 0,
       "accept4: the client's name and the flags");
    OK(read(server, bytes, 99) == 5 && memcmp(bytes, "early", 5) == 0, "read: what was sent early");
    len = sizeof(b);
    OK(getsockname(server, (struct sockaddr *)&b, &len) == 0 &&
           strcmp(b.sun_path, address("server").sun_path) == 0,
       "getsockname: the listener's");
    len = sizeof(b);
    OK(getpeername(client, (struct sockaddr *)&b, &len) == 0 &&
           strcmp(b.sun_path, address("server").sun_path) == 0,
       "getpeername: the listener's");
    len = sizeof(who);
    OK(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && who.pid == getpid() &&
           who.uid == getuid(),
       "SO_PEERCRED: the client's");
    len = sizeof(who);
    OK(getsockopt(server, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && who.pid == getpid(),
       "SO_PEERCRED: the server's");
    len = sizeof(who);
    OK(getsockopt(datagrams, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && who.pid == 0 &&
           who.uid == (uid_t)-1,
       "SO_PEERCRED: nobody's");
    OK(events_of(server) == POLLOUT && events_of(client) == POLLOUT, "poll: connected");
    OK(rename(address("server").sun_path, address("moved").sun_path) == 0, "rename");
    close(datagrams), datagrams = make(SOCK_STREAM);
    FAILS(connect_to(datagrams, "server"), ENOENT, "connect: the old name");
    OK(connect_to(datagrams, "moved") == 0, "connect: the new name");
    close(datagrams), datagrams = make(SOCK_STREAM);
    OK(symlink("moved", address("link").sun_path) == 0 && connect_to(datagrams, "link") == 0,
       "connect: by a link");
    unlink(address("moved").sun_path);
    close(datagrams), datagrams = make(SOCK_STREAM);
    FAILS(connect_to(datagrams, "moved"), ENOENT, "connect: after unlink");
    OK(stat(address("file").sun_path, &st) == 0, "files stay");
    close(fd), close(client), close(server), close(datagrams);
}

static int listener(const char *name, int type, int backlog)
{
    int fd = make(type | SOCK_NONBLOCK);

    unlink(address(name).sun_path);
    tap_need(bind_to(fd, name) == 0 && listen(fd, backlog) == 0, "a listener");
    return fd;
}

static void *connect_later(void *arg)
{
    int fd = make(SOCK_STREAM);
    long result = connect_to(fd, "full") == 0 ? 0 : errno;

    close(fd);
    return (void *)result;
}

static void test_backlog(void)
{
    int fd = listener("full", SOCK_STREAM, 1), clients[4], many = 0, value = 9;
    struct timeval time = {0, 20000};
    socklen_t len = sizeof(value);
    char byte;
    pthread_t thread;
    void *result;

    for (int i = 0; i < 4; i++) {
        clients[i] = make(SOCK_STREAM | SOCK_NONBLOCK);
        many += connect_to(clients[i], "full") == 0;
    }
    OK(many == 2, "listen: one more than the backlog can connect");
    FAILS(connect_to(clients[3], "full"), EAGAIN, "connect: full");
    fcntl(clients[3], F_SETFL, 0);
    setsockopt(clients[3], SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
    FAILS(connect_to(clients[3], "full"), EAGAIN, "connect: full, with a time-out");
    OK(pthread_create(&thread, NULL, connect_later, NULL) == 0, "a thread that waits");
    usleep(20000);
    close(accept(fd, NULL, NULL));
    OK(pthread_join(thread, &result) == 0 && result == NULL, "connect: waits until there is room");
    pthread_create(&thread, NULL, connect_later, NULL);
    usleep(20000);
    OK(send(clients[1], "x", 1, 0) == 1, "send: nobody has accepted it");
    close(fd);
    OK(pthread_join(thread, &result) == 0 && result == (void *)ECONNREFUSED,
       "connect: the listener goes meanwhile");
    OK(events_of(clients[1]) == (POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP),
       "poll: the listener has gone before accept");
    OK(getsockopt(clients[1], SOL_SOCKET, SO_ERROR, &value, &len) == 0 && value == ECONNRESET,
       "SO_ERROR: ECONNRESET");
    OK(getsockopt(clients[1], SOL_SOCKET, SO_ERROR, &value, &len) == 0 && value == 0,
       "SO_ERROR: once");
    OK(recv(clients[1], &byte, 1, 0) == 0, "recv: the end");
    FAILS(send(clients[1], "x", 1, MSG_NOSIGNAL), EPIPE, "send: nobody there");
    FAILS(connect_to(clients[1], "full"), ECONNREFUSED, "connect: no way back");
    for (int i = 0; i < 4; i++) {
        close(clients[i]);
    }
    fd = listener("shut", SOCK_STREAM, 1);
    OK(shutdown(fd, SHUT_RD) == 0, "shutdown of who listens");
    FAILS(accept(fd, NULL, NULL), EAGAIN, "accept: shut, not to wait");
    fcntl(fd, F_SETFL, 0);
    FAILS(accept(fd, NULL, NULL), EINVAL, "accept: shut");
    clients[0] = make(SOCK_STREAM);
    FAILS(connect_to(clients[0], "shut"), ECONNREFUSED, "connect: shut");
    close(clients[0]), close(fd);
}

static void *accept_one(void *arg)
{
    int fd = accept(*(int *)arg, NULL, NULL);

    return (void *)(long)(fd < 0 ? -errno : fd);
}

static void test_accept_waits(void)
{
    struct timeval time = {0, 20000};
    int fd = listener("wait", SOCK_SEQPACKET, 5), client = make(SOCK_SEQPACKET);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    int ep = epoll_create1(0);
    pthread_t thread;
    void *result;

    OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event) == 0 && epoll_wait(ep, &event, 1, 0) == 0,
       "epoll: nobody yet");
    fcntl(fd, F_SETFL, 0);
    OK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)) == 0, "SO_RCVTIMEO");
    FAILS(accept(fd, NULL, NULL), EAGAIN, "accept: with a time-out");
    time = (struct timeval){0, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
    pthread_create(&thread, NULL, accept_one, &fd);
    usleep(20000);
    OK(connect_to(client, "wait") == 0, "connect");
    OK(pthread_join(thread, &result) == 0 && (long)result > 0, "accept: waits");
    OK(epoll_wait(ep, &event, 1, 0) == 0 || event.events == EPOLLIN, "epoll: was told");
    OK(send((int)(long)result, "abc", 3, 0) == 3 && recv(client, bytes, 9, 0) == 3, "a packet");
    close((int)(long)result), close(client);
    pthread_create(&thread, NULL, accept_one, &fd);
    usleep(20000);
    OK(shutdown(fd, SHUT_RD) == 0 && pthread_join(thread, &result) == 0 && (long)result == -EINVAL,
       "accept: shut meanwhile");
    close(ep), close(fd);
}

static volatile int broken;

static void on_pipe(int signal)
{
    broken++;
}

static void test_stream_end(void)
{
    int fd[2], value = 9;
    socklen_t len = sizeof(value);

    signal(SIGPIPE, on_pipe);
    tap_need(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0, "socketpair");
    OK(shutdown(fd[0], SHUT_WR) == 0 && events_of(fd[0]) == POLLOUT &&
           events_of(fd[1]) == (POLLIN | POLLRDHUP | POLLOUT),
       "poll: one way is shut");
    OK(read(fd[1], bytes, 9) == 0 && write(fd[1], "x", 1) == 1, "the other way is open");
    FAILS(write(fd[0], "x", 1), EPIPE, "write: shut");
    OK(broken == 1, "SIGPIPE");
    FAILS(send(fd[0], "x", 1, MSG_NOSIGNAL), EPIPE, "send: shut");
    OK(broken == 1, "MSG_NOSIGNAL");
    FAILS(shutdown(fd[0], 3), EINVAL, "shutdown: no such way");
    OK(shutdown(fd[1], SHUT_WR) == 0 &&
           events_of(fd[0]) == (POLLIN | POLLOUT | POLLRDHUP | POLLHUP),
       "poll: both ways are shut");
    OK(read(fd[0], bytes, 9) == 1 && read(fd[0], bytes, 9) == 0, "read: what was there, the end");
    close(fd[0]), close(fd[1]);
    tap_need(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0, "socketpair");
    OK(write(fd[0], "lost", 4) == 4 && write(fd[1], "kept", 4) == 4, "write both ways");
    close(fd[1]);
    OK(events_of(fd[0]) == (POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP),
       "poll: closed with bytes unread");
    OK(read(fd[0], bytes, 2) == 2 && read(fd[0], bytes, 9) == 2, "read: what was there");
    FAILS(read(fd[0], bytes, 9), ECONNRESET, "read: the other did not read all");
    OK(read(fd[0], bytes, 9) == 0 && getsockopt(fd[0], SOL_SOCKET, SO_ERROR, &value, &len) == 0 &&
           value == 0,
       "read: once");
    close(fd[0]);
    FAILS(shutdown(fd[0], 0), EBADF, "shutdown: closed");
    fd[0] = make(SOCK_STREAM);
    FAILS(read(fd[0], bytes, 1), EINVAL, "read: not connected");
    FAILS(write(fd[0], bytes, 1), ENOTCONN, "write: not connected");
    OK(shutdown(fd[0], SHUT_RD) == 0, "shutdown: not connected");
    close(fd[0]);
    fd[0] = make(SOCK_SEQPACKET);
    FAILS(recv(fd[0], bytes, 1, 0), ENOTCONN, "recv of packets: not connected");
    FAILS(send(fd[0], bytes, 1, 0), ENOTCONN, "send of packets: not connected");
    close(fd[0]);
}

static void test_flow(void)
{
    int fd[2], count = 0, size = 1 << 16, small = 0;
    socklen_t len = sizeof(size);
    long sent = 0, part, got = 0;

    tap_need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == 0, "socketpair");
    OK(getsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &size, &len) == 0 && size == 212992, "SO_SNDBUF");
    while ((part = write(fd[0], bytes, 5000)) > 0) {
        sent += part;
    }
    OK(part < 0 && errno == EAGAIN && sent > 60000 && sent < 300000, "write: until it is full");
    OK(events_of(fd[0]) == 0 && events_of(fd[1]) == (POLLIN | POLLOUT), "poll: full");
    OK(ioctl(fd[1], FIONREAD, &count) == 0 && count == sent, "FIONREAD");
    OK(read(fd[1], bytes, 5000) == 5000 && events_of(fd[0]) == 0, "poll: still quite full");
    got = 5000;
    while ((part = read(fd[1], bytes, sizeof(bytes))) > 0) {
        got += part;
    }
    OK(part < 0 && errno == EAGAIN && got == sent, "read: all of it");
    OK(events_of(fd[0]) == POLLOUT, "poll: empty");
    size = 1;
    OK(setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) == 0 &&
           getsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &small, &len) == 0 && small == 4608,
       "SO_SNDBUF: the least");
    part = write(fd[0], bytes, 100000);
    OK(part > 0 && part < 100000, "write: a small buffer, in part");
    OK(read(fd[1], bytes, sizeof(bytes)) == part, "read: the part");
    close(fd[0]), close(fd[1]);
}

static void *read_all(void *arg)
{
    long sum = 0, part;
    static char buf[10000];

    while ((part = read(*(int *)arg, buf, sizeof(buf))) > 0) {
        for (long i = 0; i < part; i++) {
            sum = sum * 31 + buf[i];
        }
    }
    return (void *)sum;
}

static void test_large(void)
{
    int fd[2];
    long sum = 0;
    pthread_t thread;
    void *result;
    bool good = true;

    tap_need(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0, "socketpair");
    pthread_create(&thread, NULL, read_all, &fd[1]);
    for (unsigned i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (char)(i * i >> 3);
    }
    for (int i = 0; i < 20; i++) {
        for (unsigned k = 0; k < sizeof(bytes); k++) {
            sum = sum * 31 + bytes[k];
        }
        good = good && write(fd[0], bytes, sizeof(bytes)) == sizeof(bytes);
    }
    OK(good, "write: 256 KiB at a time, all of it");
    close(fd[0]);
    pthread_join(thread, &result);
    OK((long)result == sum, "the bytes arrive in order");
    close(fd[1]);
}

static void test_options(void)
{
    int fd[2], value = 0;
    socklen_t len = sizeof(value);
    struct timeval time = {1, 500000};
    struct linger linger = {1, 7};

    tap_need(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0, "socketpair");
    OK(getsockopt(fd[0], SOL_SOCKET, SO_DOMAIN, &value, &len) == 0 && value == AF_UNIX,
       "SO_DOMAIN");
    OK(getsockopt(fd[0], SOL_SOCKET, SO_PROTOCOL, &value, &len) == 0 && value == 0, "SO_PROTOCOL");
    OK(getsockopt(fd[0], SOL_SOCKET, SO_ACCEPTCONN, &value, &len) == 0 && value == 0,
       "SO_ACCEPTCONN: no");
    value = 5;
    OK(setsockopt(fd[0], SOL_SOCKET, SO_KEEPALIVE, &value, len) == 0 &&
           getsockopt(fd[0], SOL_SOCKET, SO_KEEPALIVE, &value, &len) == 0 && value == 1,
       "SO_KEEPALIVE: kept, as 1");
    OK(setsockopt(fd[0], SOL_SOCKET, SO_REUSEADDR, &value, len) == 0 &&
           getsockopt(fd[0], SOL_SOCKET, SO_REUSEADDR, &value, &len) == 0 && value == 1,
       "SO_REUSEADDR");
    OK(setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0, "SO_LINGER");
    len = sizeof(linger), memset(&linger, 0, sizeof(linger));
    OK(getsockopt(fd[0], SOL_SOCKET, SO_LINGER, &linger, &len) == 0 && linger.l_onoff == 1 &&
           linger.l_linger == 7,
       "SO_LINGER: kept");
    OK(setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)) == 0, "SO_RCVTIMEO");
    len = sizeof(time), memset(&time, 0, sizeof(time));
    OK(getsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &time, &len) == 0 && time.tv_sec == 1 &&
           time.tv_usec == 500000,
       "SO_RCVTIMEO: kept");
    time.tv_usec = 1000000;
    FAILS(setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)), EDOM,
          "SO_RCVTIMEO: bad");
    FAILS(setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &time, 4), EINVAL, "SO_RCVTIMEO: short");
    FAILS(setsockopt(fd[0], SOL_SOCKET, SO_KEEPALIVE, &value, 1), EINVAL, "setsockopt: short");
    FAILS(setsockopt(fd[0], SOL_SOCKET, SO_TYPE, &value, 4), ENOPROTOOPT, "SO_TYPE: not to be set");
    FAILS(setsockopt(fd[0], SOL_SOCKET, 999, &value, 4), ENOPROTOOPT, "setsockopt: no such option");
    FAILS(getsockopt(fd[0], SOL_SOCKET, 999, &value, (len = 4, &len)), ENOPROTOOPT,
          "getsockopt: no such option");
    FAILS(setsockopt(fd[0], 6, 1, &value, 4), EOPNOTSUPP, "setsockopt: another level");
    FAILS(getsockopt(fd[0], 6, 1, &value, &len), EOPNOTSUPP, "getsockopt: another level");
    FAILS(getsockopt(fd[0], SOL_SOCKET, SO_TYPE, &value, (socklen_t *)8), EFAULT,
          "getsockopt: to nowhere");
    value = -1, len = 2;
    OK(getsockopt(fd[0], SOL_SOCKET, SO_TYPE, &value, &len) == 0 && len == 2 &&
           (value & 0xffff) == SOCK_STREAM && value < 0,
       "getsockopt: two bytes of four");
    value = 1;
    OK(setsockopt(fd[0], SOL_SOCKET, SO_PASSCRED, &value, 4) == 0, "SO_PASSCRED");
    FAILS(setsockopt(fd[0], SOL_SOCKET, SO_REUSEPORT, &value, 4), EOPNOTSUPP, "SO_REUSEPORT");
    FAILS(ioctl(fd[0], 0x5401 /* TCGETS */, bytes), ENOTTY, "ioctl: no terminal");
    close(fd[0]), close(fd[1]);
}

static void test_proc(void)
{
    int fd = listener("seen", SOCK_STREAM, 1);
    FILE *file = fopen("/proc/net/unix", "r");
    bool seen = false, head = false;
    char line[300];

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        unsigned flags, type, state;
        unsigned long ino;
        char path[200] = "";

        head = head || strstr(line, "RefCount Protocol Flags    Type St Inode Path") != NULL;
        if (sscanf(line, "%*x: %*x %*x %x %x %x %lu %199s", &flags, &type, &state, &ino, path) >=
                4 &&
            strcmp(path, address("seen").sun_path) == 0) {
            struct stat st;

            seen = flags == 0x10000 && type == SOCK_STREAM && state == 1 && fstat(fd, &st) == 0 &&
                   st.st_ino == ino;
        }
    }
    OK(head && seen, "/proc/net/unix: who listens");
    if (file != NULL) {
        fclose(file);
    }
    snprintf(line, sizeof(line), "/proc/self/fd/%d", fd);
    OK(readlink(line, bytes, 99) > 8 && memcmp(bytes, "socket:[", 8) == 0,
       "/proc/self/fd: a socket");
    close(fd);
}

int main(void)
{
    alarm(60);
    folder = tap_folder();
    test_making();
    test_bind();
    test_abstract();
    test_connect();
    test_backlog();
    test_accept_waits();
    test_stream_end();
    test_flow();
    test_large();
    test_options();
    test_proc();
    return tap_end();
}
