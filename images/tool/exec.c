/* SPDX-License-Identifier: MIT */
/*
 * Starts the machine, looks after it, and ends as the program did.
 *
 *   our stdin   --relay--> socket --> QEMU, port "stdin"
 *   our stdout  <--relay-- socket <-- QEMU, port "stdout"     likewise stderr
 *   signals     ---------> socket --> QEMU, port "control"    "signal 2\n"
 *   our status  <--------- socket <-- QEMU, port "status"     "exit 3\n"
 *   the log     <--relay-- socket <-- QEMU, serial port
 *
 * QEMU is a process group of its own, so that a terminal's Ctrl-C reaches
 * only us, and dies with us, even by SIGKILL.  All it opens are descriptors
 * that it inherits: there is no file and no socket with a name to be left.
 */
#include "tool.h"

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
#define STATUS_TEXT 512

enum port {
    PORT_STDIN,
    PORT_STDOUT,
    PORT_STDERR,
    PORT_CONTROL,
    PORT_STATUS,
    PORT_SERIAL,
    PORT_MONITOR, /* what QEMU itself says: no port */
    PORTS
};
static const char *const port_name[] = {"stdin", "stdout", "stderr", "control", "status"};

struct machine {
    pid_t pid;
    int ours[PORTS], theirs[PORTS];
    int image, spec, libc, signals;
    struct log serial, qemu;
    char status[STATUS_TEXT + 1];
    size_t status_size;
    int wait_status;
    bool ended, killed;
    int last_signal;
    long long last_signal_at, killed_at;
};

static long long now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

/* A program that was started without one of these sees nothing there. */
static void ensure_standard_files(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO) {
        close(fd);
    }
}

static void open_ports(struct machine *machine)
{
    for (int i = 0; i < PORTS; i++) {
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
            fail(NULL, "cannot make a pair of sockets: %s", strerror(errno));
        }
        machine->ours[i] = pair[0];
        machine->theirs[i] = pair[1];
    }
}

static void open_signals(struct machine *machine)
{
    static const int ours[] = {SIGINT,  SIGTERM, SIGQUIT,  SIGHUP, SIGUSR1,
                               SIGUSR2, SIGTSTP, SIGWINCH, SIGCHLD};
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        sigaddset(&set, ours[i]);
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTTIN, SIG_IGN); /* relay.c waits for the foreground */
    /* A script's background job ignores these, and what is ignored never arrives.  The
     * program decides; but a hang-up that nohup(1) has turned off stays off. */
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    sigprocmask(SIG_BLOCK, &set, NULL);
    machine->signals = signalfd(-1, &set, SFD_CLOEXEC);
    if (machine->signals < 0) {
        fail(NULL, "cannot receive signals: %s", strerror(errno));
    }
}

static void add(struct words *words, const char *word)
{
    words_add(words, (char *)(uintptr_t)word);
}

static void add_option(struct words *words, const char *option, const char *value)
{
    if (value != NULL) {
        add(words, option);
        add(words, value);
    }
}

static void add_device(struct words *words, const struct options *options, const char *name,
                       const char *rest)
{
    bool pci = options->machine != NULL && strncmp(options->machine, "q35", 3) == 0;

    add_option(words, "-device",
               text("virtio-%s-%s%s", name, pci ? "pci,disable-legacy=on" : "device", rest));
}

static void add_ports(struct words *words, const struct machine *machine,
                      const struct options *options)
{
    add_device(words, options, "serial", "");
    for (unsigned i = 0; i < sizeof(port_name) / sizeof(port_name[0]); i++) {
        add_option(words, "-chardev", text("socket,id=%s,fd=%d", port_name[i], machine->theirs[i]));
        add_option(
            words, "-device",
            text("virtserialport,chardev=%s,name=%s,nr=%u", port_name[i], port_name[i], i + 1));
    }
}

/* The command: tools/qemu.sh knows how a machine is made, we add the devices. */
static struct words make_command(const struct machine *machine, const struct options *options,
                                 const struct places *places)
{
    struct words words = {0};

    add(&words, places->qemu_sh);
    add_option(&words, "--accel", options->accel);
    add_option(&words, "--machine", options->machine);
    add_option(&words, "-m", options->memory);
    add_option(&words, "-c", options->cpus);
    add_option(&words, "--gdb", options->gdb);
    add_option(&words, "--serial", "chardev:serial");
    add_option(&words, "--append", options->verbose ? "exec" : "exec quiet");
    add(&words, places->kernel);
    add(&words, "--");
    add_option(&words, "-chardev", text("socket,id=serial,fd=%d", machine->theirs[PORT_SERIAL]));
    add_option(&words, "-fw_cfg", text("name=opt/moka/exec,file=/dev/fd/%d", machine->spec));
    if (machine->libc >= 0) {
        add_option(&words, "-fw_cfg", text("name=opt/moka/libc,file=/dev/fd/%d", machine->libc));
    }
    add_option(&words, "-drive",
               text("if=none,id=root,format=raw,readonly=on,file=/dev/fd/%d", machine->image));
    add_device(&words, options, "blk", ",drive=root");
    add_ports(&words, machine, options);
    for (unsigned i = 0; i < options->mount_count; i++) {
        const struct mount *mount = &options->mounts[i];

        add_option(&words, "-fsdev",
                   text("local,id=moka%u,security_model=none,multidevs=remap%s,path=%s", i,
                        mount->read_only ? ",readonly=on" : "", comma_doubled(mount->host)));
        add_device(&words, options, "9p", text(",fsdev=moka%u,mount_tag=moka%u", i, i));
    }
    return words;
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
    struct words command = make_command(machine, options, places);
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
    relay_in(STDIN_FILENO, machine->ours[PORT_STDIN]);
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
    raise(SIGSTOP);
    kill(-machine->pid, SIGCONT);
}

