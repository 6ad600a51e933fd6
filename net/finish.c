/* SPDX-License-Identifier: MIT */
/*
 * The end of the machine.  A program that has sent an answer, closed and ended takes
 * the answer for sent, and so it is on Linux, which goes on with that; here the
 * machine is about to go, and waits until the other side has acknowledged all
 * of it, but not for one that takes nothing.
 */
#include "inet_priv.h"

#include <kernel/clock.h>
#include <lwip/priv/tcp_priv.h>
#include <net/net.h>

#define PATIENCE (5 * NSEC_PER_SEC) /* the host may be busy */
#define LOOK_EVERY NSEC_PER_MSEC

static bool is_under_way(const struct tcp_pcb *pcb)
{
    return pcb->unsent != NULL || pcb->unacked != NULL || pcb->state == FIN_WAIT_1 ||
           pcb->state == CLOSING || pcb->state == LAST_ACK;
}

static bool any_under_way(void)
{
    bool irq = card_lock(), any = false;

    for (const struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL && !any; pcb = pcb->next) {
        any = is_under_way(pcb);
    }
    card_unlock(irq);
    return any;
}

void net_finish(void)
{
    nsec_t until = clock_now() + PATIENCE;

    while (any_under_way() && clock_now() < until) {
        sched_delay(LOOK_EVERY);
    }
}
