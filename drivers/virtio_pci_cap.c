/* SPDX-License-Identifier: MIT */
/*
 * The capabilities of a virtio PCI function (virtio 1.2, 4.1.4; PCI 3.0,
 * 6.7 and 6.8.2).
 *
 *     vendor-specific (9):  id next length type | bar id 0 0 | offset | length | multiplier
 *     MSI-X (0x11):         id next control     | table offset and bar | ...
 *
 * Only what is needed is read, as each word is an exit.
 */
#include "virtio_pci_cap_priv.h"

#include "pci_priv.h"
#include <kernel/errno.h>
#include <kernel/string.h>

#define CAP_MSIX 0x11u
#define CAP_VENDOR 0x09u
#define CAP_FIRST 0x40u
#define CAPS_MAX 48u /* as many as fit: a list that is longer is a loop */

#define VIRTIO_CAP_SIZE 16u
#define NOTIFY_CAP_SIZE 20u
#define MSIX_CAP_SIZE 12u
#define CONFIG_SIZE 256u

#define COMMON_SIZE 56u

struct reader {
    u32 (*read)(void *arg, u32 offset);
    void *arg;
};

static void parse_vendor(const struct reader *r, u32 at, u32 head, struct virtio_pci_layout *layout)
{
    u32 length = head >> 16 & 0xff;
    u32 type = head >> 24;
    struct virtio_pci_range range;

    /* The first of each type counts (4.1.4.1). */
    if (type == 0 || type > VIRTIO_PCI_PARTS || length < VIRTIO_CAP_SIZE ||
        at > CONFIG_SIZE - VIRTIO_CAP_SIZE || layout->part[type - 1].length != 0) {
        return;
    }
    if (type - 1 == VIRTIO_PCI_NOTIFY &&
        (length < NOTIFY_CAP_SIZE || at > CONFIG_SIZE - NOTIFY_CAP_SIZE)) {
        return;
    }
    range.bar = (u8)r->read(r->arg, at + 4);
    range.offset = r->read(r->arg, at + 8);
    range.length = r->read(r->arg, at + 12);
    if (range.bar >= PCI_BARS || range.offset > UINT32_MAX - range.length) {
        return;
    }
    layout->part[type - 1] = range;
    if (type - 1 == VIRTIO_PCI_NOTIFY) {
        layout->notify_multiplier = r->read(r->arg, at + 16);
    }
}

static void parse_msix(const struct reader *r, u32 at, u32 head, struct virtio_pci_layout *layout)
{
    u32 table;

    if (layout->msix != 0 || at > CONFIG_SIZE - MSIX_CAP_SIZE) {
        return;
    }
    table = r->read(r->arg, at + 4);
    if ((table & 7) >= PCI_BARS) {
        return;
    }
    layout->msix = (u8)at;
    layout->msix_entries = (u16)((head >> 16 & 0x7ff) + 1);
    layout->msix_bar = table & 7;
    layout->msix_offset = table & ~7u;
}

static bool complete(const struct virtio_pci_layout *layout)
{
    return layout->part[VIRTIO_PCI_COMMON].length >= COMMON_SIZE &&
           layout->part[VIRTIO_PCI_NOTIFY].length >= 2;
}

int virtio_pci_parse(u32 (*read)(void *arg, u32 offset), void *arg,
                     struct virtio_pci_layout *layout)
{
    const struct reader r = {read, arg};
    u32 at;

    memset(layout, 0, sizeof(*layout));
    if ((read(arg, PCI_COMMAND) & PCI_STATUS_CAPABILITIES) == 0) {
        return -ENODEV;
    }
    at = read(arg, PCI_CAPABILITIES) & 0xfc;
    for (unsigned i = 0; i < CAPS_MAX && at >= CAP_FIRST; i++) {
        u32 head = read(arg, at);

        if ((head & 0xff) == CAP_VENDOR) {
            parse_vendor(&r, at, head, layout);
        } else if ((head & 0xff) == CAP_MSIX) {
            parse_msix(&r, at, head, layout);
        }
        at = head >> 8 & 0xfc;
    }
    return complete(layout) ? 0 : -ENODEV;
}
