/* SPDX-License-Identifier: MIT */
/*
 * The network card and lwIP: one netif, one lock, one thread.
 *
 * The card is opened when a program first wants what it leads to: a program
 * without sockets, or with sockets of loopback alone, does not pay for it.
 * Its thread takes received packets, and does what is due: it sleeps until
 * the earliest of TCP's timers (while there are connections), ARP's (while
 * packets came or went lately) and DHCP's, and there is no tick.
 *
 * What is sent is copied into memory of its own once, and freed when the card says that it
 * is done with it.
 */
#include <kernel/bootinfo.h>
#include <kernel/clock.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/netdev.h>
#include <kernel/print.h>
#include <kernel/string.h>
#include <kernel/thread.h>
#include <kernel/vfs.h>
#include <kernel/wait.h>

#include "inet_priv.h"
#include <lwip/dhcp.h>
#include <lwip/etharp.h>
#include <lwip/init.h>
#include <lwip/ip4_frag.h>
#include <lwip/netif.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/prot/dhcp.h>
#include <netif/ethernet.h>

#define BUDGET 64u
#define SENT_AT_MOST 1024u /* packets under way; more are dropped, as by a full queue */
#define TCP_TICK (TCP_TMR_INTERVAL * NSEC_PER_MSEC)
#define ARP_TICK (ARP_TMR_INTERVAL * NSEC_PER_MSEC)
#define ARP_TICKS_MOST 400u /* after that every entry is gone */
#define DHCP_FINE (DHCP_FINE_TIMER_MSECS * NSEC_PER_MSEC)
#define DHCP_COARSE (DHCP_COARSE_TIMER_MSECS * NSEC_PER_MSEC)
#define BUSY (10 * NSEC_PER_SEC)         /* since a packet, neighbours are looked after */
#define ADDRESS_WAIT (10 * NSEC_PER_SEC) /* as long as DHCP may take */

/* A packet that is under way. */
struct departure {
    struct netdev_send send;
    struct netdev_fragment fragment;
    u8 data[]; /* NETDEV_HEADROOM, and then the packet */
};

/* (n) core   (o) constant once open   (t) the card's thread   (a) atomic */
static struct {
    struct spinlock core;
    struct mutex opening;
    _Atomic int state;  /* (a) under `opening`: 0 not looked for, 1 open, -1 there is none */
    struct netdev *dev; /* (o) */
    struct netdev_client client;
    struct netif netif;         /* (n) */
    u32 servers[3];             /* (n) of names, in network order */
    unsigned under_way;         /* (n) departures */
    nsec_t tcp_at, arp_at;      /* (n) when they were last looked after */
    nsec_t fine_at, coarse_at;  /* (n) of DHCP */
    nsec_t busy_until;          /* (n) */
    bool by_dhcp;               /* (o) */
    struct interface interface; /* (n) to write; what is read changes as a whole word */
    _Atomic bool has_address;   /* (a) */
    _Atomic bool told;          /* (a) resolv.conf says what DHCP said */
    _Atomic bool kicked;        /* (a) */
    struct wait_queue thread, address;
} card = {
    .core = SPINLOCK_INIT("lwip", RANK_NET_CORE),
    .opening = {.queue = WAIT_QUEUE_INIT("card opening", card.opening.queue)},
    .thread = WAIT_QUEUE_INIT("card", card.thread),
    .address = WAIT_QUEUE_INIT("address", card.address),
};

bool card_lock(void)
{
    return spin_lock(&card.core);
}

void card_unlock(bool irq)
{
    spin_unlock(&card.core, irq);
}

void card_kick(void)
{
    atomic_store_explicit(&card.kicked, true, memory_order_release);
    (void)wait_wake_one(&card.thread);
}

/* lwIP has a connection that needs its timers. */
void tcp_timer_needed(void)
{
    card_kick();
}

/* ---- Sending --------------------------------------------------------------------------------- */

static void free_sent(void)
{
    struct netdev_send *done = netdev_sent(card.dev, 0);

    while (done != NULL) {
        struct departure *departure = container_of(done, struct departure, send);

        done = done->next;
        kfree(departure);
        card.under_way--;
    }
}

