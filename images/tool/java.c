/* SPDX-License-Identifier: MIT */
/*
 * What a JVM is told that has a machine of its own: how much of the memory its
 * heap may take, which collector fits, and that there are large pages.
 *
 * A JVM takes a quarter of the memory for its heap, because it expects others
 * beside it.  Here is nobody else: the heap may have all but what the kernel,
 * the JVM's own parts, direct buffers and cached files need, a sixth and
 * 64 MiB.  As a percentage, because -Xmx from anywhere goes before that.
 *
 * The collector: with one processor, or a heap below 128 MiB, a second thread
 * that collects costs more than it brings (1.1 to 1.9 times Serial's CPU time,
 * measured with SPECjvm2008).  Below 1792 MiB a JVM takes Serial for more
 * processors, too, though Parallel collects in less time; from there on it
 * takes G1 itself.
 *
 * The JDK's archive of classes: by default OpenJDK 17 moves it to a random place,
 * for which 12 MB are copied and changed page by page at each start, most of a
 * small program's time.  At the place it was made for it is mapped as it is.
 *
 * Large pages: the kernel gives them to who asks for whole ones.  A JVM that does
 * not know of them lets its heap and its compiled code grow by less than 2 MiB at
 * a time, and half of the heap, with Shenandoah nearly all, ends on small pages.
 * With UseTransparentHugePages it is all on large ones, with each collector.  The
 * price is -10 to +7 % of memory, with a heap of 60 MB, and 45 % with Shenandoah,
 * whose regions become 2 MiB.  Not in the smallest machines, where one page that
 * is begun is felt.
 *
 * Whatever the user chooses, in any place where a JVM looks for options, goes before all this.
 */
#include "tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN_MIB 64u /* kernel, code, classes, at least */
#define SERIAL_HEAP_MIB 128u
#define LARGE_PAGES_HEAP_MIB 128u
#define SERVER_MIB 1792u /* HotSpot's "server class machine" */

static bool has_word(const char *word, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (strcmp(word, *names) == 0) {
            return true;
        }
    }
    return false;
}

/* java(1)'s options whose value is the next word. */
static bool takes_next(const char *word)
{
    static const char *const names[] = {"-cp",         "-classpath",        "--class-path",
                                        "-p",          "--module-path",     "--add-modules",
                                        "-d",          "--describe-module", "--add-exports",
                                        "--add-opens", "--add-reads",       "--limit-modules",
                                        "--source",    "--patch-module",    "--upgrade-module-path",
                                        NULL};

    return has_word(word, names);
}

size_t java_option_count(char **args)
{
    static const char *const last[] = {"-jar", "-m", "--module", NULL};
    size_t at = 0;

    while (args[at] != NULL && (args[at][0] == '-' || args[at][0] == '@')) {
        if (has_word(args[at], last)) {
            return at;
        }
        at += takes_next(args[at]) && args[at + 1] != NULL ? 2 : 1;
    }
    return at;
}

/* What has been chosen already. */
struct chosen {
    bool heap, collector, pages;
};

static bool contains(const char *options, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (strstr(options, *names) != NULL) {
            return true;
        }
    }
    return false;
}

static void look_at(struct chosen *chosen, const char *options)
{
    static const char *const heap[] = {
        "-Xmx", "MaxHeapSize=", "RAMPercentage=", "RAMFraction=", "MaxRAM=", NULL};
    static const char *const collector[] = {
        "UseSerialGC",     "UseParallelGC", "UseParallelOldGC", "UseG1GC",
        "UseShenandoahGC", "UseZGC",        "UseEpsilonGC",     NULL};

    static const char *const pages[] = {"LargePages", "HugePages", "UseHugeTLBFS", "UseSHM", NULL};

    chosen->heap = chosen->heap || contains(options, heap);
    chosen->collector = chosen->collector || contains(options, collector);
    chosen->pages = chosen->pages || contains(options, pages);
}

static void look_at_words(void *chosen, char **words)
{
    for (; *words != NULL; words++) {
        look_at(chosen, *words);
    }
}

static unsigned long heap_mib(unsigned long memory)
{
    unsigned long own = OWN_MIB + memory / 6;

    return memory > own + memory / 8 ? memory - own : memory / 8;
}

static void add_heap(struct words *to, unsigned long memory, bool explain)
{
    unsigned long percent = heap_mib(memory) * 100 / memory;

    /* A JVM goes by the second one where memory is small. */
    words_add(to, text("-XX:MaxRAMPercentage=%lu", percent));
    words_add(to, text("-XX:MinRAMPercentage=%lu", percent));
    if (explain) {
        say("the heap may have %lu %% of %lu MiB: nobody else is in the machine", percent, memory);
    }
}

static void add_collector(struct words *to, unsigned long memory, unsigned cpus, bool explain)
{
    if (cpus == 1 || heap_mib(memory) < SERIAL_HEAP_MIB) {
        words_add(to, text("-XX:+UseSerialGC"));
        if (explain) {
            say("collector Serial: for one processor or a heap below %u MiB", SERIAL_HEAP_MIB);
        }
    } else if (memory < SERVER_MIB) {
        words_add(to, text("-XX:+UseParallelGC"));
        if (explain) {
            say("collector Parallel: for several processors and less than %u MiB", SERVER_MIB);
        }
    } else if (explain) {
        say("collector: the JVM's own choice, from %u MiB on", SERVER_MIB);
    }
}

static void add_pages(struct words *to, unsigned long memory, bool explain)
{
    if (heap_mib(memory) < LARGE_PAGES_HEAP_MIB) {
        return;
    }
    words_add(to, text("-XX:+UseTransparentHugePages"));
    if (explain) {
        say("large pages: heap and compiled code grow by whole ones of 2 MiB");
    }
}

/* The JVM's text, the index of the modules, which is in their first MiB, and the archive. */
const char *const java_read_ahead[] = {
    "18874368:" JAVA_HOME "/lib/server/libjvm.so",
    "1048576:" JAVA_HOME "/lib/modules",
    "33554432:" JAVA_HOME "/lib/server/classes.jsa",
    NULL,
};

void java_add_archive(struct words *to, bool explain)
{
    words_add(to, text("-XX:+UnlockDiagnosticVMOptions"));
    words_add(to, text("-XX:ArchiveRelocationMode=0"));
    if (explain) {
        say("the archive of classes stays where it was made for: nothing of it has to be changed");
    }
}

void java_add_defaults(struct words *to, char **args, const struct words *env,
                       unsigned long memory_mib, unsigned cpus, bool explain)
{
    struct chosen chosen = {0};
    size_t count = java_option_count(args);

    for (size_t i = 0; i < count; i++) {
        look_at(&chosen, args[i]);
    }
    java_for_each_list(args, env, look_at_words, &chosen);
    if (!chosen.heap) {
        add_heap(to, memory_mib, explain);
    }
    if (!chosen.collector) {
        add_collector(to, memory_mib, cpus, explain);
    }
    if (!chosen.pages) {
        add_pages(to, memory_mib, explain);
    }
}
