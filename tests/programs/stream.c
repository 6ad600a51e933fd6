/* SPDX-License-Identifier: MIT */
/*
 * Standard streams and terminals, as tests/run-moka.sh asks for them:
 *
 *   stream read N       one read(2) of N bytes from stdin, written to stdout
 *   stream lines N      N lines by fgets(3), likewise
 *   stream terminals    which of 0, 1 and 2 is a terminal, and its size
 *   stream key          reads one key without echo and without a newline
 *   stream blocked      fills stdout in one thread, while stderr goes on
 *   stream waiting      FIONREAD and poll(2) of stdin, with what is read then
 *   stream machine      processors and memory in MiB
 *   stream sleep        says "asleep" and waits for a signal
 *   stream stubborn     likewise, with signals ignored
 *   stream broken       writes on after EPIPE, and says to stderr what it was told
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static char bytes[1 << 16];

static int read_once(size_t size)
{
    ssize_t got = read(STDIN_FILENO, bytes, size < sizeof(bytes) ? size : sizeof(bytes));

    return got < 0 || write(STDOUT_FILENO, bytes, (size_t)got) != got;
}

static int read_lines(long count)
{
    while (count-- > 0 && fgets(bytes, sizeof(bytes), stdin) != NULL) {
        fputs(bytes, stdout);
    }
    return 0;
}

static int show_terminals(void)
{
    struct winsize size;

    for (int fd = 0; fd < 3; fd++) {
        fprintf(stderr, "%d:%d ", fd, isatty(fd));
        if (isatty(fd) && ioctl(fd, TIOCGWINSZ, &size) == 0) {
            fprintf(stderr, "%dx%d ", size.ws_row, size.ws_col);
        }
    }
    fprintf(stderr, "end\n");
    return 0;
}

static int read_key(void)
{
    struct termios before, now;
    char key = '?';

    if (tcgetattr(STDIN_FILENO, &before) != 0) {
        return 1;
    }
    now = before;
    now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    now.c_cc[VMIN] = 1;
    now.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &now);
    puts("press");
    fflush(stdout);
    (void)!read(STDIN_FILENO, &key, 1);
    printf("pressed %c\n", key);
    fflush(stdout);
    return tcsetattr(STDIN_FILENO, TCSADRAIN, &before) != 0;
}

static void *fill(void *arg)
{
    while (write(STDOUT_FILENO, bytes, sizeof(bytes)) > 0) {
    }
    return arg;
}

/* Nobody reads stdout, which must not keep stderr from being written. */
static int write_beside(void)
{
    pthread_t thread;

    pthread_create(&thread, NULL, fill, NULL);
    usleep(300000);
    (void)!write(STDERR_FILENO, "beside\n", 7);
    _exit(0);
}

static int show_waiting(void)
{
    struct pollfd wait = {.fd = STDIN_FILENO, .events = POLLIN};
    int count = -1, ready = poll(&wait, 1, -1);
    ssize_t got;

    while (ioctl(STDIN_FILENO, FIONREAD, &count) == 0 && count == 0) {
        usleep(1000);
    }
    got = read(STDIN_FILENO, bytes, sizeof(bytes));
    printf("%d %d %d\n", ready, count > 0, got >= count);
    return 0;
}

static int show_machine(void)
{
    printf("%ld %ld\n", sysconf(_SC_NPROCESSORS_ONLN),
           sysconf(_SC_PHYS_PAGES) * (sysconf(_SC_PAGESIZE) / 1024) / 1024);
    return 0;
}

static _Noreturn void wait_for_end(void (*handler)(int))
{
    signal(SIGINT, handler);
    signal(SIGTERM, handler);
    puts("asleep");
    fflush(stdout);
    for (;;) {
        pause();
    }
}

static int write_broken(void)
{
    signal(SIGPIPE, SIG_IGN);
    while (write(STDOUT_FILENO, bytes, sizeof(bytes)) > 0) {
    }
    fprintf(stderr, "%s\n", strerror(errno));
    return 3;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    long number = argc > 2 ? atol(argv[2]) : 0;

    if (strcmp(what, "read") == 0) {
        return read_once((size_t)number);
    } else if (strcmp(what, "lines") == 0) {
        return read_lines(number);
    } else if (strcmp(what, "terminals") == 0) {
        return show_terminals();
    } else if (strcmp(what, "key") == 0) {
        return read_key();
    } else if (strcmp(what, "blocked") == 0) {
        return write_beside();
    } else if (strcmp(what, "waiting") == 0) {
        return show_waiting();
    } else if (strcmp(what, "machine") == 0) {
        return show_machine();
    } else if (strcmp(what, "sleep") == 0) {
        wait_for_end(SIG_DFL);
    } else if (strcmp(what, "stubborn") == 0) {
        wait_for_end(SIG_IGN);
    } else if (strcmp(what, "broken") == 0) {
        return write_broken();
    }
    return 2;
}
