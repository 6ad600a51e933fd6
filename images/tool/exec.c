/* SPDX-License-Identifier: MIT */
/*
 * Starts the machine, looks after it, and ends as the program did.
 *
 *   our stdin   --relay--> socket --> QEMU, port "stdin"
 *   our stdout  <--relay-- socket <-- QEMU, port "stdout"     likewise stderr
 *   signals     ---------> socket --> QEMU, port "control"    "signal 2\n"
 *   our status  <---------                                    "exit 3\n"
 *   the log     <--relay-- socket <-- QEMU, serial port
 *
 * QEMU is a process group of its own, so that a terminal's Ctrl-C reaches
 * only us, and dies with us, even by SIGKILL.  All it opens are descriptors
 * that it inherits: there is no file and no socket with a name to be left.
 */
#include "machine.h"
#include "network.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND_SIGNAL_NS 2000000000ll /* this soon after the first it ends the machine */
#define KILL_AFTER_NS 1000000000ll    /* QEMU's time to end by itself */

static long long now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

/* A stream of single bytes, as the serial port writes them, would fill a socket with 277 of them.
 */
static bool is_log(int port)
{
    return port == PORT_SERIAL || port == PORT_MONITOR;
}

static void open_ports(struct machine *machine)
{
    for (int i = 0; i < PORTS; i++) {
        int pair[2];

        if (is_log(i) ? pipe2(pair, O_CLOEXEC) != 0
                      : socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
            fail("more files may be open at a time: ulimit -n", "cannot make a pair of sockets: %s",
                 strerror(errno));
        }
        machine->ours[i] = pair[0];
        machine->theirs[i] = pair[1];
    }
}

static bool is_ignored(int number)
{
    struct sigaction action;

    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static void open_signals(struct machine *machine)
{
    static const int ours[] = {SIGINT,  SIGTERM, SIGQUIT,  SIGHUP, SIGUSR1,
                               SIGUSR2, SIGTSTP, SIGWINCH, SIGCHLD};
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGTTIN, SIG_IGN); /* input.c waits for the foreground */
    /* A script's background job ignores these.  The program decides. */
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    /* But a hang-up that nohup(1) has turned off stays off; blocked, it would arrive. */
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        if (!is_ignored(ours[i])) {
            sigaddset(&set, ours[i]);
        }
    }
    sigprocmask(SIG_BLOCK, &set, NULL);
    machine->signals = signalfd(-1, &set, SFD_CLOEXEC);
    if (machine->signals < 0) {
        fail(NULL, "cannot receive signals: %s", strerror(errno));
    }
}

static void keep_open(int fd)
{
    if (fd >= 0) {
        fcntl(fd, F_SETFD, 0);
    }
}

/* In the child: what QEMU inherits, and what it is not to. */
static void become_qemu(const struct machine *machine, char **command, pid_t parent)
{
    sigset_t none;

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(STATUS_OURS);
    }
    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGTTIN, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 0; i < PORTS; i++) {
        keep_open(machine->theirs[i]);
    }
    keep_open(machine->image);
    keep_open(machine->spec);
    keep_open(machine->libc);
    dup2(machine->theirs[PORT_MONITOR], STDOUT_FILENO);
    dup2(machine->theirs[PORT_MONITOR], STDERR_FILENO);
    execv(command[0], command);
    _exit(STATUS_OURS);
}

static void start_machine(struct machine *machine, const struct options *options,
                          const struct places *places)
{
    struct words command = command_make(machine, options, places);
    pid_t parent = getpid();

    machine->pid = fork();
    if (machine->pid < 0) {
        fail(NULL, "cannot start a process: %s", strerror(errno));
    }
    if (machine->pid == 0) {
        become_qemu(machine, command.word, parent);
    }
    setpgid(machine->pid, machine->pid); /* whoever is first */
    for (int i = 0; i < PORTS; i++) {
        close(machine->theirs[i]); /* so that its end is the end of the stream */
    }
    messages_start(machine->ours[PORT_CONTROL]);
    if (options->verb == VERB_RUN || options->verb == VERB_JAVA) {
        attach_start(machine->ours[PORT_CONTROL]);
    }
    input_start(machine->ours[PORT_STDIN]);
    relay_out(machine->ours[PORT_STDOUT], STDOUT_FILENO);
    relay_out(machine->ours[PORT_STDERR], STDERR_FILENO);
    relay_log(machine->ours[PORT_SERIAL], &machine->serial, options->verbose);
    relay_log(machine->ours[PORT_MONITOR], &machine->qemu, options->verbose);
}

