/* SPDX-License-Identifier: MIT */
/* Where a virtio PCI function says that its registers are: pure parsing. */
#pragma once

#include <kernel/types.h>

/* virtio 1.2, 4.1.4: the types of capability that are used. */
enum virtio_pci_part {
    VIRTIO_PCI_COMMON,
    VIRTIO_PCI_NOTIFY,
    VIRTIO_PCI_ISR,
    VIRTIO_PCI_DEVICE,
    VIRTIO_PCI_PARTS,
};

struct virtio_pci_range {
    u8 bar;
    u32 offset, length; /* length 0: not there */
};

struct virtio_pci_layout {
    struct virtio_pci_range part[VIRTIO_PCI_PARTS];
    u32 notify_multiplier;
    u8 msix;          /* offset of the capability; 0: it has no interrupts for us */
    u16 msix_entries; /* of its table, */
    u8 msix_bar;      /* which is there */
    u32 msix_offset;
};

/*
 * Reads the list of capabilities; `read` gives the word at an offset that is
 * a multiple of 4, below 256.  What is malformed is passed over.  -ENODEV if
 * COMMON, NOTIFY or MSI-X is missing: then it cannot be used.
 */
must_check int virtio_pci_parse(u32 (*read)(void *arg, u32 offset), void *arg,
                                struct virtio_pci_layout *layout);