static void forward_signal(struct machine *machine, int signal)
{
    char line[32];
    int len = snprintf(line, sizeof(line), "signal %d\n", signal);
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
    /* A guest that takes none is ended by the second one. */
    (void)send(machine->ours[PORT_CONTROL], line, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
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

static void read_status(struct machine *machine)
{
    ssize_t got;

    do {
        got = recv(machine->ours[PORT_STATUS], machine->status + machine->status_size,
                   STATUS_TEXT - machine->status_size, MSG_DONTWAIT);
        machine->status_size += got > 0 ? (size_t)got : 0;
    } while (got > 0 && machine->status_size < STATUS_TEXT);
    machine->status[machine->status_size] = '\0';
}

static char *save_log(const struct options *options, const struct log *log)
{
    char *path = text("%s/log-%d", cache_folder(options), (int)getpid());
    FILE *file = fopen(path, "we");

    if (file == NULL || fwrite(log->bytes, 1, log->size, file) != log->size || fclose(file) != 0) {
        say("cannot write '%s': %s", path, strerror(errno));
    }
    return path;
}

/* The first line with `what`, or the last of all, in a log. */
static char *find_line(const struct log *log, const char *what)
{
    char *all = text("%.*s", (int)log->size, log->size != 0 ? log->bytes : "");
    char *result = NULL, *rest = all, *line;

    while ((line = strsep(&rest, "\r\n")) != NULL) {
        if (*line != '\0' && (what == NULL || strstr(line, what) != NULL)) {
            free(result);
            result = text("%s", line);
            if (what != NULL) {
                break;
            }
        }
    }
    free(all);
    return result;
}

/* The kernel's own words, without those that say who speaks. */
static const char *without_prefix(const char *line)
{
    static const char *const prefixes[] = {"moka: ", "cannot start: "};

    for (unsigned i = 0; i < 2; i++) {
        if (strncmp(line, prefixes[i], strlen(prefixes[i])) == 0) {
            line += strlen(prefixes[i]);
        }
    }
    return line;
}

/* The machine ended without a word about the program. */
static int explain(struct machine *machine, const struct options *options)
{
    char *line, *said;

    if (machine->killed) {
        return STATUS_SIGNAL + machine->last_signal;
    }
    line = find_line(&machine->serial, "panic");
    if (line == NULL) {
        line = find_line(&machine->serial, NULL);
    }
    said = find_line(&machine->qemu, NULL);
    if (line != NULL) {
        fail(options->verbose
                 ? NULL
                 : text("the kernel's log is in '%s'", save_log(options, &machine->serial)),
             "the machine failed: %s", without_prefix(line));
    }
    if (said != NULL) {
        fail(NULL, "the machine did not start: %s", said);
    }
    fail("the option --verbose shows more", "the machine ended by itself");
}

static int result(struct machine *machine, const struct options *options)
{
    int number;

    if (sscanf(machine->status, "exit %d\n", &number) == 1) {
        return number & 0xff;
    }
    if (sscanf(machine->status, "signal %d\n", &number) == 1) {
        return STATUS_SIGNAL + (number & 0x7f);
    }
    if (sscanf(machine->status, "error %d ", &number) == 1) {
        char *said = strchr(machine->status + strlen("error "), ' ');

        say("%.*s", said != NULL ? (int)strcspn(said + 1, "\n") : 0, said + 1);
        return number;
    }
    return explain(machine, options);
}

static void print_command(const struct machine *machine, const struct options *options,
                          const struct places *places)
{
    struct words command = make_command(machine, options, places);
    struct words dry = {0};

    add(&dry, command.word[0]);
    add(&dry, "--dry-run");
    for (size_t i = 1; i < command.count; i++) {
        add(&dry, command.word[i]);
    }
    execv(dry.word[0], dry.word);
    fail(NULL, "cannot run '%s': %s", dry.word[0], strerror(errno));
}

int exec_program(const struct options *options, const struct places *places)
{
    struct machine machine = {0};

    ensure_standard_files();
    machine.image = image_open(options, places);
    machine.spec = spec_make(options);
    machine.libc = open(places->libc, O_RDONLY | O_CLOEXEC);
    open_ports(&machine);
    if (options->dry_run) {
        print_command(&machine, options, places);
    }
    open_signals(&machine);
    start_machine(&machine, options, places);
    watch_machine(&machine);
    read_status(&machine);
    if (!machine.killed) {
        relay_wait();
    }
    return result(&machine, options);
}