static err_t link_output(struct netif *netif, struct pbuf *p)
{
    struct departure *departure;

    free_sent();
    if (card.under_way >= SENT_AT_MOST) {
        return ERR_MEM;
    }
    departure = kmalloc(sizeof(*departure) + NETDEV_HEADROOM + p->tot_len);
    if (departure == NULL) {
        return ERR_MEM;
    }
    pbuf_copy_partial(p, departure->data + NETDEV_HEADROOM, p->tot_len, 0);
    departure->fragment =
        (struct netdev_fragment){virt_to_phys(departure->data + NETDEV_HEADROOM), p->tot_len};
    departure->send = (struct netdev_send){.fragments = &departure->fragment, .count = 1};
    card.under_way++;
    card.busy_until = clock_now() + BUSY;
    netdev_send(card.dev, 0, &departure->send);
    return ERR_OK;
}

/* ---- Receiving ------------------------------------------------------------------------------- */

/* A copy, so that the card has its buffers back at once; NULL: too large, or no memory. */
static struct pbuf *copy_packet(const struct netdev_buffer *packet)
{
    struct pbuf *p =
        packet->total > 0xffff ? NULL : pbuf_alloc(PBUF_RAW, (u16_t)packet->total, PBUF_RAM);
    u32 at = 0;

    for (const struct netdev_buffer *b = packet; p != NULL && b != NULL; b = b->next) {
        u32 size = MIN(b->size, packet->total - at);

        memcpy((u8 *)p->payload + at, b->data, size);
        at += size;
    }
    return p;
}

static void take_packet(struct netdev_buffer *packet)
{
    bool good = (packet->flags & (NETDEV_CHECKSUM_GOOD | NETDEV_CHECKSUM_PARTIAL)) != 0;
    struct pbuf *p = copy_packet(packet);

    netdev_return(card.dev, packet);
    if (p == NULL) {
        return;
    }
    NETIF_SET_CHECKSUM_CTRL(&card.netif,
                            good ? NETIF_CHECKSUM_ENABLE_ALL &
                                       ~(NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP)
                                 : NETIF_CHECKSUM_ENABLE_ALL);
    if (card.netif.input(p, &card.netif) != ERR_OK) {
        pbuf_free(p);
    }
}

static void take_packets(void)
{
    for (unsigned queue = 0; queue < card.dev->queues; queue++) {
        struct netdev_buffer *packet = netdev_receive(card.dev, queue, BUDGET);
        bool irq = card_lock();

        if (packet != NULL) {
            card.busy_until = clock_now() + BUSY;
        }
        while (packet != NULL) {
            struct netdev_buffer *next = packet->packet;

            take_packet(packet);
            packet = next;
        }
        free_sent();
        card_unlock(irq);
    }
}

/* True: there is more already. */
static bool listen_to_all(void)
{
    bool more = false;

    for (unsigned queue = 0; queue < card.dev->queues; queue++) {
        more = netdev_listen(card.dev, queue, NETDEV_LISTEN_RECEIVE) || more;
    }
    return more;
}

static void on_wake(struct netdev *dev, unsigned queue)
{
    card_kick();
}

static void on_link(struct netdev *dev)
{
    card_kick();
}

/* ---- What is due -------------------------------------------------------------------------------
 */

static bool is_due(nsec_t *last, nsec_t interval, nsec_t now)
{
    if (now - *last < interval) {
        return false;
    }
    *last = now;
    return true;
}

static void look_after_neighbours(nsec_t now)
{
    u64 ticks = (now - card.arp_at) / ARP_TICK;

    card.arp_at += ticks * ARP_TICK;
    for (u64 i = 0; i < MIN(ticks, (u64)ARP_TICKS_MOST); i++) {
        etharp_tmr();
    }
    if (ticks != 0) {
        ip_reass_tmr();
    }
}

static bool has_connections(void)
{
    return tcp_active_pcbs != NULL || tcp_tw_pcbs != NULL;
}

