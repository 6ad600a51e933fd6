/* SPDX-License-Identifier: MIT */
/*
 * The JVM's attach socket, from the host: what jcmd, jstack and jmap talk to.
 *
 * The tool listens where the host's own JVMs do and passes a request on by the
 * port "control", in lines "attach HEX", an empty one last; the JVM's answer
 * goes back by it in the same form.  Here a thread is the
 * client: it asks the JVM to listen, as jcmd would (a file /tmp/.attach_pid1
 * and SIGQUIT), connects, and copies.  One request at a time: the tool waits
 * for the end of the answer before it sends the next.
 *
 * In lines of the ports that are there: one more port would cost every start,
 * also of those who never attach.
 */
#include <kernel/clock.h>
#include <kernel/console.h>
#include <kernel/errno.h>
#include <kernel/process.h>
#include <kernel/sched.h>
#include <kernel/signal.h>
#include <kernel/socket.h>
#include <kernel/string.h>
#include <kernel/thread.h>
#include <kernel/vfs.h>
#include <kernel/wait.h>

#include "exec.h"

#define SOCKET_PATH "/tmp/.java_pid1"
#define TRIGGER_PATH "/tmp/.attach_pid1"
#define REQUEST_MAX 4096u
#define PIECE 100u /* bytes of an answer in a line */
#define PATIENCE (10 * NSEC_PER_SEC)
#define LOOK_EVERY (20 * NSEC_PER_MSEC)
#define SIGQUIT 3

/* (c) the control thread's   (t) the client thread's from `ready` on, until it is false again */
static struct {
    struct wait_queue queue;
    bool started;       /* (c) */
    _Atomic bool ready; /* the request is whole */
    size_t size;        /* (c), (t) */
    u8 request[REQUEST_MAX];
} attach;

/* ---- The JVM ------------------------------------------------------------------------------- */

static bool path_exists(const char *path)
{
    struct dentry *dentry;
    bool there = vfs_lookup(NULL, path, 0, &dentry) == 0;

    if (there) {
        dentry_put(dentry);
    }
    return there;
}

/* As jcmd does: the JVM listens when it finds the file at a SIGQUIT. */
static void ask_to_listen(void)
{
    nsec_t deadline = clock_now() + PATIENCE;

    if (path_exists(SOCKET_PATH) || !signal_is_caught(SIGQUIT) ||
        vfs_create(NULL, TRIGGER_PATH, S_IFREG | 0600, 0) != 0) {
        return;
    }
    (void)signal_send(SIGQUIT, NULL);
    while (!path_exists(SOCKET_PATH) && clock_now() < deadline) {
        sched_delay(LOOK_EVERY);
    }
    if (vfs_unlink(NULL, TRIGGER_PATH, false) != 0) {
        return; /* the JVM has removed it */
    }
}

static int connect_to_jvm(struct socket **socket)
{
    struct socket_address address = {.len = 2 + sizeof(SOCKET_PATH), .family = AF_UNIX};
    int err = socket_create(AF_UNIX, SOCK_STREAM, 0, socket);

    if (err != 0) {
        return err;
    }
    memcpy(&address.bytes[2], SOCKET_PATH, sizeof(SOCKET_PATH));
    err = (*socket)->ops->connect(*socket, &address, 0);
    if (err != 0) {
        (*socket)->ops->release(*socket);
    }
    return err;
}

/* Bytes moved, 0 at the end, or -errno. */
static s64 move(struct socket *socket, void *bytes, u64 size, bool out)
{
    struct socket_message message = {.flags = MSG_NOSIGNAL};
    struct iovec vec;
    int err;

    io_init(&message.io, &vec, bytes, size, true);
    err = out ? socket->ops->send(socket, &message) : socket->ops->receive(socket, &message);
    return message.io.done != 0 ? (s64)message.io.done : err;
}

/* ---- The host ------------------------------------------------------------------------------- */

static void answer(const u8 *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    char line[2 * PIECE + 1];

    for (size_t i = 0; i < size; i++) {
        line[2 * i] = digits[bytes[i] >> 4];
        line[2 * i + 1] = digits[bytes[i] & 15];
    }
    line[2 * size] = '\0';
    exec_report("attach %s\n", line);
}

static void serve(void)
{
    static const char sorry[] = "1\nThe program does not listen for attach requests\n";
    struct socket *socket;
    u8 piece[PIECE];
    s64 got;

    ask_to_listen();
    if (connect_to_jvm(&socket) != 0) {
        answer((const u8 *)sorry, sizeof(sorry) - 1);
        return;
    }
    if (move(socket, attach.request, attach.size, true) == (s64)attach.size) {
        while ((got = move(socket, piece, sizeof(piece), false)) > 0) {
            answer(piece, (size_t)got);
        }
    }
    socket->ops->release(socket);
}

static void serve_all(void *arg)
{
    (void)arg;
    for (;;) {
        wait_until(&attach.queue, atomic_load_explicit(&attach.ready, memory_order_acquire));
        serve();
        attach.size = 0;
        atomic_store_explicit(&attach.ready, false, memory_order_release);
        answer(NULL, 0);
    }
}

static bool start(void)
{
    const struct thread_attr attr = {
        .name = "attach",
        .entry = serve_all,
        .class = SCHED_CLASS_FAIR,
        .detached = true,
    };

    if (!attach.started) {
        wait_queue_init(&attach.queue, "attach");
        attach.started = thread_create(&attr, NULL) == 0;
    }
    return attach.started;
}

static unsigned digit(char c)
{
    return c >= 'a' ? (unsigned)(c - 'a') + 10 : (unsigned)(c - '0') & 15;
}

void exec_attach(const char *hex, size_t len)
{
    if (atomic_load_explicit(&attach.ready, memory_order_acquire)) {
        return; /* no tool of ours sends before it has the answer */
    }
    for (size_t i = 0; i + 1 < len && attach.size < REQUEST_MAX; i += 2) {
        attach.request[attach.size++] = (u8)(digit(hex[i]) << 4 | (digit(hex[i + 1]) & 15));
    }
    if (len != 0) {
        return;
    }
    if (start()) {
        atomic_store_explicit(&attach.ready, true, memory_order_release);
        wait_wake_all(&attach.queue);
    } else {
        attach.size = 0;
        answer(NULL, 0);
    }
}
