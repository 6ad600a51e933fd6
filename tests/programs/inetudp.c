/* SPDX-License-Identifier: MIT */
/* UDP over loopback, groups, the interfaces and what asks about them. */
#include "tap.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>

static char bytes[1 << 17];

static struct sockaddr_in at(const char *ip, int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    inet_pton(AF_INET, ip, &a.sin_addr);
    return a;
}

static int make(int family)
{
    int fd = socket(family, SOCK_DGRAM, 0);

    tap_need(fd >= 0, "socket");
    return fd;
}

static int bind_to(int fd, const char *ip, int port)
{
    struct sockaddr_in a = at(ip, port);

    return bind(fd, (struct sockaddr *)&a, sizeof(a));
}

static int connect_to(int fd, const char *ip, int port)
{
    struct sockaddr_in a = at(ip, port);

    return connect(fd, (struct sockaddr *)&a, sizeof(a));
}

static ssize_t send_to(int fd, const void *data, size_t size, const char *ip, int port)
{
    struct sockaddr_in a = at(ip, port);

    return sendto(fd, data, size, 0, (struct sockaddr *)&a, sizeof(a));
}

static int port_of(int fd)
{
    struct sockaddr_in6 a = {0};
    socklen_t len = sizeof(a);

    return getsockname(fd, (struct sockaddr *)&a, &len) == 0 ? ntohs(a.sin6_port) : -1;
}

static int set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value));
}

static int get(int fd, int level, int option)
{
    int value = -1;
    socklen_t len = sizeof(value);

    return getsockopt(fd, level, option, &value, &len) == 0 ? value : -1000 - errno;
}

static int events_of(int fd)
{
    struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};

    return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

/* What may take a moment on Linux. */
static int await_events(int fd, int wanted)
{
    struct pollfd p = {fd, (short)wanted, 0};

    poll(&p, 1, 10000);
    return events_of(fd);
}

/* ---- Datagrams ----------------------------------------------------------------------------------
 */

static void test_datagrams(void)
{
    int a = make(AF_INET), b = make(AF_INET), count = 0;
    struct sockaddr_in from = {0};
    socklen_t len = sizeof(from);

    OK(events_of(a) == POLLOUT, "poll: a fresh socket");
    bind_to(a, "127.0.0.1", 0);
    FAILS(send(b, "x", 1, 0), EDESTADDRREQ, "send: where to?");
    FAILS(send_to(b, "x", 1, "127.0.0.1", 0), EINVAL, "sendto: port 0");
    OK(send_to(b, "hello", 5, "127.0.0.1", port_of(a)) == 5 && port_of(b) > 1023,
       "sendto: gets a port");
    OK(send_to(b, "", 0, "127.0.0.1", port_of(a)) == 0 &&
           send_to(b, "third", 5, "127.0.0.1", port_of(a)) == 5,
       "sendto: nothing is a datagram, too");
    OK(await_events(a, POLLIN) == (POLLIN | POLLOUT), "poll: they are there");
    OK(ioctl(a, FIONREAD, &count) == 0 && count == 5, "FIONREAD: of the first");
    OK(recvfrom(a, bytes, 3, MSG_PEEK, (struct sockaddr *)&from, &len) == 3 &&
           ntohs(from.sin_port) == port_of(b) && from.sin_addr.s_addr == htonl(INADDR_LOOPBACK) &&
           len == sizeof(from),
       "recvfrom: who sent it");
    OK(recv(a, bytes, 2, MSG_TRUNC) == 5, "MSG_TRUNC: how long it was");
    OK(recv(a, bytes, 10, 0) == 0, "recv: an empty one");
    OK(recv(a, bytes, 10, MSG_WAITALL) == 5, "recv: the third");
    FAILS(recv(a, bytes, 10, MSG_DONTWAIT), EAGAIN, "recv: no more");
    FAILS(send_to(b, bytes, 65508, "127.0.0.1", port_of(a)), EMSGSIZE, "sendto: too large");
    OK(send_to(b, bytes, 65507, "127.0.0.1", port_of(a)) == 65507 && await_events(a, POLLIN) != 0 &&
           recv(a, bytes, sizeof(bytes), 0) == 65507,
       "sendto: the largest");
    FAILS(send_to(b, "x", 1, "255.255.255.255", 9), EACCES, "sendto: a broadcast");
    FAILS(listen(a, 1), EOPNOTSUPP, "listen: not of datagrams");
    close(a);
    close(b);
}

