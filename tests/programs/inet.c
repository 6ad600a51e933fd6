/* SPDX-License-Identifier: MIT */
/* TCP over loopback: names, connections, their end, what poll says, urgent data. */
#include "tap.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

static char bytes[1 << 20];
static void *volatile nowhere = (void *)8;

static struct sockaddr_in at(const char *ip, int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    inet_pton(AF_INET, ip, &a.sin_addr);
    return a;
}

static struct sockaddr_in6 at6(const char *ip, int port)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};

    inet_pton(AF_INET6, ip, &a.sin6_addr);
    return a;
}

static int make(int family)
{
    int fd = socket(family, SOCK_STREAM, 0);

    tap_need(fd >= 0, "socket");
    return fd;
}

static int bind_to(int fd, const char *ip, int port)
{
    struct sockaddr_in a = at(ip, port);

    return bind(fd, (struct sockaddr *)&a, sizeof(a));
}

static int bind_to6(int fd, const char *ip, int port)
{
    struct sockaddr_in6 a = at6(ip, port);

    return bind(fd, (struct sockaddr *)&a, sizeof(a));
}

static int connect_to(int fd, const char *ip, int port)
{
    struct sockaddr_in a = at(ip, port);

    return connect(fd, (struct sockaddr *)&a, sizeof(a));
}

static int connect_to6(int fd, const char *ip, int port)
{
    struct sockaddr_in6 a = at6(ip, port);

    return connect(fd, (struct sockaddr *)&a, sizeof(a));
}

/* In both families it is at the same place. */
static int port_of(int fd)
{
    struct sockaddr_in6 a = {0};
    socklen_t len = sizeof(a);

    return getsockname(fd, (struct sockaddr *)&a, &len) == 0 ? ntohs(a.sin6_port) : -1;
}

static int get(int fd, int level, int option)
{
    int value = -1;
    socklen_t len = sizeof(value);

    return getsockopt(fd, level, option, &value, &len) == 0 ? value : -1000 - errno;
}

static int set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value));
}

static int events_of(int fd)
{
    struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP | POLLPRI, 0};

    return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

/* What may take a moment on Linux. */
static int await_events(int fd, int wanted)
{
    struct pollfd p = {fd, (short)wanted, 0};

    poll(&p, 1, 10000);
    return events_of(fd);
}

static int listener(int family)
{
    int fd = make(family);

    set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    tap_need((family == AF_INET ? bind_to(fd, "127.0.0.1", 0) : bind_to6(fd, "::", 0)) == 0 &&
                 listen(fd, 16) == 0,
             "listen");
    return fd;
}

/* Two that are connected. */
static void make_pair(int pair[2])
{
    int fd = listener(AF_INET);

    pair[0] = make(AF_INET);
    tap_need(connect_to(pair[0], "127.0.0.1", port_of(fd)) == 0, "connect");
    pair[1] = accept(fd, NULL, NULL);
    tap_need(pair[1] >= 0, "accept");
    close(fd);
}

static void close_pair(const int pair[2])
{
    close(pair[0]);
    close(pair[1]);
}

