/* SPDX-License-Identifier: MIT */
/*
 * The benchmark image's side of benchmarks/micro/bench.h.
 *
 * Command line: bench=GROUP[,GROUP...] (default: all), bench_ms=N (time for
 * each row, default 300).
 */
#pragma once

/* Runs what the command line asks for.  Application context. */
void bench_app_main(void *arg);

/* The group "costs": see images/bench_costs.c.  Application context. */
void bench_costs(void);
