/* SPDX-License-Identifier: MIT */
/*
 * The image that users run.  With "exec" on the command line it runs a program
 * (exec_main.c); without, it shows the machine as the kernel found it, and ends.
 */
#include <kernel/aspace.h>
#include <kernel/bootinfo.h>
#include <kernel/frame.h>
#include <kernel/panic.h>
#include <kernel/print.h>
#include <kernel/sched.h>

#include "exec.h"
#include "image.h"

const char *const image_options[] = {"idle", "exec", "quiet"};
const unsigned image_option_count = ARRAY_SIZE(image_options);

/*
 * "idle=SECONDS" on the command line keeps the machine up with nothing to
 * do, for measuring what an idle guest costs.
 */
static void idle_if_asked(void)
{
    u64 seconds = image_option_u64("idle", 0);

    if (seconds != 0) {
        kprintf("idle for %lu s\n", (unsigned long)seconds);
        sched_delay(seconds * NSEC_PER_SEC);
    }
}

void image_main(void *arg)
{
    struct frame_stats frames;

    (void)arg;
    if (cmdline_get("exec", NULL, 0)) {
        exec_main();
    }
    bootinfo_print();
    frame_get_stats(&frames);
    kprintf("memory: %lu of %lu MiB free, direct map at %lx\n",
            (unsigned long)(frames.free * PAGE_SIZE / MIB),
            (unsigned long)(frames.total * PAGE_SIZE / MIB), (unsigned long)direct_map_base);
    idle_if_asked();
    kprintf("nothing to run: ./moka exec FOLDER /path/of/program runs one\n");
    machine_exit(EXIT_OK);
}
