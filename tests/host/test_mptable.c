/* SPDX-License-Identifier: MIT */
/* clang-format off */
/* sources: kernel/boot/bootinfo.c kernel/boot/ram.c kernel/boot/pvh.c kernel/boot/fwcfg.c kernel/boot/acpi.c kernel/boot/aml.c kernel/boot/mptable.c kernel/boot/cmdline.c tests/host/boot_fake.c */
/* clang-format on */
/* MP tables: where the pointer may be, qboot's own table, damaged ones. */
#include "boot_fake.h"

#include <string.h>

#define LAST_KIB (639 * KIB)
#define ROM 0xf0000
#define BDA_EBDA 0x40e

static void add_pointer(u8 *p, paddr_t table)
{
    store_bytes(p, "_MP_", 4);
    store_u32(p + 4, (u32)table);
    p[8] = 1;
    p[9] = 4;
    p[10] = 0;
    fix_checksum(p, 16, 10);
}

/* A table as qboot makes it: the count of entries is 0, the length too large. */
static size_t make_table(u8 *t, unsigned cpus, unsigned ioapics)
{
    u8 *e = t + 44;
    size_t size;

    memset(t, 0, 44);
    store_bytes(t, "PCMP", 4);
    t[6] = 4;
    store_bytes(t + 8, "QBOOT   000000000000", 20);
    store_u32(t + 36, 0xfee00000);
    for (unsigned i = 0; i < cpus; i++, e += 20) {
        memset(e, 0, 20);
        e[1] = (u8)i;
        e[2] = 0x14;
        e[3] = i == 0 ? 3 : 1;
    }
    store_bytes(e, "\x01\x00ISA   ", 8);
    e += 8;
    for (unsigned i = 0; i < ioapics; i++, e += 8) {
        memcpy(e, (const u8[]){2, (u8)(cpus + i), 0x14, 1, 0, 0, (u8)(0xc0 + i), 0xfe}, 8);
    }
    for (unsigned i = 0; i < 16; i++, e += 8) {
        memcpy(e, (const u8[]){3, 0, 0, 0, 0, (u8)i, (u8)cpus, (u8)i}, 8);
    }
    memset(e, 0, 60);
    size = (size_t)(e + 60 - t);
    store_u16(t + 4, (u16)size);
    fix_checksum(t, size, 7);
    return size;
}

static void test_qboot(void)
{
    u8 table[1024];
    size_t size = make_table(table, 3, 1);
    u8 *p;

    fake_reset();
    p = fake_memory(LAST_KIB, KIB);
    add_pointer(p, LAST_KIB + 16);
    memcpy(p + 16, table, size);
    EQ(boot_mptable_load(&bootinfo), 0);
    OK(strcmp(bootinfo.tables, "mp") == 0);
    EQ(bootinfo.cpu_count, 3);
    EQ(bootinfo.apic_id[2], 2);
    EQ(bootinfo.ioapic_count, 1);
    EQ(bootinfo.ioapic[0].base, 0xfec00000);
    EQ(bootinfo.ioapic[0].gsi_base, 0);
    fake_reset();
}

static void test_places(void)
{
    u8 table[1024];
    size_t size = make_table(table, 2, 3);
    static const paddr_t places[] = {0x9fc00 - 0x800, LAST_KIB, ROM, ROM + 0x1230, 0xffff0};

    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        fake_reset();
        store_u16(fake_memory(BDA_EBDA, 2), (u16)((0x9fc00 - 0x800) >> 4));
        fake_memory(0x9fc00 - 0x800, KIB);
        fake_memory(LAST_KIB, KIB);
        fake_memory(ROM, 64 * KIB);
        fake_memory_copy(8 * MIB, table, size);
        add_pointer(boot_phys(places[i], 16), 8 * MIB);
        EQ(boot_mptable_load(&bootinfo), 0);
        EQ(bootinfo.cpu_count, 2);
        EQ(bootinfo.ioapic_count, 3);
        EQ(bootinfo.ioapic[2].base, 0xfec20000);
        EQ(bootinfo.ioapic[2].gsi_base, 48);
    }
    fake_reset();
}

/* What lies behind an entry of unknown type has no known place. */
static void test_unknown_entry(void)
{
    u8 table[1024];
    size_t size = make_table(table, 2, 1);

    table[44 + 20] = 5;
    fix_checksum(table, size, 7);
    fake_reset();
    add_pointer(fake_memory(LAST_KIB, KIB), 8 * MIB);
    fake_memory_copy(8 * MIB, table, size);
    EQ(boot_mptable_load(&bootinfo), 0);
    EQ(bootinfo.cpu_count, 1);
    EQ(bootinfo.ioapic_count, 0);
    fake_reset();
}

static void test_refused(void)
{
    u8 table[1024];
    size_t size = make_table(table, 2, 1);
    u8 *pointer, *t;

    fake_reset();
    EQ(boot_mptable_load(&bootinfo), -ENOENT); /* no memory at all */
    pointer = fake_memory(ROM, 64 * KIB);
    EQ(boot_mptable_load(&bootinfo), -ENOENT);
    add_pointer(pointer + 8, 8 * MIB); /* not aligned */
    EQ(boot_mptable_load(&bootinfo), -ENOENT);
    add_pointer(pointer + 32, 8 * MIB);
    pointer[42]++;
    EQ(boot_mptable_load(&bootinfo), -ENOENT);
    pointer[42]--;
    EQ(boot_mptable_load(&bootinfo), -EPROTO); /* nothing where it points */
    t = fake_memory_copy(8 * MIB, table, size);
    t[0]++;
    EQ(boot_mptable_load(&bootinfo), -EPROTO);
    t[0]--;
    t[60]++;
    EQ(boot_mptable_load(&bootinfo), -EPROTO);
    t[60]--;
    store_u16(t + 4, (u16)(size + 1));
    EQ(boot_mptable_load(&bootinfo), -EPROTO);
    store_u16(t + 4, 43);
    EQ(boot_mptable_load(&bootinfo), -EPROTO);
    store_u16(t + 4, 44);
    fix_checksum(t, 44, 7);
    EQ(boot_mptable_load(&bootinfo), -ENOENT); /* no CPU in it */
    EQ(bootinfo.cpu_count, 0);
    add_pointer(pointer + 32, 0);
    EQ(boot_mptable_load(&bootinfo), -EPROTO); /* a default configuration */
    fake_reset();
}

static void test_damaged(void)
{
    u8 table[2048];

    for (unsigned i = 0; i < 10000; i++) {
        size_t size = make_table(table, (unsigned)rnd_below(66), (unsigned)rnd_below(6));

        for (u64 n = rnd_below(5); n > 0; n--) {
            table[44 + rnd_below(size - 44)] = (u8)rnd_below(rnd_below(2) ? 6 : 256);
        }
        size = 44 + rnd_below(size - 43);
        store_u16(table + 4, (u16)size);
        fix_checksum(table, size, 7);
        fake_reset();
        add_pointer(fake_memory(LAST_KIB, KIB), 8 * MIB);
        fake_memory_copy(8 * MIB, table, size);
        OK(boot_mptable_load(&bootinfo) <= 0);
        OK(bootinfo.cpu_count <= MAX_CPUS && bootinfo.ioapic_count <= BOOT_IOAPICS);
    }
    fake_reset();
}

int main(void)
{
    run("reads qboot's table", test_qboot);
    run("finds the pointer in each place", test_places);
    run("stops at an unknown entry", test_unknown_entry);
    run("refuses what is broken", test_refused);
    run("stands damaged tables", test_damaged);
    return finish();
}
