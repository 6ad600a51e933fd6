/* SPDX-License-Identifier: MIT */
/* sources: kernel/mm/turn.c */
/*
 * Who comes before whom among those that wait for regions.
 */
#include "host.h"

#include "../../kernel/mm/turn_priv.h"

static const nsec_t patient = 100 + TURN_PATIENCE;

static void test_patience(void)
{
    struct list line = LIST_INIT(line);
    struct turn first = {0}, late = {0};

    OK(!turn_is_other(&line, &late, 0, 100, patient));
    turn_join(&line, &first, 10, 20, 100);
    OK(!turn_is_other(&line, &late, 0, 100, patient - 1));
    OK(turn_is_other(&line, &late, 0, 100, patient));
    OK(turn_is_other(&line, &late, 19, 20, patient));
    OK(!turn_is_other(&line, &late, 20, 30, patient));
    OK(!turn_is_other(&line, &late, 0, 10, patient));
    OK(!turn_is_other(&line, &first, 10, 20, patient));
    OK(turn_leave(&first));
    OK(!turn_leave(&first));
    OK(!turn_is_other(&line, &late, 0, 100, patient));
}

static void test_order(void)
{
    struct list line = LIST_INIT(line);
    struct turn first = {0}, second = {0};

    turn_join(&line, &first, 10, 20, 100);
    turn_join(&line, &second, 15, 30, 101);
    turn_join(&line, &first, 10, 20, 200); /* keeps its place */
    OK(!turn_is_other(&line, &first, 10, 20, patient + 200));
    OK(turn_is_other(&line, &second, 15, 30, patient + 200));
    OK(turn_leave(&first));
    OK(!turn_is_other(&line, &second, 15, 30, patient + 200));
    turn_join(&line, &first, 10, 20, 300); /* and gets a new one */
    OK(turn_is_other(&line, &first, 10, 20, patient + 200));
}

int main(void)
{
    run("who has waited for long comes first", test_patience);
    run("in order of arrival", test_order);
    return finish();
}