static void test_connected(void)
{
    int a = make(AF_INET), b = make(AF_INET), c = make(AF_INET), port;
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    struct sockaddr_in name = {0};
    socklen_t len = sizeof(name);

    bind_to(a, "127.0.0.1", 0);
    OK(connect_to(b, "127.0.0.1", port_of(a)) == 0 && connect_to(a, "127.0.0.1", port_of(b)) == 0,
       "connect: both ways");
    OK(getsockname(b, (struct sockaddr *)&name, &len) == 0 &&
           name.sin_addr.s_addr == htonl(INADDR_LOOPBACK),
       "getsockname: connect binds the address");
    send_to(c, "other", 5, "127.0.0.1", port_of(a));
    OK(send(b, "peer", 4, 0) == 4 && await_events(a, POLLIN) != 0 && recv(a, bytes, 10, 0) == 4,
       "recv: of the peer alone");
    FAILS(recv(a, bytes, 10, MSG_DONTWAIT), EAGAIN, "recv: nothing of others");
    OK(connect(a, &none, sizeof(none)) == 0, "connect: AF_UNSPEC");
    FAILS(getpeername(a, (struct sockaddr *)&name, &len), ENOTCONN, "getpeername: after that");
    port = port_of(a);
    close(a);
    OK(send(b, "lost", 4, 0) == 4, "send: nobody there");
    OK((await_events(b, POLLERR) & POLLERR) != 0, "poll: an error");
    FAILS(send(b, "lost", 4, 0), ECONNREFUSED, "send: the next one says so");
    send(b, "lost", 4, 0);
    await_events(b, POLLERR);
    OK(get(b, SOL_SOCKET, SO_ERROR) == ECONNREFUSED, "SO_ERROR");
    send_to(c, "x", 1, "127.0.0.1", port);
    usleep(20000);
    OK(events_of(c) == POLLOUT, "an unconnected sender learns nothing");
    close(b);
    close(c);
}

static void *receive_one(void *arg)
{
    static ssize_t result;

    result = recv(*(int *)arg, bytes, 10, 0);
    return &result;
}

static void test_waiting(void)
{
    struct timeval soon = {0, 30000};
    int a = make(AF_INET), b = make(AF_INET);
    pthread_t thread;
    ssize_t *result;

    bind_to(a, "127.0.0.1", 0);
    pthread_create(&thread, NULL, receive_one, &a);
    usleep(20000);
    send_to(b, "abc", 3, "127.0.0.1", port_of(a));
    pthread_join(thread, (void **)&result);
    OK(*result == 3, "recv: waits");
    setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
    FAILS(recv(a, bytes, 1, 0), EAGAIN, "SO_RCVTIMEO");
    FAILS(shutdown(a, SHUT_RD), ENOTCONN, "shutdown: not connected");
    OK(recv(a, bytes, 1, 0) == 0, "shutdown: shuts all the same");
    close(a);
    a = make(AF_INET);
    bind_to(a, "127.0.0.1", 0);
    set(a, SOL_SOCKET, SO_RCVBUF, 4096);
    for (int i = 0; i < 100; i++) {
        send_to(b, bytes, 1000, "127.0.0.1", port_of(a));
    }
    usleep(20000);
    OK(recv(a, bytes, 2000, MSG_DONTWAIT) == 1000, "SO_RCVBUF: some arrive");
    for (int i = 0; i < 20; i++) {
        recv(a, bytes, 2000, MSG_DONTWAIT);
    }
    FAILS(recv(a, bytes, 2000, MSG_DONTWAIT), EAGAIN, "SO_RCVBUF: not all of them");
    close(a);
    close(b);
}

static void test_dual_stack(void)
{
    struct sockaddr_in6 any = {.sin6_family = AF_INET6}, from = {0};
    int a = make(AF_INET6), b = make(AF_INET), c = make(AF_INET6);
    socklen_t len = sizeof(from);
    char text[64] = "";

    OK(bind(a, (struct sockaddr *)&any, sizeof(any)) == 0, "bind: all");
    send_to(b, "four", 4, "127.0.0.1", port_of(a));
    await_events(a, POLLIN);
    OK(recvfrom(a, bytes, 10, 0, (struct sockaddr *)&from, &len) == 4 && len == sizeof(from) &&
           inet_ntop(AF_INET6, &from.sin6_addr, text, sizeof(text)) != NULL &&
           strcmp(text, "::ffff:127.0.0.1") == 0,
       "recvfrom: a mapped address");
    OK(sendto(a, "back", 4, 0, (struct sockaddr *)&from, len) == 4 && await_events(b, POLLIN) &&
           recv(b, bytes, 10, 0) == 4,
       "sendto: to it");
    any.sin6_port = htons((uint16_t)port_of(a));
    any.sin6_addr = in6addr_loopback;
    OK(sendto(c, "six", 3, 0, (struct sockaddr *)&any, sizeof(any)) == 3 &&
           await_events(a, POLLIN) &&
           recvfrom(a, bytes, 10, 0, (struct sockaddr *)&from, &len) == 3 &&
           IN6_IS_ADDR_LOOPBACK(&from.sin6_addr),
       "sendto, recvfrom: IPv6");
    close(a);
    close(b);
    close(c);
}

