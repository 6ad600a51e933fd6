/* SPDX-License-Identifier: MIT */
/*
 * Names of AF_UNIX sockets: paths, which are inodes of type socket in a file
 * system, and abstract ones, which are bytes.
 *
 * A path is found by walking it: what counts is the inode, so a socket that
 * was renamed is found by its new name and one that was removed by none.  A
 * name is found while its socket is open; those accepted from it have the same
 * name, but not under it.
 */
#include "unix_priv.h"

#include "net_unix.h"
#include <kernel/kmalloc.h>
#include <kernel/print.h>
#include <kernel/process.h>
#include <kernel/random.h>
#include <kernel/text.h>
#include <kernel/vfs.h>

#define BUCKETS 64u
#define FAMILY_SIZE ((u32)sizeof(u16))
#define AUTO_TRIES 4096u

/* (l) lock */
static struct {
    struct spinlock lock;
    struct list sockets; /* (l) all there are */
} names = {.lock = SPINLOCK_INIT("names of sockets", RANK_EVENT),
           .sockets = {&names.sockets, &names.sockets}};

static struct list buckets[BUCKETS]; /* (l) struct unix_name; NULL links: empty */

void unix_list_add(struct unix_socket *socket)
{
    bool irq = spin_lock(&names.lock);

    list_push_back(&names.sockets, &socket->all);
    spin_unlock(&names.lock, irq);
}

void unix_list_remove(struct unix_socket *socket)
{
    bool irq = spin_lock(&names.lock);

    list_remove(&socket->all);
    spin_unlock(&names.lock, irq);
}

/* ---- A name ------------------------------------------------------------------------------- */

static struct unix_name *name_new(const void *bytes, u32 len, u16 type)
{
    struct unix_name *name = kzalloc(sizeof(*name));

    if (name == NULL) {
        return NULL;
    }
    atomic_init(&name->references, 1);
    list_init(&name->link);
    name->type = type;
    name->len = len;
    memcpy(name->bytes, bytes, MIN(len, UNIX_NAME_MAX));
    return name;
}

struct unix_name *unix_name_get(struct unix_name *name)
{
    if (name != NULL) {
        atomic_fetch_add_explicit(&name->references, 1, memory_order_relaxed);
    }
    return name;
}

void unix_name_put(struct unix_name *name)
{
    if (name != NULL &&
        atomic_fetch_sub_explicit(&name->references, 1, memory_order_acq_rel) == 1) {
        if (name->dentry != NULL) {
            dentry_put(name->dentry);
        }
        kfree(name);
    }
}

void unix_name_tell(const struct unix_name *name, struct socket_address *address)
{
    const u16 family = AF_UNIX;

    address->len = name != NULL ? name->len : FAMILY_SIZE;
    memcpy(address->bytes, name != NULL ? (const void *)name->bytes : &family, address->len);
}

/* FNV-1a */
static u32 hash_bytes(const void *bytes, size_t size, u32 hash)
{
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ ((const u8 *)bytes)[i]) * 16777619u;
    }
    return hash;
}

static struct list *bucket_of(const struct unix_name *name)
{
    u64 inode = (u64)name->inode;
    u32 hash = name->inode != NULL ? hash_bytes(&inode, sizeof(inode), 2166136261u)
                                   : hash_bytes(name->bytes, name->len, 2166136261u ^ name->type);
    struct list *bucket = &buckets[(hash ^ hash >> 16) % BUCKETS];

    if (bucket->next == NULL) {
        list_init(bucket);
    }
    return bucket;
}