/* Does it, and says when next. */
static nsec_t do_due(void)
{
    bool irq = card_lock();
    nsec_t now = clock_now(), next = card.coarse_at + DHCP_COARSE;

    if (!has_connections()) {
        card.tcp_at = now;
    } else if (is_due(&card.tcp_at, TCP_TICK, now)) {
        tcp_tmr();
    }
    look_after_neighbours(now);
    if (card.by_dhcp && is_due(&card.fine_at, DHCP_FINE, now)) {
        dhcp_fine_tmr();
    }
    if (is_due(&card.coarse_at, DHCP_COARSE, now) && card.by_dhcp) {
        dhcp_coarse_tmr();
    }
    if (has_connections()) {
        next = MIN(next, card.tcp_at + TCP_TICK);
    }
    if (card.busy_until > now) {
        next = MIN(next, card.arp_at + ARP_TICK);
    }
    if (card.by_dhcp && netif_dhcp_data(&card.netif)->state != DHCP_STATE_BOUND) {
        next = MIN(next, card.fine_at + DHCP_FINE);
    }
    card_unlock(irq);
    return next;
}

/* ---- The address ----------------------------------------------------------------------------- */

static void write_file(const char *path, const char *text, size_t size)
{
    struct iovec vec;
    struct file *file;
    struct io io;
    u64 pos = 0;

    if (vfs_open(NULL, path, O_WRONLY | O_CREAT | O_TRUNC, 0644, &file) == 0) {
        io_init(&io, &vec, (void *)text, size, true);
        (void)file_write(file, &io, &pos);
        file_put(file);
    }
}

/* lwIP's DHCP tells them by this function, under the core's lock. */
void dns_setserver(u8_t number, const ip_addr_t *server);
void dns_setserver(u8_t number, const ip_addr_t *server)
{
    if (number < ARRAY_SIZE(card.servers)) {
        card.servers[number] = server != NULL ? ip_2_ip4(server)->addr : 0;
    }
}

/* What musl's resolver asks: net.dns, or whom DHCP named. */
static void write_resolver(void)
{
    char text[256], server[64];
    bool given = cmdline_get("net.dns", server, sizeof(server));
    int size = 0;

    if (given) {
        size = ksnprintf(text, sizeof(text), "nameserver %s\n", server);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(card.servers); i++) {
        const u8 *b = (const u8 *)&card.servers[i];

        if (card.servers[i] != 0 && !given) {
            size += ksnprintf(text + size, sizeof(text) - (size_t)size, "nameserver %u.%u.%u.%u\n",
                              b[0], b[1], b[2], b[3]);
        }
    }
    if (size != 0) {
        write_file("/etc/resolv.conf", text, (size_t)size);
    }
}

/* Under the core's lock. */
static void on_status(struct netif *netif)
{
    card.interface.v4 = swap32(netif_ip4_addr(netif)->addr);
    card.interface.mask = swap32(netif_ip4_netmask(netif)->addr);
    if (card.interface.v4 != 0) {
        atomic_store_explicit(&card.has_address, true, memory_order_release);
        card_kick();
    }
}

static void tell_address(void)
{
    if (atomic_load_explicit(&card.has_address, memory_order_acquire) &&
        !atomic_exchange_explicit(&card.told, true, memory_order_relaxed)) {
        write_resolver();
        (void)wait_wake_all(&card.address);
    }
}

static void run(void *arg)
{
    for (;;) {
        struct waiter waiter;
        nsec_t due;

        take_packets();
        due = do_due();
        tell_address();
        wait_begin(&card.thread, &waiter);
        if (atomic_exchange_explicit(&card.kicked, false, memory_order_acquire) ||
            listen_to_all()) {
            wait_abort(&card.thread, &waiter);
        } else {
            (void)wait_sleep(&card.thread, &waiter, due);
        }
    }
}

const struct interface *card_interface(void)
{
    return atomic_load_explicit(&card.has_address, memory_order_acquire) ? &card.interface : NULL;
}

int card_await_address(nsec_t deadline)
{
    nsec_t latest = clock_now() + ADDRESS_WAIT;
    struct waiter waiter;
    int err = 0;

    if (!card_open()) {
        return -ENETUNREACH;
    }
    while (err == 0 && !atomic_load_explicit(&card.told, memory_order_acquire)) {
        wait_begin(&card.address, &waiter);
        if (atomic_load_explicit(&card.told, memory_order_acquire)) {
            wait_abort(&card.address, &waiter);
            break;
        }
        err = wait_sleep_signal(&card.address, &waiter,
                                MIN(deadline == 0 ? latest : deadline, latest));
    }
    return err == -ETIMEDOUT ? -ENETUNREACH : err == -EINTR ? -ERESTARTSYS : err;
}

