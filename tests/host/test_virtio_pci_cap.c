/* SPDX-License-Identifier: MIT */
/* sources: drivers/virtio_pci_cap.c */
#include "../../drivers/virtio_pci_cap_priv.h"
#include "host.h"

#include <string.h>

static u8 config[256];
static unsigned reads;

static u32 read_word(void *arg, u32 offset)
{
    u32 word;

    OK(offset % 4 == 0 && offset <= 252);
    reads++;
    memcpy(&word, config + offset, 4);
    return word;
}

static void put32(unsigned at, u32 value)
{
    memcpy(config + at, &value, 4);
}

static void put_virtio(unsigned at, u8 next, u8 length, u8 type, u8 bar, u32 offset, u32 size)
{
    put32(at, 0x09u | (u32)next << 8 | (u32)length << 16 | (u32)type << 24);
    put32(at + 4, bar);
    put32(at + 8, offset);
    put32(at + 12, size);
}

/* As QEMU 7.2 makes it. */
static void prepare(void)
{
    memset(config, 0, sizeof(config));
    put32(0x04, 1u << 20);
    config[0x34] = 0x98;
    put32(0x98, 0x11u | 0x84u << 8 | 1u << 16);
    put32(0x9c, 1);
    put32(0xa0, 0x801);
    put_virtio(0x84, 0x70, 20, 5, 0, 0, 0);
    put_virtio(0x70, 0x60, 20, 2, 4, 0x3000, 0x1000);
    put32(0x80, 4);
    put_virtio(0x60, 0x50, 16, 4, 4, 0x2000, 0x1000);
    put_virtio(0x50, 0x40, 16, 3, 4, 0x1000, 0x1000);
    put_virtio(0x40, 0, 16, 1, 4, 0, 0x1000);
}

static int parse(struct virtio_pci_layout *layout)
{
    reads = 0;
    return virtio_pci_parse(read_word, NULL, layout);
}

static void test_qemu(void)
{
    struct virtio_pci_layout layout;

    prepare();
    EQ(parse(&layout), 0);
    EQ(layout.part[VIRTIO_PCI_COMMON].bar, 4);
    EQ(layout.part[VIRTIO_PCI_COMMON].length, 0x1000);
    EQ(layout.part[VIRTIO_PCI_NOTIFY].offset, 0x3000);
    EQ(layout.part[VIRTIO_PCI_DEVICE].offset, 0x2000);
    EQ(layout.notify_multiplier, 4);
    EQ(layout.msix, 0x98);
    EQ(layout.msix_bar, 1);
    EQ(layout.msix_entries, 2);
    OK(reads < 30);
}

static void test_first_counts(void)
{
    struct virtio_pci_layout layout;

    prepare();
    config[0x41] = 0xb0;
    put_virtio(0xb0, 0, 16, 1, 2, 0x100, 0x1000);
    EQ(parse(&layout), 0);
    EQ(layout.part[VIRTIO_PCI_COMMON].bar, 4);
}

static void test_missing(void)
{
    struct virtio_pci_layout layout;

    prepare();
    put32(0x04, 0); /* no list */
    EQ(parse(&layout), -ENODEV);
    prepare();
    config[0x34] = 0x84; /* no MSI-X */
    EQ(parse(&layout), 0);
    EQ(layout.msix, 0);
    prepare();
    config[0x51] = 0; /* no COMMON */
    EQ(parse(&layout), -ENODEV);
    prepare();
    config[0x44] = 6; /* no such BAR */
    EQ(parse(&layout), -ENODEV);
    prepare();
    put32(0x48, 0xfffffff0); /* beyond 4 GiB */
    EQ(parse(&layout), -ENODEV);
    prepare();
    put32(0x4c, 20); /* too small */
    EQ(parse(&layout), -ENODEV);
    prepare();
    config[0x72] = 16; /* NOTIFY without its multiplier */
    EQ(parse(&layout), -ENODEV);
}

static void test_loop(void)
{
    struct virtio_pci_layout layout;

    prepare();
    config[0x41] = 0x98;
    EQ(parse(&layout), 0);
    OK(reads < 400);
    memset(config, 0, sizeof(config));
    put32(0x04, 1u << 20);
    config[0x34] = 0x40;
    config[0x41] = 0x40;
    EQ(parse(&layout), -ENODEV);
}

/* Whatever is there: it ends, and what it gives is in range. */
static void test_garbage(void)
{
    struct virtio_pci_layout layout;

    for (unsigned i = 0; i < 100000; i++) {
        if (rnd_below(2) == 0) {
            prepare();
            for (u64 n = 1 + rnd_below(5); n > 0; n--) {
                config[rnd_below(256)] = (u8)rnd();
            }
        } else {
            for (unsigned j = 0; j < sizeof(config); j++) {
                config[j] = (u8)rnd();
            }
            config[6] |= 0x10;
        }
        if (parse(&layout) != 0) {
            continue;
        }
        for (unsigned part = 0; part < VIRTIO_PCI_PARTS; part++) {
            OK(layout.part[part].bar < 6);
            OK((u64)layout.part[part].offset + layout.part[part].length <= UINT32_MAX);
        }
        OK(layout.msix_bar < 6 && (layout.msix == 0 || layout.msix >= 0x40));
        OK(reads < 400);
    }
}

int main(void)
{
    run("what QEMU shows", test_qemu);
    run("the first of a type counts", test_first_counts);
    run("missing and malformed parts", test_missing);
    run("a list that is a loop", test_loop);
    run("garbage", test_garbage);
    return finish();
}
