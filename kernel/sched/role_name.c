/* SPDX-License-Identifier: MIT */
/*
 * The names that HotSpot gives its threads, cut to the 15 letters that Linux
 * keeps: of versions 11 to 25, as each collector shows them.  Policy only.
 */
#include <kernel/role.h>
#include <kernel/string.h>

/* A name that begins so, or with `whole` is so. */
static const struct {
    const char *name;
    bool whole;
    enum role role;
} names[] = {
    {"VM Thread", true, ROLE_VM},
    {"VM Periodic Tas", true, ROLE_NONE},
    {"GC Thread#", false, ROLE_GC_PAUSE},     /* Parallel, G1 */
    {"RuntimeWorker#", false, ROLE_GC_PAUSE}, /* ZGC's, for clean-up */
    {"G1 ", false, ROLE_GC_CONCURRENT},       /* Main Marker, Conc#, Refine#, Service */
    {"ZWorker", false, ROLE_GC_CONCURRENT},   /* in pauses too */
    {"ZDriver", false, ROLE_GC_CONCURRENT},
    {"ZDirector", false, ROLE_GC_CONCURRENT},
    {"ZStat", false, ROLE_GC_CONCURRENT},
    {"ZUncommitter", false, ROLE_GC_CONCURRENT},
    {"ZUnmapper", false, ROLE_GC_CONCURRENT},
    {"Shenandoah", false, ROLE_GC_CONCURRENT}, /* GC Threads#, in pauses too; Control */
    {"C1 CompilerThre", false, ROLE_COMPILER},
    {"C2 CompilerThre", false, ROLE_COMPILER},
};

enum role role_of_name(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        size_t length = strlen(names[i].name) + names[i].whole;

        if (strncmp(name, names[i].name, length) == 0) {
            return names[i].role;
        }
    }
    return ROLE_UNNAMED;
}
