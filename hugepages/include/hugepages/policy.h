/* SPDX-License-Identifier: MIT */
/*
 * The large-page policy: which page size a fault gets, and how many pages
 * ahead.  Pure; the composition root hands it to the address space.
 */
#pragma once

#include <kernel/aspace.h>

extern const struct page_policy_ops hugepages_policy;
