/* SPDX-License-Identifier: MIT */
/* clang-format off */
/* sources: kernel/boot/bootinfo.c kernel/boot/ram.c kernel/boot/pvh.c kernel/boot/fwcfg.c kernel/boot/acpi.c kernel/boot/aml.c kernel/boot/mptable.c kernel/boot/cmdline.c tests/host/boot_fake.c */
/* clang-format on */
/* ACPI tables, linked and as QEMU hands them over; damaged ones too. */
#include "boot_fake.h"

#include <stdio.h>
#include <string.h>

#define RSDP 0xf5a00
#define TABLES 0x7fe0000

/* Puts a table at its own page; returns where. */
static paddr_t put_sdt(unsigned page, const char *signature, const void *body, size_t size)
{
    static u8 table[8192];
    paddr_t pa = TABLES + page * PAGE_SIZE;

    fake_memory_copy(pa, table, make_sdt(table, signature, body, size));
    return pa;
}

static paddr_t put_madt(unsigned page, unsigned cpus, u32 first)
{
    static u8 table[8192];
    paddr_t pa = TABLES + page * PAGE_SIZE;

    fake_memory_copy(pa, table, make_madt(table, cpus, first));
    return pa;
}

static void load_one(bool xsdt, paddr_t table)
{
    fake_acpi_root(RSDP, xsdt, &table, 1);
}

static void test_madt(void)
{
    for (int xsdt = 0; xsdt < 2; xsdt++) {
        fake_reset();
        load_one(xsdt, put_madt(0, 4, 0));
        EQ(boot_acpi_load(&bootinfo, RSDP), 0);
        OK(strcmp(bootinfo.tables, "acpi") == 0);
        EQ(bootinfo.cpu_count, 4);
        EQ(bootinfo.cpu_found, 4);
        EQ(bootinfo.apic_id[3], 3);
        EQ(bootinfo.ioapic_count, 1);
        EQ(bootinfo.ioapic[0].base, 0xfec00000);
    }
    fake_reset();
    load_one(true, put_madt(0, 10, 250));
    EQ(boot_acpi_load(&bootinfo, RSDP), 0);
    EQ(bootinfo.cpu_count, 10);
    EQ(bootinfo.apic_id[4], 254);
    EQ(bootinfo.apic_id[5], 255);
    EQ(bootinfo.apic_id[9], 259);
    fake_reset();
    load_one(true, put_madt(0, 100, 0));
    EQ(boot_acpi_load(&bootinfo, RSDP), 0);
    EQ(bootinfo.cpu_count, MAX_CPUS);
    EQ(bootinfo.cpu_found, 100);
    fake_reset();
}

/* CPUs that are not enabled, one named twice, more I/O APICs than there is room for. */
static void test_madt_odd(void)
{
    u8 body[256] = {0};
    u8 *e = body + 8;

    memcpy(e, (const u8[]){0, 8, 0, 7, 1, 0, 0, 0}, 8);
    memcpy(e + 8, (const u8[]){0, 8, 1, 8, 0, 0, 0, 0}, 8);
    memcpy(e + 16, (const u8[]){0, 8, 2, 9, 2, 0, 0, 0}, 8);
    memcpy(e + 24, (const u8[]){9, 16, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}, 16);
    memcpy(e + 40, (const u8[]){77, 4, 0, 0}, 4);
    e += 44;
    for (unsigned i = 0; i < 6; i++) {
        memcpy(e, (const u8[]){1, 12, 0, 0, 0, 0, (u8)i, 0xfe, (u8)(i * 24), 0, 0, 0}, 12);
        e += 12;
    }
    fake_reset();
    load_one(true, put_sdt(0, "APIC", body, (size_t)(e - body)));
    EQ(boot_acpi_load(&bootinfo, RSDP), 0);
    EQ(bootinfo.cpu_count, 1);
    EQ(bootinfo.apic_id[0], 7);
    EQ(bootinfo.ioapic_count, BOOT_IOAPICS);
    EQ(bootinfo.ioapic[3].base, 0xfe030000);
    EQ(bootinfo.ioapic[3].gsi_base, 72);

    /* An entry of length 0, and one that ends behind the table. */
    for (unsigned len = 0; len < 2; len++) {
        memset(body, 0, sizeof(body));
        memcpy(body + 8, (const u8[]){0, 8, 0, 7, 1, 0, 0, 0}, 8);
        body[17] = (u8)(len * 200);
        fake_reset();
        load_one(true, put_sdt(0, "APIC", body, 24));
        EQ(boot_acpi_load(&bootinfo, RSDP), 0);
        EQ(bootinfo.cpu_count, 1);
    }
    /* Entries of a known type that are too short for it, at the table's end. */
    for (unsigned type = 0; type < 10; type++) {
        memcpy(body + 8, (const u8[]){(u8)type, 4, 0, 7}, 4);
        fake_reset();
        load_one(true, put_sdt(0, "APIC", body, 12));
        EQ(boot_acpi_load(&bootinfo, RSDP), -ENOENT);
        EQ(bootinfo.ioapic_count, 0);
    }
    fake_reset();
}

