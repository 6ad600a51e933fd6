# SPDX-License-Identifier: MIT
# The composition roots: which sources make which image.

images_common := images/main.c
images_release := images/release_main.c $(wildcard images/exec_*.c)
images_test := images/test_main.c images/app.c images/app_entry.S \
	$(wildcard tests/guest/test_*.c) tests/guest/deaths.c tests/guest/stress.c
images_test_app := $(wildcard tests/guest/app_*.c) $(wildcard tests/guest/*.S)
images_bench := images/bench_main.c images/bench_os.c images/bench_costs.c images/app.c images/app_entry.S
images_bench_app := $(filter-out benchmarks/micro/linux.c benchmarks/micro/boottime.c,$(wildcard benchmarks/micro/*.c))
