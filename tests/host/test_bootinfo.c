/* SPDX-License-Identifier: MIT */
/* clang-format off */
/* sources: kernel/boot/bootinfo.c kernel/boot/ram.c kernel/boot/pvh.c kernel/boot/fwcfg.c kernel/boot/acpi.c kernel/boot/aml.c kernel/boot/mptable.c kernel/boot/cmdline.c tests/host/boot_fake.c */
/* clang-format on */
/* Both ways in, from what the loader leaves to struct bootinfo; the map of RAM against a bitmap. */
#include "boot_fake.h"

#include <stdio.h>
#include <string.h>

#define START_INFO 0x7000
#define CMDLINE 0x7100
#define MEMMAP 0x7a00
#define RSDP 0xf5a00
#define MADT 0x3fe0000

struct e820 {
    u64 base, size;
    u32 type;
};

static const struct e820 usual_map[] = {
    {0, 0x9fc00, 1},
    {0x9fc00, 0x400, 2},
    {0xf0000, 0x10000, 2},
    {0x100000, 64 * MIB - 0x120000, 1},
    {64 * MIB - 0x20000, 0x20000, 2},
    {4 * GIB, GIB, 1},
};

static void add_madt(unsigned cpus, u32 first)
{
    static u8 table[8192];
    paddr_t pa = MADT;

    fake_memory_copy(pa, table, make_madt(table, cpus, first));
    fake_acpi_root(RSDP, true, &pa, 1);
}

/* What a firmware hands over; parts are left out by count 0 or NULL. */
static u8 *pvh(const struct e820 *map, unsigned count, const char *cmdline, bool rsdp)
{
    u8 *si = fake_memory(START_INFO, 56);
    u8 entries[64 * 24] = {0};

    store_u32(si, 0x336ec578);
    store_u32(si + 4, 1);
    if (cmdline != NULL) {
        fake_memory_copy(CMDLINE, cmdline, strlen(cmdline) + 1);
        store_u64(si + 24, CMDLINE);
    }
    store_u64(si + 32, rsdp ? RSDP : 0);
    for (unsigned i = 0; i < count; i++) {
        store_u64(entries + i * 24, map[i].base);
        store_u64(entries + i * 24 + 8, map[i].size);
        store_u32(entries + i * 24 + 16, map[i].type);
    }
    if (count > 0) {
        fake_memory_copy(MEMMAP, entries, count * 24);
        store_u64(si + 40, MEMMAP);
        store_u32(si + 48, count);
    }
    return si;
}

static bool init_fails(paddr_t start_info)
{
    return EXPECT_CONFIG_ERROR(bootinfo_init(start_info));
}

static void test_pvh(void)
{
    fake_reset();
    fake.apic_id = 1;
    pvh(usual_map, ARRAY_SIZE(usual_map), "a=1 virtio_mmio.device=512@0xfeb00e00:12", true);
    add_madt(2, 0);
    OK(!init_fails(START_INFO));
    OK(strcmp(bootinfo.loader, "pvh") == 0);
    EQ(bootinfo.ram_count, 3);
    EQ(bootinfo.ram[0].start, 0);
    EQ(bootinfo.ram[0].end, 0x9f000);
    EQ(bootinfo.ram[1].start, 0x100000);
    EQ(bootinfo.ram[1].end, 64 * MIB - 0x20000);
    EQ(bootinfo.ram[2].end, 5 * GIB);
    EQ(bootinfo.cpu_count, 2);
    EQ(bootinfo.apic_id[0], 1);
    EQ(bootinfo.apic_id[1], 0);
    EQ(bootinfo.mmio_count, 1);
    OK(strstr(bootinfo.cmdline, "a=1") != NULL);
    EQ(fake.fwcfg_reads, 0);
    bootinfo_print();
    OK(fake_printed("boot: pvh, tables acpi: 2 CPUs, 1087 MiB RAM in 3 ranges"));
    fake_reset();
}

static void test_pvh_poor(void)
{
    fake_reset();
    fake.apic_id = 3;
    fake.pci_ports = true;
    pvh(usual_map, ARRAY_SIZE(usual_map), NULL, false);
    OK(!init_fails(START_INFO));
    OK(strcmp(bootinfo.tables, "none") == 0);
    EQ(bootinfo.cpu_count, 1);
    EQ(bootinfo.apic_id[0], 3);
    EQ(bootinfo.ioapic_count, 1);
    EQ(bootinfo.ioapic[0].base, 0xfec00000);
    OK(bootinfo.has_pci);
    OK(bootinfo.cmdline[0] == '\0');
    OK(fake_printed("no table lists the CPU"));
    fake_reset();
}

