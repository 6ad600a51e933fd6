/* SPDX-License-Identifier: MIT */
package suite;

import java.util.Map;
import java.util.TreeMap;

/** The command line, read and checked. */
final class Options {
    int threads = Runtime.getRuntime().availableProcessors();
    double warmup = 5;
    double seconds = 10;
    int operations;
    int iterations;
    boolean list;
    /** As it was given, parameters included. */
    String name;
    Entry entry;
    Map<String, Integer> parameters;

    static final String USAGE = "usage: java -jar suite.jar [--threads N] [--warmup SECONDS] [--time SECONDS]"
            + " [--operations N] [--iterations N] NAME[:PARAMETER=N,...] | --list";

    Options(String[] arguments) throws UsageException {
        for (int i = 0; i < arguments.length; i++) {
            String argument = arguments[i];
            if (argument.equals("--list")) {
                list = true;
            } else if (argument.startsWith("-")) {
                if (i + 1 == arguments.length) {
                    throw new UsageException(isKnown(argument) ? argument + " wants a value"
                            : "unknown option '" + argument + "'; " + USAGE);
                }
                read(argument, arguments[++i]);
            } else if (name == null) {
                name = argument;
            } else {
                throw new UsageException("one workload, not also '" + argument + "'");
            }
        }
        if (list) {
            return;
        }
        if (name == null) {
            throw new UsageException("which workload? " + USAGE);
        }
        if (iterations == 0) {
            iterations = operations > 0 ? 2 : 1;
        }
        find();
    }

    private static boolean isKnown(String option) {
        return option.matches("--(threads|warmup|time|operations|iterations)");
    }

    private void read(String option, String value) throws UsageException {
        switch (option) {
        case "--threads" -> threads = count(option, value);
        case "--operations" -> operations = count(option, value);
        case "--iterations" -> iterations = count(option, value);
        case "--warmup" -> warmup = seconds(option, value, 0);
        case "--time" -> seconds = seconds(option, value, 0.001);
        default -> throw new UsageException("unknown option '" + option + "'; " + USAGE);
        }
    }

    private static int count(String what, String value) throws UsageException {
        if (!value.matches("[1-9][0-9]{0,8}")) {
            throw new UsageException(what + " wants a number above 0, not '" + value + "'");
        }
        return Integer.parseInt(value);
    }

    private static double seconds(String option, String value, double least) throws UsageException {
        if (!value.matches("[0-9]{1,6}(\\.[0-9]{1,6})?") || Double.parseDouble(value) < least) {
            throw new UsageException(option + " wants seconds, not '" + value + "'");
        }
        return Double.parseDouble(value);
    }

    private void find() throws UsageException {
        String[] parts = name.split(":", 2);
        entry = Catalogue.find(parts[0]);
        parameters = new TreeMap<>(entry.parameters());
        if (parts.length == 1) {
            return;
        }
        for (String setting : parts[1].split(",", -1)) {
            String[] pair = setting.split("=", 2);
            if (pair.length != 2 || !parameters.containsKey(pair[0])) {
                throw new UsageException(entry.name() + " has no parameter '" + setting + "', but "
                        + (parameters.isEmpty() ? "none" : String.join(", ", parameters.keySet())));
            }
            parameters.put(pair[0], count(pair[0], pair[1]));
        }
    }
}