static void test_mcfg(void)
{
    u8 body[8 + 2 * 16] = {0};

    store_u64(body + 8, 0xe0000000);
    body[8 + 8] = 1; /* another segment */
    store_u64(body + 24, 0xb0000000);
    body[24 + 10] = 2;
    body[24 + 11] = 200;
    fake_reset();
    load_one(true, put_sdt(0, "MCFG", body, sizeof(body)));
    EQ(boot_acpi_load(&bootinfo, RSDP), -ENOENT); /* no CPUs */
    EQ(bootinfo.pci_ecam, 0xb0000000);
    EQ(bootinfo.pci_bus_first, 2);
    EQ(bootinfo.pci_bus_last, 200);

    body[24 + 10] = 201;
    fake_reset();
    load_one(true, put_sdt(0, "MCFG", body, sizeof(body)));
    EQ(boot_acpi_load(&bootinfo, RSDP), -ENOENT);
    EQ(bootinfo.pci_ecam, 0);

    fake_reset();
    load_one(true, put_sdt(0, "MCFG", body, 8 + 8)); /* cut */
    EQ(boot_acpi_load(&bootinfo, RSDP), -ENOENT);
    EQ(bootinfo.pci_ecam, 0);
    fake_reset();
}

/* A FADT's fields at their offsets in the table. */
#define FADT(field) (body + (field)-SDT_HEADER_SIZE)

static void test_fadt_ports(void)
{
    static const u8 s5[] = "\x08_S5_\x12\x06\x04\x0a\x07\x00\x00\x00";
    u8 body[244 - SDT_HEADER_SIZE] = {0};

    fake_reset();
    store_u32(FADT(64), 0x604);
    store_u32(FADT(76), 0x608);
    store_u32(FADT(112), 1u << 8);
    store_u32(FADT(40), (u32)put_sdt(1, "DSDT", s5, sizeof(s5) - 1));
    load_one(false, put_sdt(0, "FACP", body, 112 - SDT_HEADER_SIZE)); /* ends before the flags */
    EQ(boot_acpi_load(&bootinfo, RSDP), -ENOENT);
    OK(bootinfo.has_pci);
    EQ(bootinfo.sleep_port, 0x604);
    EQ(bootinfo.pm_timer_port, 0x608);
    OK(!bootinfo.pm_timer_32bit);
    EQ(bootinfo.sleep_type, 7);

    fake_reset();
    memcpy(FADT(172), (const u8[]){1, 16, 0, 2, 0x04, 0xb0, 0, 0, 0, 0, 0, 0}, 12);
    load_one(false, put_sdt(0, "FACP", body, sizeof(body)));
    EQ(boot_acpi_load(&bootinfo, RSDP), -ENOENT);
    EQ(bootinfo.sleep_port, 0xb004);
    OK(bootinfo.pm_timer_32bit);

    /* A chip set that was not set up: ports 0 to 8. */
    fake_reset();
    memset(body, 0, sizeof(body));
    store_u32(FADT(64), 4);
    store_u32(FADT(76), 8);
    load_one(false, put_sdt(0, "FACP", body, sizeof(body)));
    EQ(boot_acpi_load(&bootinfo, RSDP), -ENOENT);
    EQ(bootinfo.sleep_port, 0);
    EQ(bootinfo.pm_timer_port, 0);
    fake_reset();
}

