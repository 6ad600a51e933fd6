/* SPDX-License-Identifier: MIT */
/* What start-up found out about this machine hangs together. */
#include <kernel/bootinfo.h>
#include <kernel/cpu.h>
#include <kernel/errno.h>
#include <kernel/image_place.h>
#include <kernel/start.h>
#include <kernel/string.h>

#include "guest.h"

GUEST_TEST(bootinfo_ram_in_order)
{
    const struct boot_range *ram = bootinfo.ram;
    bool kernel = false;

    OK(bootinfo.ram_count >= 1 && bootinfo.ram_count <= BOOT_RAM_RANGES);
    for (unsigned i = 0; i < bootinfo.ram_count; i++) {
        OK(ram[i].start < ram[i].end);
        OK(IS_ALIGNED(ram[i].start | ram[i].end, PAGE_SIZE));
        OK(i == 0 || ram[i - 1].end < ram[i].start);
        OK(ram[i].end <= 640 * KIB || ram[i].start >= MIB);
        kernel = kernel || (ram[i].start <= image_to_phys(kernel_text_start) &&
                            image_to_phys(kernel_end) <= ram[i].end);
    }
    OK(kernel);
}

GUEST_TEST(bootinfo_cpus_are_distinct)
{
    OK(bootinfo.cpu_count >= cpu_count());
    OK(bootinfo.cpu_found >= bootinfo.cpu_count);
    for (unsigned i = 0; i < bootinfo.cpu_count; i++) {
        for (unsigned k = 0; k < i; k++) {
            OK(bootinfo.apic_id[i] != bootinfo.apic_id[k]);
        }
    }
    for (unsigned i = 0; i < cpu_count(); i++) {
        unsigned k = 0;

        while (k < bootinfo.cpu_count && bootinfo.apic_id[k] != cpu_get(i)->apic_id) {
            k++;
        }
        OK(k < bootinfo.cpu_count);
    }
}

GUEST_TEST(bootinfo_devices_are_outside_ram)
{
    OK(bootinfo.ioapic_count >= 1);
    for (unsigned i = 0; i < bootinfo.ram_count; i++) {
        const struct boot_range *r = &bootinfo.ram[i];

        for (unsigned k = 0; k < bootinfo.ioapic_count; k++) {
            OK(bootinfo.ioapic[k].base < r->start || bootinfo.ioapic[k].base >= r->end);
        }
        for (unsigned k = 0; k < bootinfo.mmio_count; k++) {
            OK(bootinfo.mmio[k].base + bootinfo.mmio[k].size <= r->start ||
               bootinfo.mmio[k].base >= r->end);
        }
        OK(bootinfo.pci_ecam < r->start || bootinfo.pci_ecam >= r->end || bootinfo.pci_ecam == 0);
    }
}

/* The runner started us with some command line: it is there, and nothing else is. */
GUEST_TEST(bootinfo_has_command_line)
{
    char value[8] = "before";
    u64 number = 7;

    OK(strnlen(bootinfo.cmdline, BOOT_CMDLINE) < BOOT_CMDLINE);
    OK(!cmdline_get("no-such-option", value, sizeof(value)));
    OK(strcmp(value, "before") == 0);
    EQ(cmdline_get_u64("no-such-option", &number), -ENOENT);
    EQ(number, 7);
    OK(strcmp(bootinfo.loader, "pvh") == 0 || strcmp(bootinfo.loader, "rom+fw_cfg") == 0);
}
