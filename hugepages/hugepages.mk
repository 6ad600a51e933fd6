# SPDX-License-Identifier: MIT
# Sources of the large-page policy.
hugepages_sources := hugepages/policy.c
