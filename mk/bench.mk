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

# make bench-java    Java programs with each collector, by turns on Linux and in Moka
# make stress-java   ten minutes of load for each collector, the heap verified
#
# BENCH_JAVA_ROUNDS=N   starts of each JVM (default 10)
# BENCH_JAVA_FLAGS=...  further options of benchmarks/java/run.sh: --collectors "G1 Z" --markdown
# STRESS_SECONDS=N      for each collector (default 600)
BENCH_JAVA_ROUNDS ?= 10
STRESS_SECONDS ?= 600

bench_java_sources := $(wildcard benchmarks/java/*.java)

$(BUILD)/bench/java/classes.stamp: $(bench_java_sources) mk/bench.mk
	@echo "  JAVAC $(@D)/classes"
	$(Q)rm -rf $(@D)/classes && mkdir -p $(@D)/classes
	$(Q)javac --release 17 -d $(@D)/classes $(bench_java_sources)
	$(Q)touch $@

$(BUILD)/bench/java/measure: benchmarks/java/measure.c benchmarks/command.h
	@mkdir -p $(@D)
	@echo "  HOST  $@"
	$(Q)$(CC) $(CFLAGS_BENCH_HOST) -o $@ $<

.PHONY: bench-java stress-java
bench-java: deps-run programs jdk $(BUILD)/bench/java/classes.stamp $(BUILD)/bench/java/measure
	$(Q)benchmarks/java/run.sh --rounds $(BENCH_JAVA_ROUNDS) $(BENCH_JAVA_FLAGS) $(BUILD)
stress-java: deps-run programs jdk java-programs
	$(Q)tests/stress-java.sh --seconds $(STRESS_SECONDS) $(BUILD)

# make bench-startup   from return to the prompt: hello.jar on Linux, in Moka, and QEMU alone
#
# BENCH_STARTUP_FLAGS=...  options of benchmarks/startup/run.sh: --rounds 20 --cpus 2; with --accel tcg
#                          beside a Linux guest under TCG, which Debian's packages are fetched for
bench_startup := $(BUILD)/bench/startup

$(bench_startup)/time: benchmarks/startup/time.c benchmarks/command.h
	@mkdir -p $(@D)
	@echo "  HOST  $@"
	$(Q)$(CC) $(CFLAGS_BENCH_HOST) -o $@ $<

$(bench_startup)/exit.rom: benchmarks/startup/exit.S
	@mkdir -p $(@D)
	@echo "  ROM   $@"
	$(Q)$(CC) -m32 -c -o $(@D)/exit.o $<
	$(Q)objcopy -O binary -j .text $(@D)/exit.o $@

.PHONY: bench-startup
bench-startup: deps-run programs jdk java-programs $(bench_startup)/time $(bench_startup)/exit.rom
	$(Q)benchmarks/startup/run.sh $(BENCH_STARTUP_FLAGS) $(BUILD)

# make bench-java-tcg   Java programs under TCG, by turns in a Linux guest and in Moka
#
# BENCH_JAVA_TCG_FLAGS=...  options of benchmarks/linux/run.sh: --rounds 5 --collectors "Serial G1"
.PHONY: bench-java-tcg
bench-java-tcg: deps-run programs jdk $(BUILD)/bench/java/classes.stamp $(BUILD)/bench/java/measure
	$(Q)benchmarks/linux/run.sh $(BENCH_JAVA_TCG_FLAGS) $(BUILD)

# make bench-hooks   the hooks in Moka, and the library for Linux on Linux, by turns
#
# BENCH_HOOKS_FLAGS=...  options of benchmarks/hooks/run.sh: --rounds 3 --ms 300 --mib 1024 --accel tcg
bench_hooks := $(BUILD)/bench/hooks/hooks
bench_hooks_sources := $(filter-out %/jni.c,$(wildcard benchmarks/hooks/*.c))
bench_hooks_inputs := $(bench_hooks_sources) benchmarks/hooks/bench.h $(wildcard gc-hooks/include/moka/*.h) mk/bench.mk
BENCH_HOOKS_CFLAGS := $(CFLAGS_BENCH_HOST) -Wno-unused-parameter -D_GNU_SOURCE -Igc-hooks/include -pthread

$(bench_hooks): $(bench_hooks_inputs)
	@mkdir -p $(@D)
	@echo "  HOST  $@"
	$(Q)$(CC) $(BENCH_HOOKS_CFLAGS) -o $@ $(bench_hooks_sources)

# For a Linux guest, whatever its C library.
$(bench_hooks)-static: $(bench_hooks_inputs) $(BUILD)/hooks-linux/libmoka-linux.a
	@mkdir -p $(@D)
	@echo "  HOST  $@"
	$(Q)$(CC) $(BENCH_HOOKS_CFLAGS) -DHOOKS_OF_LINUX -static -o $@ $(bench_hooks_sources) $(BUILD)/hooks-linux/libmoka-linux.a

.PHONY: bench-hooks
bench-hooks: deps-run programs hooks-linux $(bench_hooks) $(bench_hooks)-static
	$(Q)benchmarks/hooks/run.sh $(BENCH_HOOKS_FLAGS) $(BUILD)
