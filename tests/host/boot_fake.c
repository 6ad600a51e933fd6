/* SPDX-License-Identifier: MIT */
#include "boot_fake.h"

#include <kernel/panic.h>
#include <kernel/print.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECES 64
#define ITEMS 32
#define DIR_KEY 0x19

struct piece {
    paddr_t pa;
    size_t size;
    u8 *bytes;
};

struct item {
    u16 key;
    size_t size;
    u8 *bytes;
};

static struct {
    unsigned pieces, items, files;
    struct piece piece[PIECES];
    struct item item[ITEMS];
    u8 dir[4 + ITEMS * 64];
} state;

struct fake_machine fake;

void fake_reset(void)
{
    for (unsigned i = 0; i < state.pieces; i++) {
        test_free(state.piece[i].bytes);
    }
    for (unsigned i = 0; i < state.items; i++) {
        test_free(state.item[i].bytes);
    }
    memset(&state, 0, sizeof(state));
    memset(&fake, 0, sizeof(fake));
    memset(&bootinfo, 0, sizeof(bootinfo));
    fake.image = (struct boot_range){2 * MIB, 5 * MIB + 0x123};
}

u8 *fake_memory_copy(paddr_t pa, const void *bytes, size_t size)
{
    u8 *p = test_alloc(size);

    if (state.pieces == PIECES) {
        abort();
    }
    memcpy(p, bytes, size);
    state.piece[state.pieces++] = (struct piece){pa, size, p};
    return p;
}

u8 *fake_memory(paddr_t pa, size_t size)
{
    u8 *zeroes = calloc(1, size);
    u8 *p = fake_memory_copy(pa, zeroes, size);

    free(zeroes);
    return p;
}

void fake_item(u16 key, const void *bytes, size_t size)
{
    u8 *p = test_alloc(size);

    if (state.items == ITEMS) {
        abort();
    }
    memcpy(p, bytes, size);
    state.item[state.items++] = (struct item){key, size, p};
}

void fake_file(const char *name, u16 key, const void *bytes, size_t size)
{
    u8 *e = state.dir + 4 + (size_t)state.files++ * 64;

    store_u32(state.dir, __builtin_bswap32(state.files));
    store_u32(e, __builtin_bswap32((u32)size));
    store_u16(e + 4, __builtin_bswap16(key));
    snprintf((char *)e + 8, 56, "%s", name);
    fake_item(key, bytes, size);
}

/* The newest piece first, so that a test can put one over another. */
void *boot_phys(paddr_t pa, u64 size)
{
    for (unsigned i = state.pieces; i-- > 0;) {
        struct piece *p = &state.piece[i];

        if (pa >= p->pa && pa - p->pa <= p->size && size <= p->size - (pa - p->pa)) {
            return p->bytes + (pa - p->pa);
        }
    }
    return NULL;
}

int boot_fwcfg_read(u16 key, void *buf, u32 size)
{
    fake.fwcfg_reads++;
    if (!fake.has_fwcfg) {
        return -ENODEV;
    }
    memset(buf, 0, size);
    if (key == DIR_KEY) {
        memcpy(buf, state.dir, MIN(size, sizeof(state.dir)));
    }
    for (unsigned i = 0; i < state.items; i++) {
        if (state.item[i].key == key) {
            memcpy(buf, state.item[i].bytes, MIN(size, state.item[i].size));
        }
    }
    return 0;
}

int boot_fwcfg_read_phys(u16 key, paddr_t to, u32 size)
{
    return boot_fwcfg_read(key, (void *)to, size);
}

struct boot_range boot_image(void)
{
    return fake.image;
}

bool boot_pci_ports(void)
{
    return fake.pci_ports;
}

u32 boot_apic_id(void)
{
    return fake.apic_id;
}

void config_error(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(fake.error, sizeof(fake.error), fmt, ap);
    va_end(ap);
    longjmp(fake.jump, 1);
}

void kprintf(const char *fmt, ...)
{
    size_t len = strlen(fake.printed);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(fake.printed + len, sizeof(fake.printed) - len, fmt, ap);
    va_end(ap);
}

bool fake_printed(const char *text)
{
    return strstr(fake.printed, text) != NULL;
}

bool fake_error_has(const char *text)
{
    return strstr(fake.error, text) != NULL;
}

void fix_checksum(u8 *p, size_t size, size_t at)
{
    p[at] = 0;
    p[at] = (u8)-boot_checksum(p, size);
}

size_t make_sdt(u8 *to, const char *signature, const void *body, size_t size)
{
    memset(to, 0, SDT_HEADER_SIZE);
    memcpy(to, signature, 4);
    store_u32(to + 4, (u32)(SDT_HEADER_SIZE + size));
    memcpy(to + SDT_HEADER_SIZE, body, size);
    fix_checksum(to, SDT_HEADER_SIZE + size, 9);
    return SDT_HEADER_SIZE + size;
}

void fake_acpi_root(paddr_t pa, bool xsdt, const paddr_t *tables, unsigned count)
{
    u8 *rsdp = fake_memory(pa, 36);
    u8 table[512], body[256];
    size_t entry = xsdt ? 8 : 4;
    size_t size;

    for (unsigned i = 0; i < count; i++) {
        if (xsdt) {
            store_u64(body + i * 8, tables[i]);
        } else {
            store_u32(body + i * 4, (u32)tables[i]);
        }
    }
    size = make_sdt(table, xsdt ? "XSDT" : "RSDT", body, count * entry);
    fake_memory_copy(pa + 36, table, size);
    store_bytes(rsdp, "RSD PTR ", 8);
    if (xsdt) {
        rsdp[15] = 2;
        store_u32(rsdp + 20, 36);
        store_u64(rsdp + 24, pa + 36);
    } else {
        store_u32(rsdp + 16, (u32)pa + 36);
    }
    fix_checksum(rsdp, 20, 8);
    fix_checksum(rsdp, 36, 32);
}

size_t make_madt(u8 *to, unsigned cpus, u32 first)
{
    static u8 body[8 + 256 * 16 + 12];
    u8 *e = body + 8;

    memset(body, 0, sizeof(body));
    store_u32(body, 0xfee00000);
    for (unsigned i = 0; i < cpus; i++) {
        if (first + i < 255) {
            memcpy(e, (const u8[]){0, 8, (u8)i, (u8)(first + i), 1, 0, 0, 0}, 8);
            e += 8;
        } else {
            e[0] = 9;
            e[1] = 16;
            store_u32(e + 4, first + i);
            store_u32(e + 8, 1);
            e += 16;
        }
    }
    e[0] = 1;
    e[1] = 12;
    store_u32(e + 4, 0xfec00000);
    e += 12;
    return make_sdt(to, "APIC", body, (size_t)(e - body));
}
