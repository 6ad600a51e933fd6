/* SPDX-License-Identifier: MIT */
/*
 * One side of what tests/run-net.sh tries between host and machine; both run it.
 * A server says "port N" when it can be reached.
 *
 *     netpeer tcp-serve PORT COUNT         echoes COUNT connections, at a time, to their ends
 *     netpeer udp-serve PORT               echoes datagrams, up to one that says "end"
 *     netpeer tcp-call ADDRESS PORT BYTES  sends so much, has it back, compares each byte
 *                                      (at least one, behind which it says "connected")
 *     netpeer udp-call ADDRESS PORT COUNT  datagrams of all sizes, likewise
 *     netpeer close-waiting PORT           closes a listener with a connection waiting, ends
 *     netpeer refused ADDRESS PORT         connects, and is refused or reset
 *     netpeer get ADDRESS PORT PATH        what a web server answers, without its head
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK 65536
#define RESEND_MS 500 /* UDP may lose what it likes */

static void die(const char *what)
{
    printf("%s: %s\n", what, strerror(errno));
    exit(1);
}

static unsigned char byte_of(unsigned long at)
{
    return (unsigned char)(at * 7 + (at >> 8) * 13 + (at >> 16));
}

static int make_server(int type, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((in_port_t)atoi(port))};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, type, 0), one = 1;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        bind(fd, (struct sockaddr *)&address, size) != 0 ||
        (type == SOCK_STREAM && listen(fd, 128) != 0) ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        die("server");
    }
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static int make_client(int type, const char *host, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((in_port_t)atoi(port))};
    int fd = socket(AF_INET, type, 0);

    if (fd < 0 || inet_pton(AF_INET, host, &address.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        die("connect");
    }
    return fd;
}

static void *echo(void *arg)
{
    int fd = (int)(long)arg;
    char *buffer = malloc(BLOCK);
    ssize_t got;

    while ((got = recv(fd, buffer, BLOCK, 0)) > 0) {
        for (ssize_t at = 0; at < got;) {
            ssize_t sent = send(fd, buffer + at, (size_t)(got - at), MSG_NOSIGNAL);

            if (sent < 0) {
                die("send");
            }
            at += sent;
        }
    }
    if (got < 0) {
        die("recv");
    }
    close(fd);
    free(buffer);
    return NULL;
}

static int tcp_serve(const char *port, int count)
{
    int fd = make_server(SOCK_STREAM, port);
    pthread_t threads[count];

    for (int i = 0; i < count; i++) {
        int connection = accept(fd, NULL, NULL);

        if (connection < 0 ||
            pthread_create(&threads[i], NULL, echo, (void *)(long)connection) != 0) {
            die("accept");
        }
    }
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
    return 0;
}

/* Until it is told the end. */
static int udp_serve(const char *port)
{
    int fd = make_server(SOCK_DGRAM, port);
    static char buffer[BLOCK];

    for (;;) {
        struct sockaddr_in from;
        socklen_t size = sizeof(from);
        ssize_t got = recvfrom(fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&from, &size);

        if (got < 0 || sendto(fd, buffer, (size_t)got, 0, (struct sockaddr *)&from, size) != got) {
            die("datagram");
        }
        if (got == 4 && memcmp(buffer, "end", 4) == 0) {
            return 0;
        }
    }
}

