/* SPDX-License-Identifier: MIT */
import java.util.Arrays;
import moka.Moka;

/**
 * Examples NAME [ARGUMENT]...: runs one of the examples in this jar; each says in its file what it
 * shows, and what its arguments are.
 *
 * <pre>./moka run build/jni/examples.jar SwapBuffers</pre>
 */
public final class Examples {
    private Examples() {
    }

    /** What each is started by. */
    @FunctionalInterface
    private interface Main {
        void run(String[] args) throws Exception;
    }

    private static Main find(String name) {
        switch (name) {
        case "PageTable":
            return PageTable::main;
        case "Checkpoint":
            return Checkpoint::main;
        case "SwapBuffers":
            return SwapBuffers::main;
        case "Snapshot":
            return Snapshot::main;
        case "Cache":
            return Cache::main;
        case "GcPriority":
            return GcPriority::main;
        default:
            return null;
        }
    }

    public static void main(String[] args) throws Exception {
        Main example = args.length == 0 ? null : find(args[0]);
        if (example == null) {
            System.err.println("usage: Examples NAME [ARGUMENT]...");
            System.err.println("NAME: PageTable, Checkpoint, SwapBuffers, Snapshot, Cache, GcPriority");
            System.exit(2);
        }
        System.out.println(Moka.describe());
        try {
            example.run(Arrays.copyOfRange(args, 1, args.length));
        } catch (UnsupportedOperationException e) {
            System.out.println("This system cannot do that: " + e.getMessage());
        }
    }
}
