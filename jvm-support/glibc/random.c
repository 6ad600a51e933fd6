/* SPDX-License-Identifier: MIT */
/*
 * random() with a state of the caller's: random_r(3).  The numbers are those of
 * glibc: an additive feedback generator, or a linear congruential one for the
 * smallest state.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "glibc.h"

struct random_data {
    int32_t *front, *rear, *state;
    int type, degree, separation;
    int32_t *end;
};

static const struct {
    size_t bytes;
    int degree, separation;
} types[] = {{8, 0, 0}, {32, 7, 3}, {64, 15, 1}, {128, 31, 3}, {256, 63, 1}};

#define TYPES ((int)(sizeof types / sizeof *types))

int random_r(struct random_data *data, int32_t *result)
{
    if (!data || !result || !data->state) {
        errno = EINVAL;
        return -1;
    }
    if (data->type == 0) {
        data->state[0] = (int32_t)(((uint32_t)data->state[0] * 1103515245u + 12345u) & 0x7fffffff);
        *result = data->state[0];
        return 0;
    }
    *data->front = (int32_t)((uint32_t)*data->front + (uint32_t)*data->rear);
    *result = (int32_t)((uint32_t)*data->front >> 1);
    data->front = data->front + 1 == data->end ? data->state : data->front + 1;
    data->rear = data->rear + 1 == data->end ? data->state : data->rear + 1;
    return 0;
}

int srandom_r(unsigned seed, struct random_data *data)
{
    int32_t word = seed ? (int32_t)seed : 1, ignored;

    if (!data || data->type < 0 || data->type >= TYPES || !data->state) {
        errno = EINVAL;
        return -1;
    }
    data->state[0] = word;
    if (data->type == 0) {
        return 0;
    }
    for (int i = 1; i < data->degree; i++) {
        /* word * 16807 modulo 2^31 - 1, without overflow. */
        word = (int32_t)(16807L * (word % 127773) - 2836L * (word / 127773));
        word += word < 0 ? 2147483647 : 0;
        data->state[i] = word;
    }
    data->front = data->state + data->separation;
    data->rear = data->state;
    for (int i = 0; i < 10 * data->degree; i++) {
        random_r(data, &ignored);
    }
    return 0;
}

/* The first word of a state keeps what is not in it while it is not in use. */
static void save(struct random_data *data)
{
    if (data->state) {
        long rear = data->type ? data->rear - data->state : 0;

        data->state[-1] = (int32_t)(TYPES * rear + data->type);
    }
}

static void use(struct random_data *data, int32_t *words, int type)
{
    data->type = type;
    data->degree = types[type].degree;
    data->separation = types[type].separation;
    data->state = words + 1;
    data->end = data->state + data->degree;
}

int initstate_r(unsigned seed, char *buf, size_t size, struct random_data *data)
{
    int type = TYPES - 1;

    if (!data || size < types[0].bytes) {
        errno = EINVAL;
        return -1;
    }
    while (size < types[type].bytes) {
        type--;
    }
    save(data);
    use(data, (int32_t *)buf, type);
    srandom_r(seed, data);
    save(data);
    return 0;
}

int setstate_r(char *buf, struct random_data *data)
{
    int32_t *words = (int32_t *)buf;

    if (!data || !buf || words[0] % TYPES < 0) {
        errno = EINVAL;
        return -1;
    }
    save(data);
    use(data, words, words[0] % TYPES);
    if (data->type) {
        int rear = words[0] / TYPES;

        data->rear = data->state + rear;
        data->front = data->state + (rear + data->separation) % data->degree;
    }
    save(data);
    return 0;
}
