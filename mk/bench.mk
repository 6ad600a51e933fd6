# SPDX-License-Identifier: MIT
#
# make bench-micro   the micro-benchmarks: a table of Moka beside Linux
#
# BENCH_ROUNDS=N     alternations of the two systems (default 5)
# BENCH_FLAGS=...    further options of benchmarks/micro/run.sh: --markdown
#
# The Linux program is linked from the very object files that are in the
# benchmark image, so that the two differ in nothing but the system.

BENCH_ROUNDS ?= 5
CFLAGS_BENCH_HOST := -std=gnu11 -O2 -g -Wall -Wextra -Wshadow -Wmissing-prototypes \
	-Wstrict-prototypes -Werror

bench_linux := $(BUILD)/bench/micro-linux
bench_boottime := $(BUILD)/bench/boottime

# Programs that are the same file on both systems: glibc's here, on our C library there.
bench_programs_root := $(BUILD)/bench/programs
bench_programs := $(patsubst benchmarks/programs/%.c,$(bench_programs_root)/%,$(wildcard benchmarks/programs/bench_*.c))
bench_runner := $(addprefix benchmarks/micro/,linux.c bench.c sys.c)

$(bench_linux): benchmarks/micro/linux.c benchmarks/micro/bench.h $(bench_moka-bench_app)
	@mkdir -p $(@D)
	@echo "  HOST  $@"
	$(Q)$(CC) $(CFLAGS_BENCH_HOST) -no-pie -pthread -o $@ $(filter %.c %.o,$^)

$(bench_boottime): benchmarks/micro/boottime.c
	@mkdir -p $(@D)
	@echo "  HOST  $@"
	$(Q)$(CC) $(CFLAGS_BENCH_HOST) -o $@ $<

$(bench_programs_root)/%: benchmarks/programs/%.c $(bench_runner) benchmarks/micro/bench.h mk/bench.mk
	@mkdir -p $(@D)
	@echo "  HOST  $@"
	$(Q)$(CC) $(CFLAGS_BENCH_HOST) -Ibenchmarks/micro -pthread -o $@ $< $(bench_runner)

.PHONY: bench-micro bench-linux bench-programs
bench-programs: $(bench_programs) programs
bench-linux: $(bench_linux)
bench-micro: deps-run layering $(bench_linux) $(bench_boottime) bench-image test-image bench-programs \
		$(BUILD)/release/moka.elf
	$(Q)benchmarks/micro/run.sh --rounds $(BENCH_ROUNDS) $(BENCH_FLAGS) $(BUILD)
