/* SPDX-License-Identifier: MIT */
package suite;

import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;

/**
 * A workload in the catalogue.
 *
 * @param heap the smallest heap in MiB that two threads run in with ParallelGC (heaps.sh finds it)
 * @param parameters numbers that NAME:parameter=value,... changes, with their defaults
 */
public record Entry(String name, String kind, int heap, String description, Map<String, Integer> parameters,
        Supplier<Workload> maker) {
    /** As --list prints it: name, kind, heap, description. */
    public String line() {
        StringBuilder line = new StringBuilder(String.format("%-18s %-10s %4d  %s", name, kind, heap, description));
        String between = " (";
        for (Map.Entry<String, Integer> parameter : new TreeMap<>(parameters).entrySet()) {
            line.append(between).append(parameter.getKey()).append('=').append(parameter.getValue());
            between = ",";
        }
        return line.append(parameters.isEmpty() ? "" : ")").toString();
    }
}
