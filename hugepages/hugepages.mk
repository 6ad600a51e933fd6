# Sources of the large-page policy.
hugepages_sources := hugepages/policy.c
