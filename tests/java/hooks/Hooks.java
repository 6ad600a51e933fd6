/* SPDX-License-Identifier: MIT */
import moka.Memory;
import moka.MemoryRange;
import moka.Moka;

/*
 * Tests moka.jar, in TAP: all that the hooks of this system can do, and each
 * exception.
 *
 * Hooks moka|linux: which system this is expected to be.
 */
public class Hooks {
    static void testSystem(boolean moka) {
        Tap.ok(Moka.isPresent() == moka, "isPresent: " + moka);
        Tap.ok(Moka.isAvailable() && Moka.version() > 0, "available, with a version");
        for (Moka.Group group : Moka.Group.values()) {
            Tap.ok(!moka || Moka.has(group), "group " + group);
        }
        System.out.println("# " + Moka.describe());
    }

    /* Linux can look at pages since 6.7, and clear what it sees where userfaultfd(2) is allowed. */
    private static boolean canScan(int flags, String what) {
        try (MemoryRange range = MemoryRange.of(Memory.allocate(Moka.PAGE))) {
            range.scan(Moka.PAGE, flags, null);
            return true;
        } catch (UnsupportedOperationException e) {
            System.out.println("# such scans are not here: " + what + " NOT tested");
            return false;
        }
    }

    public static void main(String[] args) throws InterruptedException {
        testSystem(args.length > 0 && args[0].equals("moka"));
        MemoryTests.run();
        RangeTests.run();
        if (canScan(MemoryRange.DIRTY | MemoryRange.CLEAR, "pages are")) {
            PageTests.run();
        }
        if (canScan(MemoryRange.PRESENT, "the heap and sizes of pages are")) {
            HeapTests.run();
            LargeTests.run();
        }
        if (Moka.has(Moka.Group.REMAP)) {
            RemapTests.run();
        }
        RoleTests.run();
        if (Moka.has(Moka.Group.PRESSURE)) {
            PressureTests.run();
        }
        System.exit(Tap.end());
    }
}
