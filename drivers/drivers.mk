# SPDX-License-Identifier: MIT
#
# Sources of the drivers.
drivers_sources := $(addprefix drivers/,serial.c exit.c power.c devices.c registry.c pci.c \
	virtio.c virtio_ring.c virtio_queue.c virtio_request.c virtio_mmio.c virtio_pci.c virtio_pci_cap.c \
	virtio_net.c virtio_net_setup.c virtio_net_send.c virtio_net_receive.c \
	virtio_blk.c blk_split.c virtio_console.c console_port.c virtio_rng.c virtio_balloon.c virtio_9p.c)
