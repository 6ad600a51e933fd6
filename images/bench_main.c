/* SPDX-License-Identifier: MIT */
/*
 * The benchmark image: runs the programs of benchmarks/micro as application
 * code and ends.  "bench=NAME,NAME" on the command line picks some.
 */
#include <kernel/panic.h>
#include <kernel/print.h>

#include "app.h"
#include "bench_os.h"
#include "image.h"

const char *const image_options[] = {"bench", "bench_ms"};
const unsigned image_option_count = ARRAY_SIZE(image_options);

void image_main(void *arg)
{
    struct app *app = app_start("bench", bench_app_main, NULL, 0);

    (void)arg;
    if (app == NULL) {
        config_error("too little memory for the benchmark; give the machine more with -m");
    }
    machine_exit(app_join(app) == 0 ? EXIT_OK : EXIT_FAILED);
}