/* Both ways at a time, so that no buffer's size matters. */
static int tcp_call(const char *host, const char *port, unsigned long total)
{
    int fd = make_client(SOCK_STREAM, host, port);
    static unsigned char out[BLOCK], in[BLOCK];
    unsigned long sent = 1, received = 1;

    out[0] = byte_of(0);
    if (send(fd, out, 1, MSG_NOSIGNAL) != 1 || recv(fd, in, 1, 0) != 1 || in[0] != out[0]) {
        die("the first byte");
    }
    printf("connected\n");
    fflush(stdout);
    if (total == 1 && shutdown(fd, SHUT_WR) != 0) {
        die("shutdown");
    }

    while (received < total) {
        struct pollfd wait = {.fd = fd, .events = (short)(POLLIN | (sent < total ? POLLOUT : 0))};

        if (poll(&wait, 1, -1) < 0) {
            die("poll");
        }
        if ((wait.revents & POLLOUT) != 0 && sent < total) {
            unsigned long size = total - sent < BLOCK ? total - sent : BLOCK;
            ssize_t done;

            for (unsigned long i = 0; i < size; i++) {
                out[i] = byte_of(sent + i);
            }
            done = send(fd, out, size, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (done < 0 && errno != EAGAIN) {
                die("send");
            }
            sent += done > 0 ? (unsigned long)done : 0;
            if (sent == total && shutdown(fd, SHUT_WR) != 0) {
                die("shutdown");
            }
        }
        if ((wait.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
            ssize_t got = recv(fd, in, sizeof(in), MSG_DONTWAIT);

            if (got == 0 || (got < 0 && errno != EAGAIN)) {
                printf("after %lu of %lu: ", received, total);
                die("recv");
            }
            for (ssize_t i = 0; i < got; i++) {
                if (in[i] != byte_of(received + (unsigned long)i)) {
                    printf("byte %lu is wrong\n", received + (unsigned long)i);
                    return 1;
                }
            }
            received += got > 0 ? (unsigned long)got : 0;
        }
    }
    if (recv(fd, in, 1, 0) != 0) {
        printf("there is more than was sent\n");
        return 1;
    }
    printf("%lu bytes\n", received);
    return 0;
}

/* As often as it takes: the answer says that it was heard. */
static void tell_end(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    char answer[BLOCK];

    do {
        if (send(fd, "end", 4, 0) != 4) {
            return; /* it has ended, its answer was lost */
        }
    } while (poll(&wait, 1, RESEND_MS) == 0 || recv(fd, answer, sizeof(answer), 0) != 4);
}

static int udp_call(const char *host, const char *port, int count)
{
    int fd = make_client(SOCK_DGRAM, host, port);
    static unsigned char out[BLOCK], in[BLOCK];

    for (int i = 0; i < count; i++) {
        size_t size = 8 + (size_t)i * 1400 / (size_t)count;
        struct pollfd wait = {.fd = fd, .events = POLLIN};

        for (size_t at = 0; at < size; at++) {
            out[at] = byte_of(at + (size_t)i);
        }
        memcpy(out, &i, sizeof(i));
        for (;;) {
            ssize_t got;

            if (send(fd, out, size, 0) != (ssize_t)size) {
                die("send");
            }
            if (poll(&wait, 1, RESEND_MS) == 0) {
                continue;
            }
            got = recv(fd, in, sizeof(in), 0);
            if (got == (ssize_t)size && memcmp(in, out, size) == 0) {
                break;
            }
            /* One of before, that came twice, is no error; anything else is. */
            if (got < 8 || memcmp(in, out, sizeof(i)) == 0) {
                printf("datagram %d is wrong\n", i);
                return 1;
            }
        }
    }
    tell_end(fd);
    printf("%d datagrams\n", count);
    return 0;
}

static int close_waiting(const char *port)
{
    int fd = make_server(SOCK_STREAM, port);
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    if (poll(&wait, 1, -1) != 1 || close(fd) != 0) {
        die("close");
    }
    return 0;
}

/* A reset that comes with connect(2), or behind it, or an end without a byte. */
static int refused(const char *host, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((in_port_t)atoi(port))};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char byte;

    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        die(host);
    }
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        printf("%s\n", errno == ECONNREFUSED ? "refused" : strerror(errno));
        return errno != ECONNREFUSED;
    }
    if (recv(fd, &byte, 1, 0) > 0) {
        return 1;
    }
    printf("reset\n");
    return 0;
}

static int get(const char *host, const char *port, const char *path)
{
    int fd = make_client(SOCK_STREAM, host, port);
    static char buffer[4 << 20];
    size_t size = 0;
    ssize_t got;
    char *body;

    dprintf(fd, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", path, host);
    while ((got = recv(fd, buffer + size, sizeof(buffer) - 1 - size, 0)) > 0) {
        size += (size_t)got;
    }
    if (got < 0) {
        die("recv");
    }
    body = strstr(buffer, "\r\n\r\n");
    if (strncmp(buffer, "HTTP/1.", 7) != 0 || strstr(buffer, " 200 ") == NULL || body == NULL) {
        printf("no answer: %.100s\n", buffer);
        return 1;
    }
    fputs(body + 4, stdout);
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (argc == 4 && strcmp(what, "tcp-serve") == 0) {
        return tcp_serve(argv[2], atoi(argv[3]));
    }
    if (argc == 3 && strcmp(what, "udp-serve") == 0) {
        return udp_serve(argv[2]);
    }
    if (argc == 5 && strcmp(what, "tcp-call") == 0) {
        return tcp_call(argv[2], argv[3], strtoul(argv[4], NULL, 10));
    }
    if (argc == 5 && strcmp(what, "udp-call") == 0) {
        return udp_call(argv[2], argv[3], atoi(argv[4]));
    }
    if (argc == 3 && strcmp(what, "close-waiting") == 0) {
        return close_waiting(argv[2]);
    }
    if (argc == 4 && strcmp(what, "refused") == 0) {
        return refused(argv[2], argv[3]);
    }
    if (argc == 5 && strcmp(what, "get") == 0) {
        return get(argv[2], argv[3], argv[4]);
    }
    printf("usage: see the top of netpeer.c\n");
    return 2;
}