static void expect_error(const char *text)
{
    if (!OK(init_fails(START_INFO)) || !OK(fake_error_has(text))) {
        printf("# error: %s\n", fake.error);
    }
}

static void test_pvh_refused(void)
{
    char longest[BOOT_CMDLINE + 1];
    u8 *si, *map;

    fake_reset();
    expect_error("start info");
    si = pvh(usual_map, ARRAY_SIZE(usual_map), "a", false);
    store_u32(si, 0);
    expect_error("start info");
    store_u32(si, 0x336ec578);
    store_u32(si + 4, 0);
    expect_error("no memory map");
    store_u32(si + 4, 1);
    store_u32(si + 48, 1000);
    expect_error("no memory map");
    store_u32(si + 48, 20); /* more entries than there is memory */
    expect_error("no memory map");
    store_u32(si + 48, 0);
    expect_error("no memory map");
    store_u64(si + 40, 16 * MIB);
    store_u32(si + 48, 1000);
    map = fake_memory(16 * MIB, 24000);
    store_u64(map + 8, 64 * MIB);
    store_u32(map + 16, 1);
    expect_error("no memory map");
    store_u64(si + 40, MEMMAP);
    store_u32(si + 48, 0);
    store_u64(si + 24, 0x123456789);
    store_u32(si + 48, 6);
    expect_error("start info");

    memset(longest, 'a', BOOT_CMDLINE);
    longest[BOOT_CMDLINE] = '\0';
    fake_reset();
    pvh(usual_map, ARRAY_SIZE(usual_map), longest, false);
    expect_error("longer than 2047 bytes");
    longest[BOOT_CMDLINE - 1] = '\0';
    fake_reset();
    pvh(usual_map, ARRAY_SIZE(usual_map), longest, false);
    OK(!init_fails(START_INFO));
    OK(strlen(bootinfo.cmdline) == BOOT_CMDLINE - 1);
    fake_reset();
}

static void test_too_little(void)
{
    struct e820 map[] = {{0, 0x9fc00, 1}, {0x100000, 3 * MIB, 1}};

    fake_reset();
    pvh(map, 2, "", false);
    expect_error("too little memory: the kernel ends at 5120 KiB");
    fake_reset();
    map[1].size = 4 * MIB + 0x1000; /* to the end of the kernel's last page */
    pvh(map, 2, "", false);
    expect_error("none above the kernel");
    fake_reset();
    map[1].size += PAGE_SIZE;
    pvh(map, 2, "", false);
    OK(!init_fails(START_INFO));
    fake_reset();
    map[1].type = 2;
    map[0].type = 2;
    pvh(map, 2, "", false);
    expect_error("no memory map");
    fake_reset();
}

static void test_many_cpus(void)
{
    fake_reset();
    fake.apic_id = 69; /* not among the first 64 */
    pvh(usual_map, ARRAY_SIZE(usual_map), "", true);
    add_madt(70, 0);
    OK(!init_fails(START_INFO));
    EQ(bootinfo.cpu_count, MAX_CPUS);
    EQ(bootinfo.cpu_found, 70);
    EQ(bootinfo.apic_id[0], 69);
    EQ(bootinfo.apic_id[1], 0);
    EQ(bootinfo.apic_id[63], 62);
    OK(fake_printed("70 CPUs, 64 are used"));
    OK(!fake_printed("no table"));
    fake_reset();
}

static void pack_e820(const struct e820 *map, unsigned count)
{
    u8 bytes[128 * 20];

    for (unsigned i = 0; i < count; i++) {
        store_u64(bytes + i * 20, map[i].base);
        store_u64(bytes + i * 20 + 8, map[i].size);
        store_u32(bytes + i * 20 + 16, map[i].type);
    }
    fake_file("etc/e820", 0x25, bytes, count * 20);
}

/* What QEMU has for a 6 GiB microvm. */
static const struct e820 qemu_map[] = {
    {0, 3 * GIB, 1},
    {4 * GIB, 3 * GIB, 1},
    {0xfeffc000, 0x4000, 2},
};

static void fwcfg_map(const struct e820 *map, unsigned entries, const char *cmdline, bool acpi,
                      unsigned cpus)
{
    static u8 tables[8192];
    u16 count = (u16)cpus;

    fake.has_fwcfg = true;
    fake_file("bootorder", 0x20, "", 1);
    pack_e820(map, entries);
    if (acpi) {
        size_t size = make_madt(tables, cpus, 0);

        fake_file("etc/acpi/tables", 0x23, tables, size);
    }
    fake_item(0x15, cmdline, strlen(cmdline) + 1);
    fake_item(0x05, &count, sizeof(count));
    fake_memory(5 * MIB + 0x1000, 128 * KIB); /* behind the kernel */
}