static void test_fadt_reduced(void)
{
    u8 body[268 - SDT_HEADER_SIZE] = {0};

    store_u32(FADT(112), 1u << 20);
    store_u32(FADT(64), 0x604);
    memcpy(FADT(244), (const u8[]){0, 8, 0, 0, 0, 2, 0xa0, 0xfe, 0, 0, 0, 0}, 12);
    store_u64(FADT(140), 0x123456789000); /* no memory there */
    fake_reset();
    load_one(true, put_sdt(0, "FACP", body, sizeof(body)));
    EQ(boot_acpi_load(&bootinfo, RSDP), -ENOENT);
    OK(!bootinfo.has_pci);
    EQ(bootinfo.sleep_port, 0);
    EQ(bootinfo.sleep_mmio, 0xfea00200);
    fake_reset();
}

/* From a microvm of QEMU 7.2 with two devices: as dumped, without the other devices. */
static const u8 microvm_aml[] =
    "\x5b\x82\x42\x04VR23\x08_HID\x0dLNRO0005\0\x08_UID\x0a\x17\x08_CCA\x01\x08_CRS\x11\x1a\x0a\x17"
    "\x86\x09\x00\x01\x00\x2e\xb0\xfe\x00\x02\x00\x00\x89\x06\x00\x01\x01\x2f\x00\x00\x00\x79\x00"
    "\x5b\x82\x42\x04VR22\x08_HID\x0dLNRO0005\0\x08_UID\x0a\x16\x08_CCA\x01\x08_CRS\x11\x1a\x0a\x17"
    "\x86\x09\x00\x01\x00\x2c\xb0\xfe\x00\x02\x00\x00\x89\x06\x00\x01\x01\x2e\x00\x00\x00\x79\x00"
    "\x10\x5c\x00\x08_S5_\x12\x07\x04\x0a\x05\x00\x00\x00";

static void test_aml(void)
{
    fake_reset();
    boot_aml_scan(&bootinfo, microvm_aml, sizeof(microvm_aml) - 1);
    EQ(bootinfo.mmio_count, 2);
    EQ(bootinfo.mmio[0].base, 0xfeb02e00);
    EQ(bootinfo.mmio[0].size, 0x200);
    EQ(bootinfo.mmio[0].irq, 47);
    EQ(bootinfo.mmio[1].base, 0xfeb02c00);
    EQ(bootinfo.mmio[1].irq, 46);
    EQ(bootinfo.sleep_type, 5);
    for (size_t size = 0; size < sizeof(microvm_aml) - 1; size++) {
        fake_reset();
        boot_aml_scan(&bootinfo, fake_memory_copy(0, microvm_aml, size), size);
        OK(bootinfo.mmio_count == (size >= 66) + (unsigned)(size >= 68 + 66));
    }
    fake_reset();
}

static unsigned sleep_type(const char *aml, size_t size)
{
    fake_reset();
    boot_aml_scan(&bootinfo, (const u8 *)aml, size);
    return bootinfo.sleep_type;
}

static void test_sleep_type(void)
{
    EQ(sleep_type("\x08_S5_\x12\x06\x04\x00\x00\x00\x00", 12), 0);
    EQ(sleep_type("\x08_S5_\x12\x06\x04\x01\x01\x00\x00", 12), 1);
    EQ(sleep_type("\\_S5_\x12\x08\x04\x0a\x05\x0a\x05\x00\x00", 14), 5);
    EQ(sleep_type("\x08_S5_\x12\x48\x00\x04\x0a\x03\x00\x00\x00", 14), 3);
    EQ(sleep_type("\x08_S5_\x12\x06\x04\x0a", 9), 0);
    EQ(sleep_type("\x08_S5_\x12\x06", 7), 0);
    EQ(sleep_type("\x08_S5_\x12", 6), 0);
    EQ(sleep_type("X_S5_\x12\x06\x04\x0a\x05\x00\x00", 12), 0);
    EQ(sleep_type("_S5_\x12\x06\x04\x0a\x05\x00\x00", 11), 0); /* not a name's definition */
}

static size_t make_blob(u8 *blob)
{
    u8 body[244 - SDT_HEADER_SIZE] = {0};
    size_t size = 64;

    memset(blob, 0, 64);
    store_bytes(blob, "FACS", 4);
    store_u32(blob + 4, 64);
    size += make_sdt(blob + size, "DSDT", microvm_aml, sizeof(microvm_aml) - 1);
    store_u32(FADT(64), 0x604);
    size += make_sdt(blob + size, "FACP", body, sizeof(body));
    size += make_madt(blob + size, 3, 0);
    return size;
}

