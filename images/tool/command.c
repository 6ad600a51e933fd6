/* SPDX-License-Identifier: MIT */
/*
 * How the machine is made: tools/qemu.sh knows that, we add the devices.  All
 * that QEMU opens are descriptors which it inherits.
 */
#include "disk.h"
#include "machine.h"
#include "network.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const port_name[] = {"stdin", "stdout", "stderr", "control"};
#define PORT_NAMES (sizeof(port_name) / sizeof(port_name[0]))

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

/* QEMU's card for PCI brings a program for BIOSes, which nobody here calls. */
static void add_network(struct words *words, const struct options *options)
{
    bool pci = options->machine != NULL && strncmp(options->machine, "q35", 3) == 0;
    char *netdev = network_netdev(&options->network);

    if (netdev != NULL) {
        add_option(words, "-netdev", netdev);
        add_device(words, options, "net",
                   text("%s%s", network_device(&options->network), pci ? ",romfile=" : ""));
    }
}

static void add_ports(struct words *words, const struct machine *machine,
                      const struct options *options)
{
    /* Port 0 is the console's own; each that is not used would cost the guest a start-up. */
    add_device(words, options, "serial", text(",max_ports=%zu", PORT_NAMES + 1));
    for (unsigned i = 0; i < PORT_NAMES; i++) {
        add_option(words, "-chardev", text("socket,id=%s,fd=%d", port_name[i], machine->theirs[i]));
        add_option(
            words, "-device",
            text("virtserialport,chardev=%s,name=%s,nr=%u", port_name[i], port_name[i], i + 1));
    }
}

/* qemu.sh would choose as well, but its word on that would be lost among QEMU's. */
static const char *accelerator(const struct options *options)
{
    if (options->accel != NULL && strcmp(options->accel, "auto") != 0) {
        return options->accel;
    }
    if (access("/dev/kvm", R_OK | W_OK) == 0) {
        return "kvm";
    }
    if (!options->quiet) {
        say("%s: the CPU is emulated (TCG), which is many times slower; see: moka doctor",
            errno == ENOENT ? "there is no /dev/kvm" : "/dev/kvm may not be used");
    }
    return "tcg";
}

struct words command_make(const struct machine *machine, const struct options *options,
                          const struct places *places)
{
    struct words words = {0};

    add(&words, places->qemu_sh);
    add_option(&words, "--accel", accelerator(options));
    add_option(&words, "--machine", options->machine);
    add_option(&words, "-m", options->memory);
    add_option(&words, "-c", options->cpus);
    add_option(&words, "--gdb", options->gdb);
    add_option(&words, "--serial", "chardev:serial");
    add_option(&words, "--append",
               text("exec%s%s%s", options->verbose ? "" : " quiet",
                    options->no_roles ? " roles=off" : "", network_words(&options->network)));
    add_option(&words, "--rom", places->rom);
    add(&words, options->disk != NULL ? text("/dev/fd/%d", options->disk->kernel) : places->kernel);
    add(&words, "--");
    add_option(&words, "-chardev",
               text("file,id=serial,path=/dev/fd/%d", machine->theirs[PORT_SERIAL]));
    add_option(&words, "-fw_cfg", text("name=opt/moka/exec,file=/dev/fd/%d", machine->spec));
    if (machine->libc >= 0) {
        add_option(&words, "-fw_cfg", text("name=opt/moka/libc,file=/dev/fd/%d", machine->libc));
    }
    add_option(&words, "-drive",
               text("if=none,id=root,format=%s,readonly=on,file=/dev/fd/%d",
                    options->disk != NULL ? options->disk->format : "raw", machine->image));
    add_device(&words, options, "blk", ",drive=root");
    add_ports(&words, machine, options);
    add_network(&words, options);
    if (!options->no_balloon) {
        add_device(&words, options, "balloon", ",free-page-reporting=on,deflate-on-oom=on");
    }
    if (options->qmp != NULL) {
        add_option(&words, "-qmp", text("unix:%s,server=on,wait=off", comma_doubled(options->qmp)));
    }
    for (unsigned i = 0; i < options->mount_count; i++) {
        const struct mount *mount = &options->mounts[i];

        add_option(&words, "-fsdev",
                   text("local,id=moka%u,security_model=none,multidevs=remap%s,path=%s", i,
                        mount->read_only ? ",readonly=on" : "", comma_doubled(mount->host)));
        add_device(&words, options, "9p", text(",fsdev=moka%u,mount_tag=" MOUNT_TAG, i, 'a' + i));
    }
    return words;
}

void command_print(const struct machine *machine, const struct options *options,
                   const struct places *places)
{
    struct words command = command_make(machine, options, places);
    struct words dry = {0};

    add(&dry, command.word[0]);
    add(&dry, "--dry-run");
    for (size_t i = 1; i < command.count; i++) {
        add(&dry, command.word[i]);
    }
    execv(dry.word[0], dry.word);
    fail(NULL, "cannot run '%s': %s", dry.word[0], strerror(errno));
}
