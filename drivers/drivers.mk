# SPDX-License-Identifier: MIT
#
# Sources of the drivers.
drivers_sources := $(addprefix drivers/,serial.c exit.c)
