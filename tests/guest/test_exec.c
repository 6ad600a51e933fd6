/* SPDX-License-Identifier: MIT */
/* A process from its file to its end: ELF, interpreter, scripts, exit status. */
#include "guest.h"

#include <kernel/errno.h>
#include <kernel/process.h>
#include <kernel/string.h>
#include <kernel/vfs.h>

extern char program_plain[], program_plain_end[], program_dynamic[], program_dynamic_end[];

static void write_file(const char *path, u32 mode, const void *data, u64 size)
{
    struct iovec vec;
    struct file *file;
    struct io io;
    u64 pos = 0;
    int err;

    (void)!vfs_unlink(NULL, path, false);
    err = vfs_open(NULL, path, O_WRONLY | O_CREAT, mode, &file);
    EQ(err, 0);
    if (err != 0) {
        return;
    }
    io_init(&io, &vec, (void *)data, size, true);
    EQ(file_write(file, &io, &pos), size);
    file_put(file);
}

static void write_text(const char *path, const char *text)
{
    write_file(path, 0755, text, strlen(text));
}

static void prepare(void)
{
    struct super *super;

    if (tmpfs_new(16 * MIB, NULL, &super) == 0) {
        (void)!vfs_mount_root(super); /* another test may have been first */
    }
    write_file("/plain", 0755, program_plain, (u64)(program_plain_end - program_plain));
    write_file("/interp", 0755, program_plain, (u64)(program_plain_end - program_plain));
    write_file("/dynamic", 0755, program_dynamic, (u64)(program_dynamic_end - program_dynamic));
    write_file("/noexec", 0644, program_plain, (u64)(program_plain_end - program_plain));
    write_text("/script", "#! /plain  one two \nrest\n");
    write_text("/loop", "#!/loop\n");
    write_text("/garbage", "no program\n");
}

static int start(const char *path)
{
    static const char *const argv[] = {"arg0", "arg1", NULL}, *const envp[] = {"A=1", "B=2", NULL};
    const struct process_start start = {.path = path, .argv = argv, .envp = envp, .cwd = "/"};

    return process_start(&start);
}

static int status_of(const char *path)
{
    int err = start(path);

    return err != 0 ? err : process_wait();
}

GUEST_TEST(exec_programs)
{
    prepare();
    EQ(status_of("/plain"), (40 + 2) << 8);
    EQ(status_of("/dynamic"), (40 + 2) << 8);
    EQ(status_of("plain"), (40 + 2) << 8);
    /* plain, "one two", /script, arg1 */
    EQ(status_of("/script"), (40 + 4) << 8);
}

GUEST_TEST(exec_refuses)
{
    prepare();
    EQ(start("/none"), -ENOENT);
    EQ(start("/noexec"), -EACCES);
    EQ(start("/"), -EACCES);
    EQ(start("/loop"), -ELOOP);
    EQ(start("/garbage"), -ENOEXEC);
    EQ(vfs_unlink(NULL, "/interp", false), 0);
    EQ(start("/dynamic"), -ENOENT);
}