static void test_scan(void)
{
    static u8 blob[8192];
    size_t size = make_blob(blob);

    blob[64 + 9] ^= 1; /* checksums are not there yet */
    fake_reset();
    boot_acpi_scan(&bootinfo, blob, sizeof(blob)); /* padded with zeroes */
    EQ(bootinfo.cpu_count, 3);
    EQ(bootinfo.mmio_count, 2);
    EQ(bootinfo.sleep_port, 0x604);
    for (size_t cut = 0; cut <= size; cut++) {
        fake_reset();
        boot_acpi_scan(&bootinfo, fake_memory_copy(0, blob, cut), cut);
        OK(bootinfo.cpu_count == (cut == size ? 3 : 0));
    }
    fake_reset();
}

static void test_broken_root(void)
{
    u8 *p;

    fake_reset();
    EQ(boot_acpi_load(&bootinfo, RSDP), -ENOENT); /* no memory */
    fake_memory(RSDP, 36);
    EQ(boot_acpi_load(&bootinfo, RSDP), -ENOENT);

    fake_reset();
    load_one(false, put_madt(0, 2, 0));
    p = boot_phys(RSDP, 36);
    p[8]++;
    EQ(boot_acpi_load(&bootinfo, RSDP), -ENOENT);
    p[8]--;
    p = boot_phys(RSDP + 36, 40);
    p[9]++;
    EQ(boot_acpi_load(&bootinfo, RSDP), -EPROTO);
    p[9]--;
    p = boot_phys(TABLES, 64);
    p[9]++;
    EQ(boot_acpi_load(&bootinfo, RSDP), -ENOENT); /* the only table has a wrong checksum */
    p[9]--;
    store_u32(p + 4, UINT32_MAX);
    EQ(boot_acpi_load(&bootinfo, RSDP), -ENOENT);
    store_u32(p + 4, 8);
    EQ(boot_acpi_load(&bootinfo, RSDP), -ENOENT);
    EQ(bootinfo.cpu_count, 0);
    fake_reset();
}

static void damage(u8 *p, size_t size)
{
    for (u64 n = rnd_below(6); n > 0; n--) {
        p[rnd_below(size)] = (u8)rnd();
    }
}

/* Damaged tables with right checksums: ASan watches what is read, the result stays in bounds. */
static void test_damaged(void)
{
    static u8 blob[8192];

    for (unsigned i = 0; i < 5000; i++) {
        size_t size = make_blob(blob);
        size_t at = 64;
        paddr_t tables[3];

        damage(blob + 64, size - 64);
        fake_reset();
        boot_acpi_scan(&bootinfo, fake_memory_copy(0, blob, size), size);
        OK(bootinfo.cpu_count <= MAX_CPUS && bootinfo.mmio_count <= BOOT_MMIO_DEVICES);

        fake_reset();
        for (unsigned t = 0; t < 3; t++) {
            u32 len = MIN(load_u32(blob + at + 4), (u32)(size - at));

            len = MAX(len, SDT_HEADER_SIZE);
            tables[t] = TABLES + t * PAGE_SIZE;
            len = MIN(len, (u32)(size - at));
            fix_checksum(blob + at, len, 9);
            fake_memory_copy(tables[t], blob + at, len);
            at += len;
            if (size - at < SDT_HEADER_SIZE) {
                at = 64;
            }
        }
        fake_acpi_root(RSDP, i % 2, tables, 3);
        OK(boot_acpi_load(&bootinfo, RSDP) <= 0);
        OK(bootinfo.cpu_count <= MAX_CPUS && bootinfo.ioapic_count <= BOOT_IOAPICS);
    }
    fake_reset();
}

int main(void)
{
    run("finds CPUs and I/O APICs", test_madt);
    run("passes over what it cannot use in a MADT", test_madt_odd);
    run("finds PCI's configuration window", test_mcfg);
    run("finds the ports of power-off and timer", test_fadt_ports);
    run("finds the sleep register of a machine without ports", test_fadt_reduced);
    run("finds virtio transports in the DSDT", test_aml);
    run("reads the sleep type in all its forms", test_sleep_type);
    run("scans tables that are not linked", test_scan);
    run("refuses broken roots and tables", test_broken_root);
    run("stands damaged tables", test_damaged);
    return finish();
}