static void test_messages(void)
{
    struct iovec vec[2] = {{"ab", 2}, {"cde", 3}}, into[2] = {{bytes, 1}, {bytes + 10, 2}};
    int a = make(AF_INET), b = make(AF_INET);
    struct mmsghdr many[2] = {{.msg_hdr = {.msg_iov = vec, .msg_iovlen = 2}},
                              {.msg_hdr = {.msg_iov = vec, .msg_iovlen = 1}}};
    struct msghdr header = {.msg_iov = into, .msg_iovlen = 2};

    bind_to(a, "127.0.0.1", 0);
    connect_to(b, "127.0.0.1", port_of(a));
    OK(sendmmsg(b, many, 2, 0) == 2 && many[0].msg_len == 5 && many[1].msg_len == 2, "sendmmsg");
    await_events(a, POLLIN);
    OK(recvmsg(a, &header, 0) == 3 && (header.msg_flags & MSG_TRUNC) != 0 && bytes[10] == 'b',
       "recvmsg: cut off");
    many[0].msg_hdr = (struct msghdr){.msg_iov = into, .msg_iovlen = 2};
    OK(recvmmsg(a, many, 1, 0, NULL) == 1 && many[0].msg_len == 2, "recvmmsg");
    close(a);
    close(b);
}

static void test_groups(void)
{
    int a = make(AF_INET), b = make(AF_INET), c = make(AF_INET);
    struct ip_mreq join = {.imr_interface.s_addr = htonl(INADDR_LOOPBACK)};
    struct in_addr lo = {htonl(INADDR_LOOPBACK)};

    inet_pton(AF_INET, "239.7.7.7", &join.imr_multiaddr);
    set(a, SOL_SOCKET, SO_REUSEADDR, 1);
    set(b, SOL_SOCKET, SO_REUSEADDR, 1);
    OK(bind_to(a, "0.0.0.0", 0) == 0 && bind_to(b, "0.0.0.0", port_of(a)) == 0,
       "SO_REUSEADDR: two have one port");
    OK(setsockopt(a, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof(join)) == 0 &&
           setsockopt(b, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof(join)) == 0,
       "IP_ADD_MEMBERSHIP");
    FAILS(setsockopt(a, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof(join)), EADDRINUSE,
          "IP_ADD_MEMBERSHIP: twice");
    OK(setsockopt(c, IPPROTO_IP, IP_MULTICAST_IF, &lo, sizeof(lo)) == 0, "IP_MULTICAST_IF");
    OK(send_to(c, "all", 3, "239.7.7.7", port_of(a)) == 3 && await_events(a, POLLIN) &&
           await_events(b, POLLIN) && recv(a, bytes, 9, 0) == 3 && recv(b, bytes, 9, 0) == 3,
       "a datagram to both");
    OK(setsockopt(b, IPPROTO_IP, IP_DROP_MEMBERSHIP, &join, sizeof(join)) == 0,
       "IP_DROP_MEMBERSHIP");
    FAILS(setsockopt(b, IPPROTO_IP, IP_DROP_MEMBERSHIP, &join, sizeof(join)), EADDRNOTAVAIL,
          "IP_DROP_MEMBERSHIP: twice");
    OK(get(c, IPPROTO_IP, IP_MULTICAST_TTL) == 1 && get(c, IPPROTO_IP, IP_MULTICAST_LOOP) == 1 &&
           set(c, IPPROTO_IP, IP_MULTICAST_TTL, 5) == 0 &&
           get(c, IPPROTO_IP, IP_MULTICAST_TTL) == 5,
       "IP_MULTICAST_TTL, IP_MULTICAST_LOOP");
    OK(set(c, IPPROTO_IP, IP_MULTICAST_LOOP, 0) == 0 &&
           send_to(c, "none", 4, "239.7.7.7", port_of(a)) == 4,
       "IP_MULTICAST_LOOP: off");
    usleep(20000);
    OK(recv(a, bytes, 9, MSG_DONTWAIT) == 4, "IP_MULTICAST_LOOP: through lo it comes back even so");
    inet_pton(AF_INET, "10.1.1.1", &join.imr_multiaddr);
    FAILS(setsockopt(a, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof(join)), EINVAL,
          "IP_ADD_MEMBERSHIP: no group");
    close(a);
    close(b);
    close(c);
}

/* ---- Interfaces
 * ----------------------------------------------------------------------------------- */

