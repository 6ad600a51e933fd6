/* SPDX-License-Identifier: MIT */
package suite;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * Runs one workload and prints a line for each iteration.
 *
 * <p>The status is 0 if all operations gave what they must, 1 if one did not or
 * failed, and 2 if the command line or what is installed is not right.
 */
public final class Main {
    private Main() {}

    public static void main(String[] arguments) throws Exception {
        int status;
        try {
            Options options = new Options(arguments);
            status = options.list ? list() : run(options);
        } catch (UsageException e) {
            System.err.println("suite: " + e.getMessage());
            status = 2;
        }
        System.out.flush();
        // Threads that a library has left behind would keep the JVM.
        System.exit(status);
    }

    private static int list() {
        Catalogue.ENTRIES.forEach(entry -> System.out.println(entry.line()));
        return 0;
    }

    private static int run(Options options) throws Exception {
        Path folder = workingFolder();
        List<Workload> workloads = new ArrayList<>();
        try {
            for (int thread = 0; thread < options.threads; thread++) {
                Workload workload = options.entry.maker().get();
                workloads.add(workload);
                workload.setUp(new Setting(thread, options.threads, folder, options.parameters));
            }
            return new Driver(options, workloads).run() ? 0 : 1;
        } catch (NoClassDefFoundError e) {
            throw new UsageException(options.entry.name() + " misses a class of a jar in lib/, beside suite.jar: "
                    + e.getMessage());
        } catch (OutOfMemoryError e) {
            System.err.println("suite: " + options.name + ": " + e);
            return 1;
        } finally {
            for (Workload workload : workloads) {
                workload.tearDown();
            }
            remove(folder);
        }
    }

    private static Path workingFolder() throws UsageException {
        try {
            return Files.createTempDirectory("moka-suite");
        } catch (IOException e) {
            throw new UsageException("no folder can be made in java.io.tmpdir: " + e);
        }
    }

    private static void remove(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