static void end_machine(struct machine *machine)
{
    kill(-machine->pid, machine->killed ? SIGKILL : SIGTERM);
    if (!machine->killed) {
        machine->killed = true;
        machine->killed_at = now();
    }
}

/* Ctrl-Z: the machine's clocks see nothing of the time in between. */
static void suspend(const struct machine *machine)
{
    kill(-machine->pid, SIGSTOP);
    terminal_leave();
    raise(SIGSTOP);
    terminal_enter();
    kill(-machine->pid, SIGCONT);
}

/* A guest that takes none is ended by the second signal. */
static void tell_guest(const struct machine *machine, char *line)
{
    (void)send(machine->ours[PORT_CONTROL], line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL);
    free(line);
}

static void tell_size(const struct machine *machine)
{
    unsigned rows, columns;
    char *size = terminal_size();

    if (size != NULL && sscanf(size, "%ux%u", &rows, &columns) == 2) {
        tell_guest(machine, text("size %u %u\n", rows, columns));
    }
    free(size);
}

static void forward_signal(struct machine *machine, int signal)
{
    bool ends = signal == SIGINT || signal == SIGTERM;

    if (ends && machine->last_signal == signal &&
        now() - machine->last_signal_at < SECOND_SIGNAL_NS) {
        end_machine(machine);
        return;
    }
    if (ends) {
        machine->last_signal = signal;
        machine->last_signal_at = now();
    }
    if (signal == SIGWINCH) {
        tell_size(machine);
    }
    tell_guest(machine, text("signal %d\n", signal));
}

static void handle_signal(struct machine *machine)
{
    struct signalfd_siginfo info;

    if (read(machine->signals, &info, sizeof(info)) != sizeof(info)) {
        return;
    }
    if (info.ssi_signo == SIGTSTP) {
        suspend(machine);
    } else if (info.ssi_signo != SIGCHLD) {
        forward_signal(machine, (int)info.ssi_signo);
    } else if (waitpid(machine->pid, &machine->wait_status, WNOHANG) == machine->pid) {
        machine->ended = true;
    }
}

static void watch_machine(struct machine *machine)
{
    struct pollfd wait = {.fd = machine->signals, .events = POLLIN};

    while (!machine->ended) {
        if (poll(&wait, 1, machine->killed ? 100 : -1) > 0) {
            handle_signal(machine);
        }
        if (!machine->ended && machine->killed && now() - machine->killed_at > KILL_AFTER_NS) {
            end_machine(machine);
        }
    }
}

/* The machine is gone and takes none any more; what is left to write may wait for a reader. */
static void let_signals_end_us(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGQUIT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int exec_program(const struct options *options, const struct places *places)
{
    struct machine machine = {0};
    time_t since = time(NULL);
    unsigned long long taken;
    bool written;
    int status;

    network_prepare(&options->network);
    machine.image = image_open(options, places);
    machine.spec = spec_make(options);
    machine.libc = options->disk != NULL ? -1 : open(places->libc, O_RDONLY | O_CLOEXEC);
    open_ports(&machine);
    if (options->dry_run) {
        command_print(&machine, options, places);
    }
    open_signals(&machine);
    start_machine(&machine, options, places);
    watch_machine(&machine);
    machine.end = messages_wait(&taken);
    input_finish(taken);
    terminal_leave();
    let_signals_end_us();
    written = machine.killed || relay_wait();
    status = machine_result(&machine, options);
    reports_finish(options, status, since, machine.serial.bytes, machine.serial.size);
    return written || status != 0 ? status : STATUS_OURS;
}
