/* SPDX-License-Identifier: MIT */
/* TCP over loopback: options, and what epoll says. */
#include "tap.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static int make(int family)
{
    int fd = socket(family, SOCK_STREAM, 0);

    tap_need(fd >= 0, "socket");
    return fd;
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

static void await_events(int fd, int wanted)
{
    struct pollfd p = {fd, (short)wanted, 0};

    poll(&p, 1, 10000);
}

/* Two that are connected. */
static void make_pair(int pair[2])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(a);
    int fd = make(AF_INET);

    pair[0] = make(AF_INET);
    tap_need(bind(fd, (struct sockaddr *)&a, len) == 0 && listen(fd, 1) == 0 &&
                 getsockname(fd, (struct sockaddr *)&a, &len) == 0 &&
                 connect(pair[0], (struct sockaddr *)&a, len) == 0,
             "connect");
    pair[1] = accept(fd, NULL, NULL);
    tap_need(pair[1] >= 0, "accept");
    close(fd);
}

static void close_pair(const int pair[2])
{
    close(pair[0]);
    close(pair[1]);
}

/* ---- Options
 * ------------------------------------------------------------------------------------------------
 */

static void test_options(void)
{
    static const struct {
        int level, option, value;
        const char *name;
    } rows[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY"},
        {IPPROTO_TCP, TCP_KEEPIDLE, 77, "TCP_KEEPIDLE"},
        {IPPROTO_TCP, TCP_KEEPINTVL, 7, "TCP_KEEPINTVL"},
        {IPPROTO_TCP, TCP_KEEPCNT, 3, "TCP_KEEPCNT"},
        {IPPROTO_TCP, TCP_CORK, 1, "TCP_CORK"},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, 5000, "TCP_USER_TIMEOUT"},
        {IPPROTO_IP, IP_TOS, 0x10, "IP_TOS"},
        {IPPROTO_IP, IP_TTL, 33, "IP_TTL"},
        {IPPROTO_IPV6, IPV6_TCLASS, 8, "IPV6_TCLASS"},
        {IPPROTO_IPV6, IPV6_UNICAST_HOPS, 12, "IPV6_UNICAST_HOPS"},
        {SOL_SOCKET, SO_KEEPALIVE, 1, "SO_KEEPALIVE"},
        {SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR"},
        {SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT"},
        {SOL_SOCKET, SO_OOBINLINE, 1, "SO_OOBINLINE"},
        {SOL_SOCKET, SO_BROADCAST, 1, "SO_BROADCAST"},
    };
    int fd = make(AF_INET6), i;

    OK(get(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 7200 && get(fd, IPPROTO_TCP, TCP_KEEPINTVL) == 75 &&
           get(fd, IPPROTO_TCP, TCP_KEEPCNT) == 9 && get(fd, IPPROTO_TCP, TCP_NODELAY) == 0 &&
           get(fd, IPPROTO_IP, IP_TTL) == 64 && get(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS) == 64,
       "options: what they are at first");
    for (i = 0; i < (int)(sizeof(rows) / sizeof(rows[0])); i++) {
        OK(set(fd, rows[i].level, rows[i].option, rows[i].value) == 0 &&
               get(fd, rows[i].level, rows[i].option) == rows[i].value,
           rows[i].name);
    }
    FAILS(set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 0), EINVAL, "TCP_KEEPIDLE: too little");
    FAILS(set(fd, IPPROTO_IP, IP_TTL, 256), EINVAL, "IP_TTL: too much");
    FAILS(set(fd, IPPROTO_TCP, 99, 1), ENOPROTOOPT, "an option that is not there");
    FAILS(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &i, 2), EINVAL, "an option: too short");
    close(fd);
}

/* ---- epoll
 * ---------------------------------------------------------------------------------------------------
 */

static int epoll_look(int ep, uint32_t *events)
{
    struct epoll_event event = {0};
    int n = epoll_wait(ep, &event, 1, 0);

    *events = event.events;
    return n;
}

static void test_epoll(void)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET | EPOLLRDHUP};
    int p[2], ep = epoll_create1(0);
    uint32_t events;

    make_pair(p);
    OK(epoll_ctl(ep, EPOLL_CTL_ADD, p[1], &event) == 0 && epoll_look(ep, &events) == 0,
       "epoll: nothing yet");
    write(p[0], "a", 1);
    await_events(p[1], POLLIN);
    OK(epoll_look(ep, &events) == 1 && events == EPOLLIN && epoll_look(ep, &events) == 0,
       "epoll: an edge, once");
    write(p[0], "b", 1);
    usleep(20000);
    OK(epoll_look(ep, &events) == 1 && events == EPOLLIN, "epoll: another edge");
    event.events = EPOLLIN | EPOLLONESHOT;
    OK(epoll_ctl(ep, EPOLL_CTL_MOD, p[1], &event) == 0 && epoll_look(ep, &events) == 1 &&
           epoll_look(ep, &events) == 0,
       "epoll: one shot");
    event.events = EPOLLIN | EPOLLRDHUP;
    epoll_ctl(ep, EPOLL_CTL_MOD, p[1], &event);
    shutdown(p[0], SHUT_WR);
    await_events(p[1], POLLRDHUP);
    OK(epoll_look(ep, &events) == 1 && events == (EPOLLIN | EPOLLRDHUP), "epoll: EPOLLRDHUP");
    OK(epoll_look(ep, &events) == 1, "epoll: a level stays");
    close_pair(p);
    OK(epoll_look(ep, &events) == 0, "epoll: closed, forgotten");
    close(ep);
}

int main(void)
{
    test_options();
    test_epoll();
    return tap_end();
}
