/* SPDX-License-Identifier: MIT */
import moka.Moka;

/*
 * Tests moka.jar, in TAP: all that the hooks of this system can do, each
 * exception, and where there are no hooks that everything says so.
 *
 * Hooks moka|linux: which system this is expected to be.
 */
public class Hooks {
    static void testSystem(boolean moka) {
        Tap.ok(Moka.isPresent() == moka, "isPresent: " + moka);
        Tap.ok(!Moka.isPresent() || Moka.isAvailable(), "present, so available");
        Tap.ok(Moka.isAvailable() == (Moka.version() > 0), "a version, if available");
        Tap.ok(Moka.isAvailable() || !Moka.has(Moka.Group.PAGES), "no hooks, so no pages");
        for (Moka.Group group : Moka.Group.values()) {
            Tap.ok(!moka || Moka.has(group), "group " + group);
        }
        System.out.println("# " + Moka.describe());
    }

    public static void main(String[] args) throws InterruptedException {
        testSystem(args.length > 0 && args[0].equals("moka"));
        MemoryTests.run();
        if (Moka.isAvailable()) {
            RangeTests.run();
        } else {
            NoHooksTests.run();
        }
        if (Moka.isPresent()) {
            PageTests.run();
            HeapTests.run();
        }
        if (Moka.has(Moka.Group.LARGE_PAGES)) {
            LargeTests.run();
        }
        if (Moka.has(Moka.Group.REMAP)) {
            RemapTests.run();
        }
        if (Moka.has(Moka.Group.ROLES)) {
            RoleTests.run();
        }
        System.exit(Tap.end());
    }
}