static void close_hard(int fd)
{
    struct linger linger = {1, 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    close(fd);
}

/* ---- Names ------------------------------------------------------------------------------------
 */

static void test_making(void)
{
    int fd;

    FAILS(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT, "socket: not this protocol");
    FAILS(socket(AF_INET, SOCK_RDM, 0), ESOCKTNOSUPPORT, "socket: not this type");
    FAILS(socketpair(AF_INET, SOCK_STREAM, 0, (int[2]){0, 0}), EOPNOTSUPP, "socketpair: not here");
    fd = make(AF_INET6);
    OK(get(fd, SOL_SOCKET, SO_DOMAIN) == AF_INET6 && get(fd, SOL_SOCKET, SO_TYPE) == SOCK_STREAM &&
           get(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP,
       "a socket tells what it is");
    OK(events_of(fd) == (POLLOUT | POLLHUP), "poll: a fresh socket");
    FAILS(recv(fd, bytes, 1, 0), ENOTCONN, "recv: not connected");
    FAILS(send(fd, bytes, 1, MSG_NOSIGNAL), EPIPE, "send: not connected");
    FAILS(shutdown(fd, SHUT_RDWR), ENOTCONN, "shutdown: not connected");
    FAILS(accept(fd, NULL, NULL), EINVAL, "accept: not listening");
    FAILS(getpeername(fd, (struct sockaddr *)bytes, &(socklen_t){128}), ENOTCONN,
          "getpeername: not connected");
    close(fd);
}

static void test_bind(void)
{
    int a = make(AF_INET), b = make(AF_INET), port;
    struct sockaddr_in name = {0};
    socklen_t len = sizeof(name);

    OK(getsockname(a, (struct sockaddr *)&name, &len) == 0 && len == sizeof(name) &&
           name.sin_family == AF_INET && name.sin_port == 0 && name.sin_addr.s_addr == 0,
       "getsockname: unbound");
    name = at("127.0.0.1", 0);
    FAILS(bind(a, (struct sockaddr *)&name, 8), EINVAL, "bind: too short");
    name.sin_family = AF_UNIX;
    FAILS(bind(a, (struct sockaddr *)&name, sizeof(name)), EAFNOSUPPORT, "bind: another family");
    FAILS(bind_to(a, "192.0.2.7", 0), EADDRNOTAVAIL, "bind: not an address of ours");
    OK(bind_to(a, "127.0.0.3", 0) == 0 && port_of(a) > 1023, "bind: gets a port");
    port = port_of(a);
    FAILS(bind_to(a, "127.0.0.1", 0), EINVAL, "bind: twice");
    FAILS(bind_to(b, "127.0.0.3", port), EADDRINUSE, "bind: the port is taken");
    FAILS(bind_to(b, "0.0.0.0", port), EADDRINUSE, "bind: taken by a part of the wildcard");
    OK(bind_to(b, "127.0.0.4", port) == 0, "bind: the same port of another address");
    close(b);
    b = make(AF_INET);
    set(a, SOL_SOCKET, SO_REUSEADDR, 1);
    set(b, SOL_SOCKET, SO_REUSEADDR, 1);
    OK(bind_to(b, "127.0.0.3", port) == 0, "bind: SO_REUSEADDR of both");
    OK(listen(a, 1) == 0, "listen: the first");
    FAILS(listen(b, 1), EADDRINUSE, "listen: the second");
    close(b);
    b = make(AF_INET);
    set(b, SOL_SOCKET, SO_REUSEADDR, 1);
    FAILS(bind_to(b, "127.0.0.3", port), EADDRINUSE, "bind: SO_REUSEADDR beside a listener");
    close(a);
    close(b);
    a = make(AF_INET);
    b = make(AF_INET);
    set(a, SOL_SOCKET, SO_REUSEPORT, 1);
    set(b, SOL_SOCKET, SO_REUSEPORT, 1);
    OK(bind_to(a, "127.0.0.1", 0) == 0 && listen(a, 1) == 0 &&
           bind_to(b, "127.0.0.1", port_of(a)) == 0 && listen(b, 1) == 0,
       "SO_REUSEPORT: two listeners");
    close(a);
    close(b);
    a = make(AF_INET);
    OK(listen(a, 1) == 0 && port_of(a) != 0, "listen: gets a port by itself");
    close(a);
}

static void test_bind6(void)
{
    int a = make(AF_INET6), b = make(AF_INET), port;
    struct sockaddr_in6 name = at6("::1", 0);

    FAILS(bind(a, (struct sockaddr *)&name, 16), EINVAL, "bind: too short for IPv6");
    OK(bind_to6(a, "::", 0) == 0 && listen(a, 4) == 0, "bind: all of IPv6 and IPv4");
    port = port_of(a);
    FAILS(bind_to(b, "127.0.0.1", port), EADDRINUSE, "bind: IPv4 is taken by a dual-stack socket");
    FAILS(set(a, IPPROTO_IPV6, IPV6_V6ONLY, 1), EINVAL, "IPV6_V6ONLY: too late");
    close(a);
    a = make(AF_INET6);
    OK(get(a, IPPROTO_IPV6, IPV6_V6ONLY) == 0 && set(a, IPPROTO_IPV6, IPV6_V6ONLY, 1) == 0 &&
           bind_to6(a, "::", port) == 0 && bind_to(b, "127.0.0.1", port) == 0,
       "IPV6_V6ONLY: IPv4 is free");
    close(a);
    a = make(AF_INET6);
    set(a, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    FAILS(bind_to6(a, "::ffff:127.0.0.1", 0), EINVAL, "IPV6_V6ONLY: no mapped address");
    FAILS(connect_to6(a, "::ffff:127.0.0.1", port), ENETUNREACH, "IPV6_V6ONLY: nor to one");
    close(a);
    close(b);
}

/* ---- Connections
 * --------------------------------------------------------------------------------- */

static void test_connect(void)
{
    int l = listener(AF_INET), c = make(AF_INET), s, port = port_of(l);
    struct sockaddr_in name = {0}, peer = {0};
    socklen_t len = sizeof(name);

    FAILS(syscall(SYS_accept4, l, NULL, NULL, 1), EINVAL, "accept4: no such flag");
    OK(get(l, SOL_SOCKET, SO_ACCEPTCONN) == 1 && get(c, SOL_SOCKET, SO_ACCEPTCONN) == 0,
       "SO_ACCEPTCONN");
    OK(events_of(l) == 0, "poll: a listener");
    OK(connect_to(c, "127.0.0.1", port) == 0, "connect");
    OK(await_events(l, POLLIN) == POLLIN, "poll: somebody has come");
    s = accept4(l, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    OK(s >= 0 && (fcntl(s, F_GETFL) & O_NONBLOCK) != 0 && fcntl(s, F_GETFD) == FD_CLOEXEC,
       "accept4: flags");
    OK(len == sizeof(peer) && peer.sin_family == AF_INET && ntohs(peer.sin_port) == port_of(c) &&
           peer.sin_addr.s_addr == htonl(INADDR_LOOPBACK),
       "accept: who has come");
    OK(port_of(s) == port && getpeername(c, (struct sockaddr *)&name, &len) == 0 &&
           ntohs(name.sin_port) == port,
       "getpeername, getsockname");
    OK(events_of(c) == POLLOUT && events_of(s) == POLLOUT, "poll: connected");
    FAILS(connect_to(c, "127.0.0.1", port), EISCONN, "connect: twice");
    FAILS(connect_to(l, "127.0.0.1", port), EISCONN, "connect: a listener");
    FAILS(listen(c, 1), EINVAL, "listen: connected");
    FAILS(recv(s, bytes, 1, 0), EAGAIN, "recv: O_NONBLOCK, nothing there");
    FAILS(recv(c, bytes, 1, MSG_DONTWAIT), EAGAIN, "recv: MSG_DONTWAIT, nothing there");
    FAILS(recv(l, bytes, 1, MSG_DONTWAIT), ENOTCONN, "recv: a listener");
    close(s);
    close(c);
    c = make(AF_INET);
    OK(connect_to(c, "0.0.0.0", port) == 0 && getpeername(c, (struct sockaddr *)&name, &len) == 0 &&
           name.sin_addr.s_addr == htonl(INADDR_LOOPBACK),
       "connect: the wildcard is this machine");
    close(c);
    close(l);
    c = make(AF_INET);
    FAILS(connect_to(c, "127.0.0.1", port), ECONNREFUSED, "connect: refused");
    OK(events_of(c) == (POLLOUT | POLLHUP), "poll: refused is as fresh");
    l = make(AF_INET);
    set(l, SOL_SOCKET, SO_REUSEADDR, 1);
    OK(bind_to(l, "127.0.0.1", port) == 0 && listen(l, 1) == 0 &&
           connect_to(c, "127.0.0.1", port) == 0,
       "connect: again after it was refused");
    close(c);
    close(l);
}

static void test_dual_stack(void)
{
    int l = listener(AF_INET6), c = make(AF_INET), s, port = port_of(l);
    struct sockaddr_in6 name = {0};
    char text[64] = "";
    socklen_t len = sizeof(name);

    OK(connect_to(c, "127.0.0.1", port) == 0, "IPv4 connects to a dual-stack listener");
    s = accept(l, (struct sockaddr *)&name, &len);
    inet_ntop(AF_INET6, &name.sin6_addr, text, sizeof(text));
    OK(s >= 0 && len == sizeof(name) && name.sin6_family == AF_INET6 &&
           strcmp(text, "::ffff:127.0.0.1") == 0,
       "who comes has a mapped address");
    OK(write(s, "abc", 3) == 3 && read(c, bytes, 9) == 3 && memcmp(bytes, "abc", 3) == 0,
       "bytes between the two");
    close(s);
    close(c);
    c = make(AF_INET6);
    OK(connect_to6(c, "::1", port) == 0, "IPv6 connects");
    s = accept(l, (struct sockaddr *)&name, &len);
    inet_ntop(AF_INET6, &name.sin6_addr, text, sizeof(text));
    OK(s >= 0 && strcmp(text, "::1") == 0, "who comes is ::1");
    close(s);
    close(c);
    c = make(AF_INET6);
    OK(connect_to6(c, "::ffff:127.0.0.1", port) == 0, "IPv6 connects to a mapped address");
    s = accept(l, NULL, NULL);
    close(s);
    close(c);
    close(l);
}

static void test_nonblocking(void)
{
    int l = listener(AF_INET), c = make(AF_INET), s, port = port_of(l);

    fcntl(c, F_SETFL, O_NONBLOCK);
    FAILS(connect_to(c, "127.0.0.1", port), EINPROGRESS, "connect: O_NONBLOCK");
    OK(await_events(c, POLLOUT) == POLLOUT && get(c, SOL_SOCKET, SO_ERROR) == 0,
       "poll, SO_ERROR: it is connected");
    OK(connect_to(c, "127.0.0.1", port) == 0, "connect: tells of it once");
    FAILS(connect_to(c, "127.0.0.1", port), EISCONN, "connect: and then no more");
    s = accept(l, NULL, NULL);
    close(s);
    close(c);
    close(l);
    c = make(AF_INET);
    fcntl(c, F_SETFL, O_NONBLOCK);
    FAILS(connect_to(c, "127.0.0.1", port), EINPROGRESS, "connect: O_NONBLOCK, nobody there");
    OK(await_events(c, POLLOUT) == (POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP),
       "poll: it has failed");
    OK(get(c, SOL_SOCKET, SO_ERROR) == ECONNREFUSED && get(c, SOL_SOCKET, SO_ERROR) == 0,
       "SO_ERROR: once");
    FAILS(connect_to(c, "127.0.0.1", port), ECONNABORTED, "connect: after SO_ERROR was taken");
    close(c);
}

static void test_accept_queue(void)
{
    int l = make(AF_INET), c[3], s, i, port;
    bool good = true;

    bind_to(l, "127.0.0.1", 0);
    listen(l, 1);
    port = port_of(l);
    for (i = 0; i < 3; i++) {
        c[i] = make(AF_INET);
        fcntl(c[i], F_SETFL, O_NONBLOCK);
        connect_to(c[i], "127.0.0.1", port);
    }
    OK(await_events(c[0], POLLOUT) == POLLOUT && await_events(c[1], POLLOUT) == POLLOUT,
       "listen: one more than the backlog is connected");
    OK(events_of(c[2]) == 0, "listen: the next one is not");
    FAILS(connect_to(c[2], "127.0.0.1", port), EALREADY, "connect: still under way");
    for (i = 0; i < 3; i++) {
        s = accept(l, NULL, NULL);
        good = good && s >= 0 && write(s, "x", 1) == 1;
        close(s);
    }
    OK(good, "accept: all three in the end");
    OK((await_events(c[2], POLLIN) & POLLIN) != 0 && read(c[2], bytes, 2) == 1,
       "connect: it was completed");
    for (i = 0; i < 3; i++) {
        close(c[i]);
    }
    c[0] = make(AF_INET);
    connect_to(c[0], "127.0.0.1", port);
    close(l);
    OK((await_events(c[0], POLLIN) & (POLLIN | POLLHUP | POLLERR)) == (POLLIN | POLLHUP | POLLERR),
       "close: a listener's waiting connection is reset");
    FAILS(read(c[0], bytes, 1), ECONNRESET, "read: so it is");
    OK(read(c[0], bytes, 1) == 0, "read: and then the end");
    close(c[0]);
}

/* ---- Bytes
 * ----------------------------------------------------------------------------------------- */

static void test_bytes(void)
{
    struct iovec vec[2] = {{bytes + 100, 3}, {bytes + 200, 20}};
    struct msghdr header = {.msg_iov = vec, .msg_iovlen = 2};
    int p[2], count = 0;

    make_pair(p);
    OK(send(p[0], "hello", 5, 0) == 5 && send(p[0], " world", 6, MSG_MORE) == 6, "send");
    OK(await_events(p[1], POLLIN) == (POLLIN | POLLOUT), "poll: bytes wait");
    usleep(300000); /* MSG_MORE keeps them back on Linux for 200 ms */
    OK(ioctl(p[1], FIONREAD, &count) == 0 && count == 11, "FIONREAD");
    OK(recv(p[1], bytes, 4, MSG_PEEK) == 4 && memcmp(bytes, "hell", 4) == 0, "MSG_PEEK");
    OK(recv(p[1], bytes, 100, MSG_PEEK) == 11, "MSG_PEEK: all there is");
    OK(recvmsg(p[1], &header, 0) == 11 && memcmp(bytes + 100, "hel", 3) == 0 &&
           memcmp(bytes + 200, "lo world", 8) == 0 && header.msg_flags == 0,
       "recvmsg: over two buffers");
    write(p[0], "0123456789", 10);
    OK(recv(p[1], NULL, 4, MSG_TRUNC) == 4 && recv(p[1], bytes, 9, 0) == 6 && bytes[0] == '4',
       "MSG_TRUNC: bytes are thrown away");
    FAILS(write(p[0], nowhere, 10), EFAULT, "write: a bad address");
    write(p[0], "ab", 2);
    FAILS(read(p[1], nowhere, 2), EFAULT, "read: a bad address");
    OK(read(p[1], bytes, 2) == 2 && bytes[0] == 'a', "read: nothing was lost by that");
    OK(send(p[0], bytes, 0, 0) == 0 && events_of(p[1]) == POLLOUT, "send: nothing");
    close_pair(p);
}

static void *write_slowly(void *arg)
{
    int fd = *(int *)arg, i;

    for (i = 0; i < 4; i++) {
        usleep(20000);
        if (write(fd, "1234567", 7) != 7) {
            break;
        }
    }
    return NULL;
}

static void test_waiting(void)
{
    struct timeval soon = {0, 50000};
    pthread_t thread;
    int p[2];

    make_pair(p);
    pthread_create(&thread, NULL, write_slowly, &p[0]);
    OK(recv(p[1], bytes, 28, MSG_WAITALL) == 28, "MSG_WAITALL");
    pthread_join(thread, NULL);
    set(p[1], SOL_SOCKET, SO_RCVLOWAT, 8);
    pthread_create(&thread, NULL, write_slowly, &p[0]);
    OK(recv(p[1], bytes, 100, 0) >= 8, "SO_RCVLOWAT");
    pthread_join(thread, NULL);
    recv(p[1], bytes, 100, MSG_DONTWAIT);
    set(p[1], SOL_SOCKET, SO_RCVLOWAT, 1);
    setsockopt(p[1], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
    FAILS(recv(p[1], bytes, 1, 0), EAGAIN, "SO_RCVTIMEO");
    close_pair(p);
}

static void *read_all(void *arg)
{
    static unsigned long sum;
    static char buffer[40000];
    int fd = *(int *)arg;
    ssize_t n;

    sum = 0;
    while ((n = read(fd, buffer, 1 + sum % sizeof(buffer))) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            if (buffer[i] != (char)((sum + (unsigned long)i) * 7 >> 3)) {
                return NULL;
            }
        }
        sum += (unsigned long)n;
    }
    return n == 0 ? &sum : NULL;
}

static void test_stream(void)
{
    unsigned long sent = 0, *sum = NULL;
    pthread_t thread;
    int p[2];

    make_pair(p);
    pthread_create(&thread, NULL, read_all, &p[1]);
    for (int i = 0; sent < 20000000; i++) {
        size_t size = (size_t)(i * 7919) % 100000 + 1;

        for (size_t k = 0; k < size; k++) {
            bytes[k] = (char)((sent + k) * 7 >> 3);
        }
        if (write(p[0], bytes, size) != (ssize_t)size) {
            break;
        }
        sent += size;
    }
    shutdown(p[0], SHUT_WR);
    pthread_join(thread, (void **)&sum);
    OK(sum != NULL && *sum == sent && sent >= 20000000, "a stream arrives as it was sent");
    close_pair(p);
}

static void test_full(void)
{
    long sent = 0, taken = 0;
    ssize_t n;
    int p[2];

    make_pair(p);
    fcntl(p[0], F_SETFL, O_NONBLOCK);
    while ((n = write(p[0], bytes, 30000)) > 0) {
        sent += n;
    }
    OK(n == -1 && errno == EAGAIN && sent >= 100000, "write: until it is full");
    OK(events_of(p[0]) == 0, "poll: it is");
    while (taken < sent && (n = read(p[1], bytes, sizeof(bytes))) > 0) {
        taken += n;
    }
    OK(taken == sent, "read: all of it");
    OK(await_events(p[0], POLLOUT) == POLLOUT, "poll: there is room");
    close_pair(p);
}

static void *write_much(void *arg)
{
    static ssize_t result;

    signal(SIGPIPE, SIG_IGN);
    while ((result = write(*(int *)arg, bytes, 100000)) > 0) {
    }
    result = errno;
    return &result;
}

static void test_shutdown_while_writing(void)
{
    pthread_t thread;
    ssize_t *error;
    int p[2];

    make_pair(p);
    pthread_create(&thread, NULL, write_much, &p[0]);
    usleep(50000);
    shutdown(p[0], SHUT_RDWR);
    pthread_join(thread, (void **)&error);
    OK(*error == EPIPE, "shutdown: ends a write of another thread");
    close_pair(p);
}

static void test_sendfile(void)
{
    const char *folder = tap_folder();
    char path[128];
    int p[2], fd;
    off_t from = 1000;

    snprintf(path, sizeof(path), "%s/file", folder);
    fd = open(path, O_RDWR | O_CREAT, 0600);
    for (int i = 0; i < 20000; i++) {
        bytes[i] = (char)(i / 100);
    }
    write(fd, bytes, 20000);
    make_pair(p);
    OK(sendfile(p[0], fd, &from, 15000) == 15000 && from == 16000, "sendfile");
    memset(bytes, 0, 20000);
    OK(recv(p[1], bytes, 15000, MSG_WAITALL) == 15000 && bytes[0] == 10 &&
           bytes[14999] == 159 - 256,
       "sendfile: what was sent");
    close_pair(p);
    close(fd);
    unlink(path);
    rmdir(folder);
}

/* ---- The end
 * ------------------------------------------------------------------------------------------ */

static volatile int pipes;

static void on_pipe(int signal)
{
    pipes++;
}

static void test_half_close(void)
{
    int p[2];

    make_pair(p);
    write(p[0], "end", 3);
    OK(shutdown(p[0], SHUT_WR) == 0, "shutdown: one way");
    OK(await_events(p[1], POLLRDHUP) == (POLLIN | POLLOUT | POLLRDHUP), "poll: POLLRDHUP");
    OK(read(p[1], bytes, 10) == 3 && read(p[1], bytes, 10) == 0 && read(p[1], bytes, 10) == 0,
       "read: what was sent before, then the end");
    signal(SIGPIPE, on_pipe);
    FAILS(write(p[0], "x", 1), EPIPE, "write: after shutdown");
    OK(pipes == 1, "write: SIGPIPE");
    FAILS(send(p[0], "x", 1, MSG_NOSIGNAL), EPIPE, "send: MSG_NOSIGNAL");
    OK(pipes == 1, "send: no SIGPIPE");
    OK(write(p[1], "back", 4) == 4 && read(p[0], bytes, 9) == 4, "the other way still goes");
    OK(events_of(p[0]) == POLLOUT, "poll: who has shut his own way");
    OK(shutdown(p[1], SHUT_WR) == 0, "shutdown: the other way");
    OK((await_events(p[0], POLLRDHUP) & (POLLHUP | POLLRDHUP | POLLIN)) ==
           (POLLHUP | POLLRDHUP | POLLIN),
       "poll: POLLHUP after both");
    OK(read(p[0], bytes, 1) == 0, "read: the end");
    close_pair(p);
    make_pair(p);
    OK(shutdown(p[0], SHUT_RD) == 0 && read(p[0], bytes, 1) == 0, "shutdown: reading");
    OK(events_of(p[0]) == (POLLIN | POLLOUT | POLLRDHUP), "poll: of that");
    OK(write(p[1], "x", 1) == 1, "write: nobody is told of it");
    close_pair(p);
}

static void test_close(void)
{
    int p[2], before;

    make_pair(p);
    write(p[1], "last", 4);
    close(p[1]);
    OK((await_events(p[0], POLLRDHUP) & (POLLIN | POLLRDHUP | POLLHUP)) == (POLLIN | POLLRDHUP),
       "poll: the peer has closed");
    OK(read(p[0], bytes, 10) == 4 && read(p[0], bytes, 10) == 0,
       "read: what it sent, then the end");
    OK(write(p[0], "x", 1) == 1, "write: the first is not refused");
    await_events(p[0], POLLERR);
    OK((events_of(p[0]) & (POLLERR | POLLHUP)) == (POLLERR | POLLHUP), "poll: the answer came");
    before = pipes;
    FAILS(write(p[0], "x", 1), EPIPE, "write: the second is");
    OK(pipes == before + 1, "write: with SIGPIPE");
    OK(read(p[0], bytes, 1) == 0, "read: the end all the same");
    close(p[0]);
    make_pair(p);
    write(p[0], "unread", 6);
    await_events(p[1], POLLIN);
    close(p[1]);
    await_events(p[0], POLLERR);
    OK(get(p[0], SOL_SOCKET, SO_ERROR) == ECONNRESET, "close: with bytes unread is a reset");
    FAILS(getpeername(p[0], (struct sockaddr *)bytes, &(socklen_t){128}), ENOTCONN,
          "getpeername: after a reset");
    close(p[0]);
    make_pair(p);
    write(p[1], "before", 6);
    await_events(p[0], POLLIN);
    close_hard(p[1]);
    await_events(p[0], POLLERR);
    OK(events_of(p[0]) == (POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP), "poll: a reset");
    OK(read(p[0], bytes, 10) == 6, "read: what came before a reset");
    FAILS(read(p[0], bytes, 10), ECONNRESET, "read: then the error");
    OK(read(p[0], bytes, 10) == 0, "read: then the end");
    FAILS(send(p[0], "x", 1, MSG_NOSIGNAL), EPIPE, "send: after a reset");
    close(p[0]);
}

static void *wait_in_read(void *arg)
{
    static ssize_t result;

    result = read(*(int *)arg, bytes, 1);
    return &result;
}

static void *wait_in_accept(void *arg)
{
    static int result;

    result = accept(*(int *)arg, NULL, NULL) < 0 ? errno : 0;
    return &result;
}

static void test_shutdown_of_waiting(void)
{
    int p[2], l = listener(AF_INET), *accepted;
    pthread_t thread;
    ssize_t *result;

    make_pair(p);
    pthread_create(&thread, NULL, wait_in_read, &p[0]);
    usleep(30000);
    shutdown(p[0], SHUT_RD);
    pthread_join(thread, (void **)&result);
    OK(*result == 0, "shutdown: ends a read of another thread");
    close_pair(p);
    pthread_create(&thread, NULL, wait_in_accept, &l);
    usleep(30000);
    OK(shutdown(l, SHUT_RD) == 0, "shutdown: a listener");
    pthread_join(thread, (void **)&accepted);
    OK(*accepted == EINVAL, "shutdown: ends an accept of another thread");
    close(l);
}

static void test_disconnect(void)
{
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    int p[2];

    make_pair(p);
    OK(connect(p[0], &none, sizeof(none)) == 0, "connect: AF_UNSPEC");
    await_events(p[1], POLLIN);
    OK(get(p[1], SOL_SOCKET, SO_ERROR) == ECONNRESET, "the peer sees a reset");
    FAILS(getpeername(p[0], (struct sockaddr *)bytes, &(socklen_t){128}), ENOTCONN,
          "it is not connected any more");
    close_pair(p);
}

/* ---- Urgent data
 * ---------------------------------------------------------------------------------------- */

static void test_urgent(void)
{
    int p[2], mark = -1;

    make_pair(p);
    FAILS(recv(p[1], bytes, 1, MSG_OOB), EINVAL, "MSG_OOB: there is none");
    write(p[0], "abc", 3);
    OK(send(p[0], "deX", 3, MSG_OOB) == 3, "send: MSG_OOB");
    OK((await_events(p[1], POLLPRI) & POLLPRI) != 0, "poll: POLLPRI");
    write(p[0], "fgh", 3);
    OK(recv(p[1], bytes, 1, MSG_OOB) == 1 && bytes[0] == 'X', "recv: MSG_OOB");
    FAILS(recv(p[1], bytes, 1, MSG_OOB), EINVAL, "recv: MSG_OOB only once");
    usleep(50000);
    OK(ioctl(p[1], SIOCATMARK, &mark) == 0 && mark == 0, "SIOCATMARK: not yet");
    OK(recv(p[1], bytes, 20, 0) == 5 && memcmp(bytes, "abcde", 5) == 0, "a read ends at the mark");
    OK(ioctl(p[1], SIOCATMARK, &mark) == 0 && mark == 1, "SIOCATMARK: at it");
    OK(recv(p[1], bytes, 20, 0) == 3 && memcmp(bytes, "fgh", 3) == 0, "the next one goes on");
    set(p[1], SOL_SOCKET, SO_OOBINLINE, 1);
    write(p[0], "12", 2);
    send(p[0], "Y", 1, MSG_OOB);
    write(p[0], "34", 2);
    usleep(50000);
    FAILS(recv(p[1], bytes, 1, MSG_OOB), EINVAL, "SO_OOBINLINE: not apart");
    OK(recv(p[1], bytes, 20, 0) == 2 && recv(p[1], bytes, 20, 0) == 3 &&
           memcmp(bytes, "Y34", 3) == 0,
       "SO_OOBINLINE: in its place");
    close_pair(p);
}

int main(void)
{
    test_making();
    test_bind();
    test_bind6();
    test_connect();
    test_dual_stack();
    test_nonblocking();
    test_accept_queue();
    test_bytes();
    test_waiting();
    test_stream();
    test_full();
    test_half_close();
    test_close();
    test_shutdown_of_waiting();
    test_shutdown_while_writing();
    test_sendfile();
    test_disconnect();
    test_urgent();
    return tap_end();
}
