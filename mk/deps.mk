# SPDX-License-Identifier: MIT
#
# Installs the packages that the goals of this make need (tools/deps.sh says
# which, and what it does).  It happens while the makefiles are read, ahead of
# any rule, so that no rule has to wait for it and none can run before it.
#
# make deps         all that any goal needs
# make deps-GROUP   of one group: build run disk test check bench gdb libc debian java

deps_groups := build run disk test check bench gdb libc debian java
deps_of_run := run libc
deps_of_boot := run
deps_of_test := run test check gdb libc
deps_of_test-quick := run test
deps_of_test-host := test
deps_of_test-guest := run gdb
deps_of_test-net := run libc
deps_of_stress := run
deps_of_programs := run libc
deps_of_test-programs := run test libc
deps_of_test-debian := run test libc debian
deps_of_test-debian-full := run test libc debian
deps_of_check := check test
deps_of_format := check
deps_of_bench-micro := run bench libc
deps_of_bench-linux := bench
deps_of_bench-programs := run bench libc
deps_of_bench-startup := run libc
deps_of_bench-java := run libc java
deps_of_bench-java-tcg := run libc java
deps_of_stress-java := run libc java
deps_of_gdb := run gdb
deps_of_libc := libc
deps_of_libc-linux := libc
deps_of_test-libc := libc test
deps_of_jdk := run
deps_of_test-build := run libc disk test
deps_of_java-programs := run
deps_of_jni := run
deps_of_javadoc := run
deps_of_test-java := run test libc
deps_of_test-jvm := run libc disk test
deps_of_suite := run
deps_of_jars := run
deps_of_test-jars := run test libc
deps_of_deps := $(deps_groups)
$(foreach group,$(deps_groups),$(eval deps_of_deps-$(group) := $(group)))

# Nothing for `make clean`, `make help` and `make -n`.
deps_goals := $(filter-out clean help,$(or $(MAKECMDGOALS),all))
ifneq ($(findstring n,$(firstword $(filter-out --%,-$(MAKEFLAGS)))),)
deps_goals :=
endif
ifneq ($(deps_goals),)
deps_said := $(shell tools/deps.sh build $(sort $(foreach goal,$(deps_goals),$(deps_of_$(goal)))) >&2)
ifneq ($(.SHELLSTATUS),0)
$(error programs are missing, see above)
endif
endif

.PHONY: deps $(addprefix deps-,$(deps_groups))
deps $(addprefix deps-,$(deps_groups)):
	@:
