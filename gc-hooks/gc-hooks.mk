# SPDX-License-Identifier: MIT
# Sources of the hooks' system calls; what programs see of them is in gc-hooks/include/moka.
gc_hooks_sources := gc-hooks/range.c gc-hooks/page_calls.c gc-hooks/large_calls.c gc-hooks/large_populate.c \
	gc-hooks/role_calls.c gc-hooks/remap_calls.c gc-hooks/pressure_calls.c
