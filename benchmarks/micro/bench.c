/* SPDX-License-Identifier: MIT */
/*
 * The runner of the micro-benchmarks: picks groups by name, collects the
 * samples of one row at a time and prints them.
 *
 * Time is taken with RDTSC, which neither system traps, and scaled by the
 * system's own clock at start.  Samples are kept in memory and printed when
 * the row is done, because printing disturbs what is measured.  Each row has
 * a budget of time instead of a fixed count, so that a slow platform still
 * ends: an emulated CPU runs the same image.
 */
#include "bench.h"

#define CALIBRATION_NS 20000000ull
#define SAMPLES_LEAST 3
#define LINE_MAX 400 /* the kernel's console cuts lines at 512 bytes */

static struct {
    uint64_t khz; /* of the time stamp counter */
    uint64_t budget;
    const char *name, *unit; /* of the row under way */
    unsigned wanted, count;
    uint64_t end;
    uint64_t sample[BENCH_SAMPLES];
    char line[LINE_MAX + 64];
    unsigned length; /* of line */
    char name_buffer[64];
} state;

static void line_text(const char *text)
{
    while (*text != '\0' && state.length < sizeof(state.line) - 1) {
        state.line[state.length++] = *text++;
    }
}

static void line_number(uint64_t value)
{
    char digits[21];
    unsigned at = sizeof(digits) - 1;

    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    line_text(digits + at);
}

static void line_thousandths(uint64_t value)
{
    line_number(value / 1000);
    line_text(".");
    line_text(value % 1000 < 100 ? "0" : "");
    line_text(value % 1000 < 10 ? "0" : "");
    line_number(value % 1000);
}

static void line_end(void)
{
    state.line[state.length] = '\0';
    bench_write(state.line);
    state.length = 0;
}

void bench_fact(const char *name, uint64_t value)
{
    line_text("fact ");
    line_text(name);
    line_text(" ");
    line_number(value);
    line_end();
}

void bench_skip(const char *name, const char *why)
{
    line_text("skip ");
    line_text(name);
    line_text(" ");
    line_text(why);
    line_end();
}

const char *bench_name(const char *prefix, const char *suffix)
{
    unsigned at = 0;

    for (const char *part = prefix; at < sizeof(state.name_buffer) - 1; part++) {
        if (*part != '\0') {
            state.name_buffer[at++] = *part;
        } else if (suffix != NULL) {
            state.name_buffer[at++] = '/';
            part = suffix - 1;
            suffix = NULL;
        } else {
            break;
        }
    }
    state.name_buffer[at] = '\0';
    return state.name_buffer;
}

static void calibrate(void)
{
    uint64_t start_ns = bench_now_ns(), start = bench_ticks(), now_ns;

    do {
        now_ns = bench_now_ns();
    } while (now_ns - start_ns < CALIBRATION_NS);
    state.khz = (bench_ticks() - start) * 1000000 / (now_ns - start_ns);
}

uint64_t bench_ticks_from_ns(uint64_t ns)
{
    return ns * state.khz / 1000000;
}

void bench_begin(const char *name, const char *unit, unsigned samples)
{
    state.name = name;
    state.unit = unit;
    state.wanted = samples < BENCH_SAMPLES ? samples : BENCH_SAMPLES;
    state.count = 0;
    state.end = bench_ticks() + state.budget;
}

bool bench_more(void)
{
    return state.count < state.wanted && (state.count < SAMPLES_LEAST || bench_ticks() < state.end);
}

void bench_add(uint64_t thousandths)
{
    if (state.count < BENCH_SAMPLES) {
        state.sample[state.count++] = thousandths;
    }
}

void bench_add_ticks(uint64_t ticks, uint64_t operations)
{
    /* In two steps, as thousandths of a long time would not fit 64 bits. */
    uint64_t whole = ticks / state.khz, rest = ticks % state.khz;

    bench_add((whole * 1000000000 + rest * 1000000000 / state.khz) / operations);
}

void bench_end(void)
{
    unsigned printed = state.count < BENCH_PRINTED ? state.count : BENCH_PRINTED;

    for (unsigned i = 0; i < printed; i++) {
        if (state.length == 0) {
            line_text("sample ");
            line_text(state.name);
            line_text(" ");
            line_text(state.unit);
        }
        line_text(" ");
        line_thousandths(state.sample[(uint64_t)i * state.count / printed]);
        if (state.length > LINE_MAX || i + 1 == printed) {
            line_end();
        }
    }
}

/* Whether the comma-separated list holds the word. */
static bool list_has(const char *list, const char *word)
{
    while (*list != '\0') {
        const char *w = word;

        while (*w != '\0' && *list == *w) {
            list++;
            w++;
        }
        if (*w == '\0' && (*list == '\0' || *list == ',')) {
            return true;
        }
        while (*list != '\0' && *list++ != ',') {
        }
    }
    return false;
}

static unsigned run_listed(const struct bench_group *group, const char *list, bool all)
{
    unsigned found = 0;

    for (; group->name != NULL; group++) {
        if (all || list_has(list, group->name)) {
            group->run();
            found++;
        }
    }
    return found;
}

void bench_run(const char *list, unsigned budget_ms)
{
    bool all = list_has(list, "all");

    calibrate();
    state.budget = bench_ticks_from_ns(budget_ms * 1000000ull);
    line_text("fact system ");
    line_text(bench_system);
    line_end();
    bench_fact("cpus", bench_cpus());
    bench_fact("tsc_khz", state.khz);
    if (run_listed(bench_groups, list, all) + run_listed(bench_system_groups, list, all) == 0) {
        bench_fail("no such benchmark", 0);
    }
    line_text("end");
    line_end();
}