static void fwcfg(const char *cmdline, bool acpi, unsigned cpus)
{
    fwcfg_map(qemu_map, ARRAY_SIZE(qemu_map), cmdline, acpi, cpus);
}

static void test_fwcfg(void)
{
    fake_reset();
    fwcfg("a=1 virtio_mmio.device=512@0xfeb00c00:11 virtio_mmio.device=512@0xfeb00e00:12", true, 5);
    OK(!init_fails(0));
    OK(strcmp(bootinfo.loader, "rom+fw_cfg") == 0);
    EQ(bootinfo.ram_count, 3);
    EQ(bootinfo.ram[0].end, 640 * KIB);
    EQ(bootinfo.ram[1].start, MIB);
    EQ(bootinfo.ram[1].end, 3 * GIB);
    EQ(bootinfo.ram[2].end, 7 * GIB);
    EQ(bootinfo.cpu_count, 5);
    EQ(bootinfo.mmio_count, 2);
    EQ(fake.fwcfg_reads, 4);

    fake_reset();
    fwcfg("", false, 3);
    OK(!init_fails(0));
    OK(strcmp(bootinfo.tables, "fw_cfg") == 0);
    EQ(bootinfo.cpu_count, 3);
    EQ(bootinfo.apic_id[2], 2);
    fake_reset();
}

