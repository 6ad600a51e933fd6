/* SPDX-License-Identifier: MIT */
/*
 * The line of those who wait for regions: see turn_priv.h.
 */
#include "turn_priv.h"

void turn_join(struct list *line, struct turn *turn, vaddr_t start, vaddr_t end, nsec_t now)
{
    if (turn->waits) {
        return;
    }
    *turn = (struct turn){.start = start, .end = end, .since = now, .waits = true};
    list_push_back(line, &turn->link);
}

bool turn_leave(struct turn *turn)
{
    bool waited = turn->waits;

    if (waited) {
        list_remove(&turn->link);
        turn->waits = false;
    }
    return waited;
}

bool turn_is_other(const struct list *line, const struct turn *turn, vaddr_t start, vaddr_t end,
                   nsec_t now)
{
    for (const struct list *node = line->next; node != line; node = node->next) {
        const struct turn *other = container_of(node, const struct turn, link);

        if (other == turn || now < other->since + TURN_PATIENCE) {
            return false; /* those behind came later still */
        }
        if (other->start < end && start < other->end) {
            return true;
        }
    }
    return false;
}