static bool name_equal(const struct unix_name *a, const struct unix_name *b)
{
    if (a->inode != NULL || b->inode != NULL) {
        return a->inode == b->inode;
    }
    return a->type == b->type && a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* The one like it that has an owner; lock held. */
static struct unix_name *find_name(const struct unix_name *like)
{
    list_for_each (link, bucket_of(like)) {
        struct unix_name *name = list_entry(link, struct unix_name, link);

        if (name_equal(name, like)) {
            return name;
        }
    }
    return NULL;
}

/* The name is the socket's: 0, -EINVAL (it has one), -EADDRINUSE. */
static int publish(struct unix_socket *socket, struct unix_name *name)
{
    bool irq = spin_lock(&names.lock);
    int err = 0;

    if (unix_name_of(socket) != NULL) {
        err = -EINVAL;
    } else if (find_name(name) != NULL) {
        err = -EADDRINUSE;
    } else {
        name->owner = socket;
        list_push_back(bucket_of(name), &name->link);
        atomic_store_explicit(&socket->name, name, memory_order_release);
    }
    spin_unlock(&names.lock, irq);
    return err;
}

void unix_name_release(struct unix_socket *socket)
{
    struct unix_name *name = unix_name_of(socket);
    bool irq = spin_lock(&names.lock);

    if (name != NULL && name->owner == socket) {
        name->owner = NULL;
        list_remove(&name->link);
    }
    spin_unlock(&names.lock, irq);
}

/* ---- bind(2) -------------------------------------------------------------------------------- */

int unix_check_address(const struct socket_address *address)
{
    return address->len > FAMILY_SIZE && address->len <= FAMILY_SIZE + UNIX_PATH_MAX &&
                   address->family == AF_UNIX
               ? 0
               : -EINVAL;
}

static bool is_abstract(const struct socket_address *address)
{
    return address->bytes[FAMILY_SIZE] == '\0';
}

/* The path with a 0 behind it: what strlen() says of it. */
static u32 copy_path(const struct socket_address *address, char path[UNIX_PATH_MAX + 1])
{
    u32 len = address->len - FAMILY_SIZE;

    memcpy(path, &address->bytes[FAMILY_SIZE], len);
    path[len] = '\0';
    return (u32)strlen(path);
}

static int bind_path(struct unix_socket *socket, const struct socket_address *address)
{
    struct unix_name *name;
    char path[UNIX_PATH_MAX + 1];
    u32 len = copy_path(address, path);
    int err;

    name = name_new(address->bytes, FAMILY_SIZE + len + 1, socket->socket.type);
    if (name == NULL) {
        return -ENOMEM;
    }
    name->bytes[FAMILY_SIZE + len] = '\0';
    err = vfs_create_dentry(NULL, path, S_IFSOCK | (0777 & ~process_umask(0, false)), 0,
                            &name->dentry);
    if (err == 0) {
        name->inode = name->dentry->inode;
        err = publish(socket, name);
        if (err != 0 && vfs_unlink(NULL, path, false) != 0) {
            err = -EINVAL; /* somebody else has removed it already */
        }
    }
    if (err != 0) {
        unix_name_put(name);
    }
    return err == -EEXIST ? -EADDRINUSE : err;
}

static int bind_abstract(struct unix_socket *socket, const void *bytes, u32 len)
{
    struct unix_name *name = name_new(bytes, len, socket->socket.type);
    int err = name == NULL ? -ENOMEM : publish(socket, name);

    if (err != 0) {
        unix_name_put(name);
    }
    return err;
}

/* A 0 and five hexadecimal digits. */
int unix_bind_any(struct unix_socket *socket)
{
    struct socket_address address = {.family = AF_UNIX};
    u32 number = (u32)random_u64();
    int err = -EADDRINUSE;

    for (u32 i = 0; i < AUTO_TRIES && err == -EADDRINUSE; i++) {
        if (unix_name_of(socket) != NULL) {
            return 0;
        }
        ksnprintf((char *)&address.bytes[FAMILY_SIZE + 1], 6, "%05x", (number + i) & 0xfffff);
        err = bind_abstract(socket, address.bytes, FAMILY_SIZE + 6);
    }
    return err == -EADDRINUSE ? -ENOSPC : err == -EINVAL ? 0 : err;
}

int unix_bind(struct unix_socket *socket, const struct socket_address *address)
{
    int err;

    if (address->len == FAMILY_SIZE && address->family == AF_UNIX) {
        return unix_bind_any(socket);
    }
    err = unix_check_address(address);
    if (err != 0) {
        return err;
    }
    return is_abstract(address) ? bind_abstract(socket, address->bytes, address->len)
                                : bind_path(socket, address);
}

/* ---- Finding -------------------------------------------------------------------------------- */

static struct unix_socket *find_owner(const struct unix_name *like)
{
    bool irq = spin_lock(&names.lock);
    struct unix_name *name = find_name(like);
    struct unix_socket *owner = name != NULL ? unix_get(name->owner) : NULL;

    spin_unlock(&names.lock, irq);
    return owner;
}

static int find_path(const struct socket_address *address, struct unix_socket **found)
{
    struct unix_name like = {.len = 0};
    char path[UNIX_PATH_MAX + 1];
    struct dentry *dentry;
    int err;

    (void)copy_path(address, path);
    err = vfs_lookup(NULL, path, 0, &dentry);
    if (err != 0) {
        return err;
    }
    like.inode = dentry->inode;
    *found = (like.inode->mode & S_IFMT) == S_IFSOCK ? find_owner(&like) : NULL;
    dentry_put(dentry);
    return *found != NULL ? 0 : -ECONNREFUSED;
}

int unix_find(const struct socket_address *address, u16 type, struct unix_socket **found)
{
    struct unix_name like = {.type = type, .len = address->len};
    int err = 0;

    if (is_abstract(address)) {
        memcpy(like.bytes, address->bytes, address->len);
        *found = find_owner(&like);
        err = *found != NULL ? 0 : -ECONNREFUSED;
    } else {
        err = find_path(address, found);
    }
    if (err == 0 && (*found)->socket.type != type) {
        unix_put(*found);
        err = -EPROTOTYPE;
    }
    return err;
}

/* ---- /proc/net/unix ---------------------------------------------------------------------------
 */

static void show_name(struct text *text, const struct unix_name *name)
{
    text_puts(text, " ");
    for (u32 i = FAMILY_SIZE; i < name->len - (name->inode != NULL); i++) {
        char c = (char)name->bytes[i];

        text_put(text, c != '\0' ? &c : "@", 1);
    }
}

static void show_socket(struct text *text, struct unix_socket *socket)
{
    bool listens = socket->state == UNIX_LISTENING;
    struct file *file = atomic_load_explicit(&socket->socket.file, memory_order_relaxed);
    struct unix_name *name = unix_name_of(socket);

    text_print(text, "%016lx: %08x %08x %08x %04x %02x %5lu", 0ul,
               atomic_load_explicit(&socket->references, memory_order_relaxed), 0u,
               listens ? 0x10000u : 0u, (u32)socket->socket.type,
               file != NULL ? (socket->state == UNIX_CONNECTED ? 3u : 1u)
                            : (socket->state == UNIX_CONNECTED ? 2u : 4u),
               file != NULL ? (unsigned long)file_number(file) : 0ul);
    if (name != NULL) {
        show_name(text, name);
    }
    text_puts(text, "\n");
}

int net_show_unix(struct text *text)
{
    bool irq;

    text_puts(text, "Num       RefCount Protocol Flags    Type St Inode Path\n");
    irq = spin_lock(&names.lock);
    list_for_each (link, &names.sockets) {
        show_socket(text, list_entry(link, struct unix_socket, all));
    }
    spin_unlock(&names.lock, irq);
    return 0;
}