static void test_fwcfg_refused(void)
{
    char longest[BOOT_CMDLINE + 10];

    fake_reset();
    OK(init_fails(0));
    OK(fake_error_has("fw_cfg device"));
    fake.has_fwcfg = true;
    OK(init_fails(0));
    OK(fake_error_has("no memory map"));
    fake_file("etc/e820", 0x25, "short", 5);
    OK(init_fails(0));
    OK(fake_error_has("no memory map"));

    memset(longest, 'a', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    fake_reset();
    fwcfg(longest, true, 1);
    OK(init_fails(0));
    OK(fake_error_has("longer than"));
    fake_reset();
}

/* A directory of garbage, and a count beyond its end. */
static void test_fwcfg_garbage(void)
{
    u8 item[300];

    for (unsigned i = 0; i < 2000; i++) {
        fake_reset();
        fwcfg("a", rnd_below(2) != 0, 2);
        for (unsigned k = 0; k < sizeof(item); k++) {
            item[k] = (u8)rnd();
        }
        if (rnd_below(2) != 0) {
            fake_item(0x19, item, rnd_below(sizeof(item)));
        } else {
            fake_item(rnd_below(2) != 0 ? 0x23 : 0x25, item, rnd_below(sizeof(item)));
        }
        OK(init_fails(0) || (bootinfo.cpu_count >= 1 && bootinfo.ram_count >= 1));
    }
    fake_reset();
}

/* Against a bitmap of pages, each with a page of room around. */
#define PAGES 512
#define STEP (PAGE_SIZE / 4)

static void check_ram(const bool *usable)
{
    unsigned at = 0;

    for (unsigned i = 0; i < PAGES; i++) {
        paddr_t pa = i * PAGE_SIZE;
        bool whole = true;

        for (unsigned k = 0; k < 4; k++) {
            whole = whole && usable[i * 4 + k];
        }
        whole = whole && (pa < 640 * KIB || pa >= MIB);
        while (at < bootinfo.ram_count && bootinfo.ram[at].end <= pa) {
            at++;
        }
        if (!OK(whole == (at < bootinfo.ram_count && bootinfo.ram[at].start <= pa))) {
            printf("# page %u\n", i);
            return;
        }
    }
    for (unsigned i = 0; i < bootinfo.ram_count; i++) {
        struct boot_range *r = &bootinfo.ram[i];

        OK(r->start < r->end && IS_ALIGNED(r->start | r->end, PAGE_SIZE));
        OK(i == 0 || bootinfo.ram[i - 1].end <= r->start);
        OK(boot_ram_contains(&bootinfo, r->start, r->end));
        OK(!boot_ram_contains(&bootinfo, r->start, r->end + 1));
    }
}

static void ram_model_once(void)
{
    static bool usable[PAGES * 4];

    memset(usable, 0, sizeof(usable));
    fake_reset();
    for (unsigned i = 0; i < 24; i++) {
        unsigned start = (unsigned)rnd_below(PAGES * 4);
        unsigned n = (unsigned)rnd_below(rnd_below(4) == 0 ? 600 : 30);
        bool add = i < 14;

        n = MIN(n, PAGES * 4 - start);
        memset(usable + start, add, n);
        EQ(add ? boot_ram_add(&bootinfo, start * STEP, n * STEP)
               : boot_ram_remove(&bootinfo, start * STEP, n * STEP),
           0);
    }
    boot_ram_finish(&bootinfo);
    check_ram(usable);
}

static void test_ram_model(void)
{
    for (unsigned i = 0; i < 2000; i++) {
        ram_model_once();
    }
}

static void test_ram_limits(void)
{
    fake_reset();
    for (unsigned i = 0; i < BOOT_RAM_RANGES; i++) {
        EQ(boot_ram_add(&bootinfo, (2 * i + 16) * MIB, MIB), 0);
    }
    EQ(boot_ram_add(&bootinfo, 4 * MIB, MIB), -ENOSPC);
    EQ(boot_ram_add(&bootinfo, 17 * MIB, MIB), 0); /* joins two */
    EQ(bootinfo.ram_count, BOOT_RAM_RANGES - 1);
    EQ(boot_ram_add(&bootinfo, 4 * MIB, MIB), 0);
    EQ(boot_ram_remove(&bootinfo, 16 * MIB + 4096, 4096), -ENOSPC);
    EQ(bootinfo.ram_count, BOOT_RAM_RANGES);
    EQ(bootinfo.ram[1].end, 16 * MIB + 4096);

    fake_reset();
    EQ(boot_ram_add(&bootinfo, UINT64_MAX - 4096, 8192), 0); /* wraps, and is no address */
    EQ(bootinfo.ram_count, 0);
    EQ(boot_ram_add(&bootinfo, MIB, UINT64_MAX), 0);
    EQ(bootinfo.ram[0].end, 1ull << 52);
    EQ(boot_ram_add(&bootinfo, MIB, 1ull << 52), 0);
    EQ(bootinfo.ram[0].end, 1ull << 52);
    EQ(boot_ram_remove(&bootinfo, 2 * MIB, UINT64_MAX), 0);
    EQ(bootinfo.ram_count, 1);
    EQ(bootinfo.ram[0].end, 2 * MIB);
    EQ(boot_ram_add(&bootinfo, 3 * MIB, 0), 0);
    EQ(bootinfo.ram_count, 1);
    fake_reset();
}

/* Reserved wins, in whichever order the two are listed. */
static void test_ram_reserved(void)
{
    struct e820 map[] = {{32 * MIB, MIB, 2}, {0, 64 * MIB, 1}, {40 * MIB, MIB, 4}};

    fake_reset();
    pvh(map, 3, "", false);
    OK(!init_fails(START_INFO));
    EQ(bootinfo.ram_count, 4);
    EQ(bootinfo.ram[1].end, 32 * MIB);
    EQ(bootinfo.ram[2].start, 33 * MIB);
    EQ(bootinfo.ram[3].start, 41 * MIB);

    fake_reset();
    fwcfg_map(map, 3, "", true, 1);
    OK(!init_fails(0));
    EQ(bootinfo.ram_count, 4);
    EQ(bootinfo.ram[3].start, 41 * MIB);
    fake_reset();
}

/* A map with more holes than there is room for boots with what fits. */
static void test_ram_pieces(void)
{
    struct e820 map[64] = {{0, 0x9fc00, 1}, {MIB, 31 * MIB, 1}};
    unsigned count = 2;

    while (count < ARRAY_SIZE(map)) {
        map[count] = (struct e820){(48 + 2 * count) * MIB, MIB, 1};
        count++;
    }
    fake_reset();
    pvh(map, count, "", false);
    OK(!init_fails(START_INFO));
    OK(fake_printed("too many pieces"));
    EQ(bootinfo.ram_count, BOOT_RAM_RANGES);

    fake_reset();
    fwcfg_map(map, count, "", true, 2);
    OK(!init_fails(0));
    OK(fake_printed("too many pieces"));
    EQ(bootinfo.cpu_count, 2);
    fake_reset();
}

int main(void)
{
    run("takes what PVH hands over", test_pvh);
    run("makes do with the least", test_pvh_poor);
    run("refuses a broken start info", test_pvh_refused);
    run("refuses a machine that is too small", test_too_little);
    run("takes 64 CPUs of more, the one that booted first", test_many_cpus);
    run("asks fw_cfg, four times", test_fwcfg);
    run("refuses what fw_cfg may be", test_fwcfg_refused);
    run("stands garbage from fw_cfg", test_fwcfg_garbage);
    run("keeps the map of RAM like a bitmap", test_ram_model);
    run("keeps the map of RAM within its limits", test_ram_limits);
    run("leaves out what is reserved", test_ram_reserved);
    run("boots with a map of too many pieces", test_ram_pieces);
    return finish();
}
