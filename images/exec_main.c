/* SPDX-License-Identifier: MIT */
/*
 * Runs one program: the tree of names is put together, the program started,
 * and when it has ended the host learns how, and the machine goes.
 *
 * What to run comes by fw_cfg; on a machine without, from the command line,
 * exec="/path/of/program argument ...", or, if "exec" has no value there, from a
 * file of the root: a disk that boots by itself (`moka build`) has that.
 */
#include <drivers/devices.h>
#include <kernel/block.h>
#include <kernel/bootinfo.h>
#include <kernel/console.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/fwcfg.h>
#include <kernel/kmalloc.h>
#include <kernel/panic.h>
#include <kernel/pressure.h>
#include <kernel/print.h>
#include <kernel/process.h>
#include <kernel/syscall.h>
#include <kernel/trap.h>
#include <kernel/vfs.h>
#include <net/net.h>

#include "exec.h"

/* As a shell has them. */
#define STATUS_OURS 125
#define STATUS_NOT_RUN 126
#define STATUS_NOT_FOUND 127

#define TEXT_MAX 1024

/* None of these is ever freed: they are the program's own start. */
static char *spec_alloc(u64 size)
{
    char *data = size <= EXEC_SPEC_MAX ? kmalloc(size) : NULL;

    if (size > EXEC_SPEC_MAX) {
        config_error("the program's arguments are larger than 2 MiB");
    }
    if (data == NULL) {
        config_error("too little memory for the program's arguments; give it more with -m");
    }
    return data;
}

static char *read_from_host(const struct fwcfg_file *file)
{
    char *data = spec_alloc(file->size);

    if (fwcfg_read(file, virt_to_phys(data)) != 0) {
        config_error("the host does not say what is to be run");
    }
    return data;
}

static char *read_from_root(size_t *size)
{
    struct file_stat stat;
    struct file *file;
    char *data;

    if (vfs_open(NULL, EXEC_SPEC_FILE, O_RDONLY, 0, &file) != 0) {
        if (block_find(0) == NULL) {
            config_error("there is no virtio disk to run a program of: QEMU's -drive wants "
                         "if=virtio");
        }
        config_error("nothing to run: there is neither a file opt/moka/exec nor exec=PROGRAM");
    }
    if (vfs_getattr(file->inode, &stat) != 0) {
        config_error("cannot read %s of the disk", EXEC_SPEC_FILE);
    }
    *size = stat.size;
    data = spec_alloc(*size);
    if (file_read_kernel(file, data, *size, 0) != (s64)*size) {
        config_error("cannot read %s of the disk", EXEC_SPEC_FILE);
    }
    file_put(file);
    return data;
}

static char *read_spec(size_t *size)
{
    struct fwcfg_file file;
    char *data, *text;

    if (fwcfg_find("opt/moka/exec", &file)) {
        *size = file.size;
        return read_from_host(&file);
    }
    data = spec_alloc(2 * TEXT_MAX);
    text = data + TEXT_MAX;
    (void)cmdline_get("exec", text, TEXT_MAX);
    *size = exec_spec_from_text(text, data, TEXT_MAX);
    return *size != 0 ? data : read_from_root(size);
}

static void read_and_parse(struct exec_spec *spec)
{
    size_t size;
    const char *data = read_spec(&size);
    const char **words = kmalloc(exec_spec_words(data, size) * sizeof(*words));

    if (words == NULL) {
        config_error("too little memory for the program's arguments; give it more with -m");
    }
    if (exec_spec_parse(data, size, words, spec) != 0) {
        config_error("what is to be run cannot be understood: images/exec_spec.h has its form");
    }
}

/* Calls that were tried and are not there: what a program that fails may have missed. */
static void print_missed(void)
{
    for (unsigned nr = 0; nr < SYSCALL_COUNT; nr++) {
        u64 count = syscall_missed(nr);

        if (count != 0) {
            const char *name = syscall_name(nr);

            kprintf("exec: system call %u (%s) is not there, tried %lu times\n", nr,
                    name != NULL ? name : "unknown", (unsigned long)count);
        }
    }
}

static noreturn void end(void)
{
    exec_drain_stdio();
    if (!cmdline_get("quiet", NULL, 0)) {
        print_missed();
    }
    machine_exit(EXIT_OK);
}

static noreturn void end_unstarted(const struct exec_spec *spec, int err)
{
    switch (err) {
    case -ENOENT:
    case -ENOTDIR:
        exec_report("error %d there is no '%.200s' in the image\n", STATUS_NOT_FOUND, spec->path);
        break;
    case -EACCES:
    case -ENOEXEC:
    case -EISDIR:
        exec_report("error %d '%.200s' is not a program that can be run here\n", STATUS_NOT_RUN,
                    spec->path);
        break;
    case -EEXIST: /* the last 8 MiB below 2 GiB are the kernel's */
        exec_report("error %d '%.150s' is linked to fixed addresses that the kernel has: "
                    "it must not take any from 2040 to 2048 MiB\n",
                    STATUS_NOT_RUN, spec->path);
        break;
    case -ENOMEM:
        exec_report("error %d too little memory for '%.180s': give it more with -m\n", STATUS_OURS,
                    spec->path);
        break;
    default:
        exec_report("error %d '%.200s' cannot be started: error %d\n", STATUS_NOT_RUN, spec->path,
                    -err);
    }
    end();
}

static void run(const struct exec_spec *spec)
{
    const struct process_start start = {
        .path = spec->path,
        .argv = spec->argv,
        .envp = spec->envp,
        .cwd = spec->cwd,
    };
    int err = process_start(&start), status;

    if (err != 0) {
        end_unstarted(spec, err);
    }
    exec_listen();
    pressure_start();
    status = process_wait();
    net_finish();
    /* Before the status: who reads that may take the files for written. */
    if (vfs_sync_all() != 0) {
        kprintf("exec: not all that was written has reached the host\n");
    }
    if (channel_find("control") == NULL) { /* a disk that was booted by itself */
        exec_drain_stdio();
        kprintf("exec: the program ended with %s %d\n", (status & 0x7f) == 0 ? "status" : "signal",
                (status & 0x7f) == 0 ? status >> 8 & 0xff : status & 0x7f);
        return;
    }
    exec_report("taken %lu\n%s %d%s\n", (unsigned long)console_input_taken(),
                (status & 0x7f) == 0 ? "exit" : "signal",
                (status & 0x7f) == 0 ? status >> 8 & 0xff : status & 0x7f,
                fault_had_no_memory() ? " memory" : "");
}

void exec_main(void)
{
    struct exec_spec spec; /* for good: nobody returns from here */

    devices_init_disks();
    exec_mount_root();
    read_and_parse(&spec);
    exec_read_ahead(&spec);
    devices_init();
    exec_mount(&spec);
    exec_start_terminal(&spec);
    exec_open_stdio(&spec);
    run(&spec);
    end();
}
