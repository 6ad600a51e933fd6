/* SPDX-License-Identifier: MIT */
/*
 * Gathers struct bootinfo: picks the way in, lets the parsers fill in what
 * they find, checks the whole and puts it in order.
 *
 * What makes the machine unusable ends here with one line that names it.
 * What only makes it smaller (more CPUs or memory ranges than there is room
 * for) is printed and left out.
 *
 * Cost on kvm_pvm: see fwcfg.c for the ROM's way; through firmware it is
 * memory reads and one CPUID.
 */
#include "boot_priv.h"

#include <kernel/errno.h>
#include <kernel/panic.h>
#include <kernel/print.h>
#include <kernel/string.h>

struct bootinfo bootinfo;

/* Where the only I/O APIC of a PC is, if no table says so. */
#define IOAPIC_DEFAULT 0xfec00000u

void boot_cpu_add(struct bootinfo *info, u32 apic_id)
{
    for (unsigned i = 0; i < info->cpu_count; i++) {
        if (info->apic_id[i] == apic_id) {
            return;
        }
    }
    info->cpu_found++;
    if (info->cpu_count < MAX_CPUS) {
        info->apic_id[info->cpu_count++] = apic_id;
    }
}

void boot_ioapic_add(struct bootinfo *info, paddr_t base, u32 gsi_base)
{
    for (unsigned i = 0; i < info->ioapic_count; i++) {
        if (info->ioapic[i].base == base) {
            return;
        }
    }
    if (base != 0 && info->ioapic_count < BOOT_IOAPICS) {
        info->ioapic[info->ioapic_count++] = (struct boot_ioapic){base, gsi_base};
    }
}

void boot_mmio_add(struct bootinfo *info, paddr_t base, u64 size, u32 irq)
{
    for (unsigned i = 0; i < info->mmio_count; i++) {
        if (info->mmio[i].base == base) {
            return;
        }
    }
    if (info->mmio_count == BOOT_MMIO_DEVICES) {
        kprintf("boot: more than %u virtio-mmio devices, that at %#lx is not used\n",
                BOOT_MMIO_DEVICES, (unsigned long)base);
        return;
    }
    info->mmio[info->mmio_count++] = (struct boot_mmio_device){base, size, irq};
}

noreturn static void load_failed(const struct bootinfo *info, int err)
{
    switch (err) {
    case -ENODEV:
        config_error("boot: neither PVH start info nor QEMU's fw_cfg device: "
                     "start the kernel with QEMU -kernel");
    case -E2BIG:
        config_error("boot: the command line is longer than %d bytes", BOOT_CMDLINE - 1);
    case -ENODATA:
        config_error("boot: %s gives no memory map", info->loader);
    default:
        config_error("boot: what %s left in memory is not a start info (error %d)", info->loader,
                     -err);
    }
}

static void check_ram(const struct bootinfo *info)
{
    struct boot_range image = boot_image();
    unsigned long image_kib = (unsigned long)(image.end / KIB);

    if (info->ram_count == 0) {
        config_error("boot: %s gives no memory map", info->loader);
    }
    if (!boot_ram_contains(info, image.start, image.end)) {
        config_error("boot: too little memory: the kernel ends at %lu KiB, RAM before it",
                     image_kib);
    }
    if (info->ram[info->ram_count - 1].end <= ALIGN_UP(image.end, PAGE_SIZE)) {
        config_error("boot: too little memory: none above the kernel, which ends at %lu KiB",
                     image_kib);
    }
}

/* The CPU that runs this comes first; if no table knows it, in place of the last. */
static void order_cpus(struct bootinfo *info)
{
    u32 self = boot_apic_id();
    unsigned i = 0;

    while (i < info->cpu_count && info->apic_id[i] != self) {
        i++;
    }
    if (i == info->cpu_count) {
        /* Beyond MAX_CPUS they were only counted, and it is one of those. */
        if (info->cpu_found == info->cpu_count) {
            kprintf("boot: no table lists the CPU that booted, APIC id %u\n", self);
            info->cpu_found++;
        }
        i = MIN(info->cpu_count, MAX_CPUS - 1);
        info->cpu_count = i + 1;
    }
    memmove(&info->apic_id[1], &info->apic_id[0], i * sizeof(info->apic_id[0]));
    info->apic_id[0] = self;
    if (info->cpu_found > info->cpu_count) {
        kprintf("boot: the machine has %u CPUs, %u are used\n", info->cpu_found, info->cpu_count);
    }
}

void bootinfo_init(paddr_t start_info)
{
    struct bootinfo *info = &bootinfo;
    int err;

    info->tables = "none";
    err = start_info != 0 ? boot_pvh_load(info, start_info) : boot_fwcfg_load(info);
    if (err == -ENOSPC) {
        kprintf("boot: the memory map has too many pieces, some RAM is not used\n");
    } else if (err != 0) {
        load_failed(info, err);
    }
    boot_ram_finish(info);
    check_ram(info);
    order_cpus(info);
    if (info->ioapic_count == 0) {
        boot_ioapic_add(info, IOAPIC_DEFAULT, 0);
    }
    if (strcmp(info->tables, "acpi") != 0) {
        info->has_pci = boot_pci_ports();
    }
    cmdline_find_mmio(info);
}

void bootinfo_print(void)
{
    const struct bootinfo *info = &bootinfo;
    u64 bytes = 0;

    for (unsigned i = 0; i < info->ram_count; i++) {
        bytes += info->ram[i].end - info->ram[i].start;
    }
    kprintf("boot: %s, tables %s: %u CPUs, %lu MiB RAM in %u ranges, %u I/O APICs, "
            "%u virtio-mmio, PCI %s, ECAM %#lx\n",
            info->loader, info->tables, info->cpu_count, (unsigned long)(bytes / MIB),
            info->ram_count, info->ioapic_count, info->mmio_count,
            info->has_pci ? "ports" : "no ports", (unsigned long)info->pci_ecam);
}
