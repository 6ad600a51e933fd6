/* SPDX-License-Identifier: MIT */
import moka.Memory;
import moka.MemoryRange;
import moka.Moka;

/* Where the native library cannot be loaded, moka.jar says so and throws what it throws elsewhere. */
public class NoLibrary {
    public static void main(String[] args) {
        Class<? extends Throwable> expected = UnsupportedOperationException.class;
        Tap.ok(!Moka.isPresent() && !Moka.isAvailable() && Moka.version() == 0, "no hooks");
        for (Moka.Group group : Moka.Group.values()) {
            Tap.ok(!Moka.has(group), "no group " + group);
        }
        Tap.ok(Moka.describe().contains("could not be loaded"), Moka.describe());
        Tap.raises(expected, () -> Memory.allocate(1), "no memory");
        Tap.raises(expected, () -> MemoryRange.at(4096, 4096), "no range of an address");
        System.exit(Tap.end());
    }
}
