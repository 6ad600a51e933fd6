# SPDX-License-Identifier: MIT
#
# Host unit tests: each tests/host/test_NAME.c is a program of its own, built
# with ASan and UBSan from itself, host.c, and the policy sources that its
# line "/* sources: a.c b.c */" names.

HOST_FLAGS := -std=gnu11 -Wall -Wextra -Wshadow -Wno-unused-parameter -Werror \
	-DMOKA_DEBUG=2 $(INCLUDES) -Itests/host
HOST_SANITIZE := -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=all

# Words test_NAME=SOURCE, read from all tests at once.
host_sources := $(shell awk 'FNR == 1 { name = FILENAME; gsub(/.*\/|\.c$$/, "", name) } \
	FNR == 1 { on = 0 } \
	FNR < 20 && (on || sub(/^\/\* sources: */, "")) { \
		on = !sub(/ *\*\/.*/, ""); sub(/^ \* /, ""); n = split($$0, source, " "); \
		for (i = 1; i <= n; i++) print name "=" source[i]; if (!on) nextfile }' \
	$(wildcard tests/host/test_*.c) /dev/null)

host_programs := $(patsubst tests/host/%.c,$(BUILD)/host/%,$(wildcard tests/host/test_*.c))

define host_program
$(BUILD)/host/$(1): $(BUILD)/host/tests/host/$(1).c.o $(BUILD)/host/tests/host/host.c.o \
	$(patsubst $(1)=%,$(BUILD)/host/%.o,$(filter $(1)=%,$(host_sources)))
endef
$(foreach program,$(notdir $(host_programs)),$(eval $(call host_program,$(program))))

$(host_programs):
	@echo "  HOST  $@"
	$(Q)$(CC) $(HOST_SANITIZE) -o $@ $^

$(BUILD)/host/%.c.o: %.c tests/tests.mk
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) $(HOST_FLAGS) $(HOST_SANITIZE) -MMD -MP -c -o $@ $<

-include $(patsubst %,$(BUILD)/host/%.d,$(sort $(patsubst tests/host/%,tests/host/%,$(wildcard tests/host/*.c)) \
	$(foreach word,$(host_sources),$(lastword $(subst =, ,$(word))))))