static void test_ioctls(void)
{
    struct ifreq request = {.ifr_name = "lo"}, list[8];
    struct ifconf conf = {.ifc_len = sizeof(list), .ifc_req = list};
    int fd = make(AF_INET), local = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_in *in = (struct sockaddr_in *)&request.ifr_addr;

    OK(ioctl(fd, SIOCGIFCONF, &conf) == 0 && conf.ifc_len >= (int)sizeof(list[0]) &&
           strcmp(list[0].ifr_name, "lo") == 0,
       "SIOCGIFCONF");
    OK(ioctl(local, SIOCGIFINDEX, &request) == 0 && request.ifr_ifindex == 1,
       "SIOCGIFINDEX: of any socket");
    OK(ioctl(fd, SIOCGIFFLAGS, &request) == 0 &&
           request.ifr_flags == (IFF_UP | IFF_LOOPBACK | IFF_RUNNING),
       "SIOCGIFFLAGS");
    OK(ioctl(fd, SIOCGIFADDR, &request) == 0 && in->sin_addr.s_addr == htonl(INADDR_LOOPBACK),
       "SIOCGIFADDR");
    OK(ioctl(fd, SIOCGIFNETMASK, &request) == 0 && in->sin_addr.s_addr == htonl(0xff000000),
       "SIOCGIFNETMASK");
    OK(ioctl(fd, SIOCGIFMTU, &request) == 0 && request.ifr_mtu == 65536, "SIOCGIFMTU");
    OK(ioctl(fd, SIOCGIFHWADDR, &request) == 0 && request.ifr_hwaddr.sa_family == 772,
       "SIOCGIFHWADDR");
    strcpy(request.ifr_name, "none7");
    FAILS(ioctl(fd, SIOCGIFMTU, &request), ENODEV, "an interface that is not there");
    close(fd);
    close(local);
}

static void test_names(void)
{
    struct ifaddrs *all = NULL, *one;
    bool four = false, six = false, link = false;
    char name[IF_NAMESIZE] = "";

    OK(if_nametoindex("lo") == 1 && if_indextoname(1, name) != NULL && strcmp(name, "lo") == 0,
       "if_nametoindex, if_indextoname");
    OK(getifaddrs(&all) == 0, "getifaddrs");
    for (one = all; one != NULL; one = one->ifa_next) {
        if (strcmp(one->ifa_name, "lo") != 0 || one->ifa_addr == NULL) {
            continue;
        }
        if (one->ifa_addr->sa_family == AF_INET) {
            four =
                ((struct sockaddr_in *)one->ifa_addr)->sin_addr.s_addr == htonl(INADDR_LOOPBACK) &&
                ((struct sockaddr_in *)one->ifa_netmask)->sin_addr.s_addr == htonl(0xff000000);
        } else if (one->ifa_addr->sa_family == AF_INET6) {
            six = IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)one->ifa_addr)->sin6_addr);
        } else {
            link = true;
        }
    }
    OK(four && six && link, "getifaddrs: lo, its addresses and its link");
    freeifaddrs(all);
}

static void test_resolving(void)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *list = NULL;

    OK(getaddrinfo("127.0.0.1", "80", &hints, &list) == 0 && list->ai_family == AF_INET,
       "getaddrinfo: a number");
    freeaddrinfo(list);
}

static bool file_has(const char *path, const char *text)
{
    FILE *file = fopen(path, "r");
    size_t n = file != NULL ? fread(bytes, 1, sizeof(bytes) - 1, file) : 0;

    if (file != NULL) {
        fclose(file);
    }
    bytes[n] = '\0';
    return strstr(bytes, text) != NULL;
}

static void test_proc(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), udp = make(AF_INET);
    char text[64];

    bind_to(fd, "127.0.0.1", 0);
    listen(fd, 5);
    snprintf(text, sizeof(text), " 0100007F:%04X 00000000:0000 0A ", port_of(fd));
    OK(file_has("/proc/net/tcp", text), "/proc/net/tcp: a listener");
    bind_to(udp, "127.0.0.1", 0);
    snprintf(text, sizeof(text), " 0100007F:%04X 00000000:0000 07 ", port_of(udp));
    OK(file_has("/proc/net/udp", text), "/proc/net/udp");
    OK(file_has("/proc/net/dev", "    lo:"), "/proc/net/dev");
    OK(file_has("/proc/net/if_inet6", "00000000000000000000000000000001 01 80 10 80       lo\n"),
       "/proc/net/if_inet6");
    OK(file_has("/proc/net/route", "Iface\tDestination\tGateway "), "/proc/net/route");
    OK(file_has("/proc/net/tcp6", "local_address"), "/proc/net/tcp6");
    close(fd);
    close(udp);
}

int main(void)
{
    test_datagrams();
    test_connected();
    test_waiting();
    test_dual_stack();
    test_messages();
    test_groups();
    test_ioctls();
    test_names();
    test_resolving();
    test_proc();
    return tap_end();
}
