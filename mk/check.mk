# SPDX-License-Identifier: MIT
#
# make check: formats, lints, compiles each header alone, checks the layering.
# Results of the slow ones are kept as stamps below $(BUILD)/check.
#
# The linter is clang-tidy: of a null pointer, an uninitialised variable and a use
# after kfree(), planted for a trial, it found all, and cppcheck two.

.PHONY: check layering format check-format check-lint check-headers check-source check-shell
check: layering check-format check-source check-shell check-headers check-lint

# Part of every build.
layering:
	$(Q)tools/check-layering.sh

check-source:
	$(Q)tools/check-source.sh

# Not part of `make check`: rewrites the files.
format:
	$(Q)tools/list-files.sh '*.c' '*.h' | xargs clang-format-14 -i

check-format:
	$(Q)tools/list-files.sh '*.c' '*.h' | xargs clang-format-14 --dry-run -Werror

check-shell:
	$(Q)for script in $$(tools/list-files.sh '*.sh') .ci/run; do sh -n "$$script" || exit 1; done
	$(Q)shellcheck -x $$(tools/list-files.sh '*.sh') .ci/run

check-headers: $(LWIP)/stamp
	$(Q)tools/check-headers.sh "$(CC)" "$(CFLAGS_KERNEL) $(INCLUDES_IMAGE) $(INCLUDES_LWIP) -DMOKA_DEBUG=2" "$(HOST_FLAGS) $(jni_flags)"

# What of the compiler's flags clang understands and cares for.
tidy_flags := $(filter -std=% -ffreestanding -m%,$(filter-out -mstack% -mmemset%,$(CFLAGS_KERNEL))) \
	$(INCLUDES_IMAGE) $(INCLUDES_LWIP) -DMOKA_DEBUG=2
host_only := tests/host/% tests/libc/% tests/java/% benchmarks/micro/linux.c benchmarks/micro/boottime.c tools/% jni-ext/% \
	images/tool/% tests/programs/% benchmarks/programs/% benchmarks/java/% benchmarks/startup/% benchmarks/linux/% benchmarks/hooks/% gc-hooks/linux/%

# Files that are compiled as part of musl are not for the kernel's flags.
c_sources := $(filter-out jvm-support/musl/% jvm-support/glibc/% tests/libc/string_variant.c,$(shell tools/list-files.sh '*.c'))
h_sources := $(shell tools/list-files.sh '*.h')
check-lint: $(patsubst %,$(BUILD)/check/%.tidy,$(c_sources))

$(BUILD)/check/tests/programs/hooks_docs.c.tidy: $(BUILD)/docs/gc-hooks-examples.h
$(patsubst %,$(BUILD)/check/%.tidy,$(filter net/%,$(c_sources))): | $(LWIP)/stamp

$(BUILD)/check/%.tidy: % $(h_sources) .clang-tidy tools/lint.sh mk/check.mk
	@mkdir -p $(@D)
	$(Q)tools/lint.sh $< $(if $(filter $(host_only),$<),$(HOST_FLAGS) $(if $(filter images/tool/% tests/programs/% tools/% gc-hooks/linux/% benchmarks/hooks/%,$<),-D_GNU_SOURCE) $(if $(filter jni-ext/% benchmarks/hooks/jni.c,$<),$(jni_flags)) $(if $(filter benchmarks/programs/%,$<),-Ibenchmarks/micro) $(if $(filter tests/programs/%,$<),-I$(BUILD)/docs),$(tidy_flags))
	$(Q)touch $@
