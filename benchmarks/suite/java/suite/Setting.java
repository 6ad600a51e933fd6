/* SPDX-License-Identifier: MIT */
package suite;

import java.nio.file.Path;
import java.util.Map;

/**
 * What a workload is told about its run.
 *
 * @param thread which of the threads its object is for, from 0
 * @param threads how many there are
 * @param folder an empty folder of the run, which is removed at the end
 * @param parameters the numbers that the workload lists, as the command line has changed them
 */
public record Setting(int thread, int threads, Path folder, Map<String, Integer> parameters) {
    /** A number that the workload lists in the catalogue. */
    public int parameter(String name) {
        return parameters.get(name);
    }
}