/* ---- Opening it ------------------------------------------------------------------------------ */

static err_t start_netif(struct netif *netif)
{
    netif->name[0] = 'e';
    netif->name[1] = 't';
    netif->mtu = (u16_t)MIN(card.dev->mtu, (u16)1500);
    netif->hwaddr_len = ETH_HWADDR_LEN;
    memcpy(netif->hwaddr, card.dev->address, ETH_HWADDR_LEN);
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET;
    netif->output = etharp_output;
    netif->linkoutput = link_output;
    return ERR_OK;
}

/* ADDRESS/PREFIX[,GATEWAY]: false if it is not so. */
static bool parse_static(char *text, ip4_addr_t *address, ip4_addr_t *mask, ip4_addr_t *gateway)
{
    char *prefix = strchr(text, '/'), *comma = strchr(text, ',');
    unsigned bits = 0;

    ip4_addr_set_zero(gateway);
    if (prefix == NULL) {
        return false;
    }
    *prefix++ = '\0';
    if (comma != NULL) {
        *comma++ = '\0';
    }
    for (; *prefix >= '0' && *prefix <= '9'; prefix++) {
        bits = bits * 10 + (unsigned)(*prefix - '0');
    }
    mask->addr = bits == 0 || bits > 32 ? 0 : swap32(~0u << (32 - bits));
    return bits <= 32 && ip4addr_aton(text, address) &&
           (comma == NULL || ip4addr_aton(comma, gateway));
}

static void start_lwip(void)
{
    char text[64];
    ip4_addr_t address, mask, gateway;
    bool given = cmdline_get("net.ip", text, sizeof(text)) &&
                 parse_static(text, &address, &mask, &gateway),
         irq = card_lock();

    card.tcp_at = card.arp_at = card.fine_at = card.coarse_at = clock_now();
    card.by_dhcp = !given;
    lwip_init();
    netif_add_noaddr(&card.netif, NULL, start_netif, ethernet_input);
    netif_set_status_callback(&card.netif, on_status);
    netif_set_default(&card.netif);
    netif_set_link_up(&card.netif);
    netif_set_up(&card.netif);
    udp_card_init();
    if (given) {
        netif_set_addr(&card.netif, &address, &mask, &gateway);
    } else {
        (void)dhcp_start(&card.netif);
    }
    card_unlock(irq);
}

static int open(void)
{
    const struct thread_attr attr = {
        .name = "net", .entry = run, .class = SCHED_CLASS_URGENT, .detached = true};
    int err;

    card.dev = netdev_find(0);
    if (card.dev == NULL) {
        return -ENODEV;
    }
    card.client = (struct netdev_client){.wake = on_wake, .link = on_link};
    err = netdev_open(card.dev, &card.client);
    if (err != 0) {
        kprintf("net: the card cannot be opened: error %d\n", -err);
        return err;
    }
    card.interface =
        (struct interface){.name = card.dev->name,
                           .index = LO_INDEX + 1,
                           .flags = 0x11043, /* UP BROADCAST RUNNING MULTICAST LOWER_UP */
                           .mtu = MIN(card.dev->mtu, (u16)1500),
                           .type = 1};
    memcpy(card.interface.mac, card.dev->address, sizeof(card.interface.mac));
    start_lwip();
    return thread_create(&attr, NULL);
}

bool card_open(void)
{
    int state = atomic_load_explicit(&card.state, memory_order_acquire);

    if (state == 0) {
        mutex_lock(&card.opening);
        if (atomic_load_explicit(&card.state, memory_order_relaxed) == 0) {
            atomic_store_explicit(&card.state, open() == 0 ? 1 : -1, memory_order_release);
        }
        state = atomic_load_explicit(&card.state, memory_order_relaxed);
        mutex_unlock(&card.opening);
    }
    return state > 0;
}
