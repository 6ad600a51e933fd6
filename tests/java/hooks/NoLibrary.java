/* SPDX-License-Identifier: MIT */
import java.nio.ByteBuffer;
import moka.HeapArrays;
import moka.Memory;
import moka.MemoryRange;
import moka.Moka;
import moka.Pause;
import moka.Remap;
import moka.Roles;

/* Where the native library cannot be loaded, moka.jar says so, and whatever needs it throws. */
public class NoLibrary {
    public static void main(String[] args) {
        Class<? extends Throwable> expected = UnsupportedOperationException.class;
        ByteBuffer buffer = ByteBuffer.allocateDirect(Moka.PAGE);
        Tap.ok(!Moka.isPresent() && !Moka.isAvailable() && Moka.version() == 0, "no hooks");
        for (Moka.Group group : Moka.Group.values()) {
            Tap.ok(!Moka.has(group), "no group " + group);
        }
        Tap.ok(Moka.describe().contains("could not be loaded"), Moka.describe());
        Tap.raises(expected, () -> Memory.allocate(1), "no memory");
        Tap.raises(expected, () -> Memory.address(buffer), "no address of a buffer");
        Tap.raises(expected, () -> MemoryRange.at(4096, 4096), "no range of an address");
        Tap.raises(expected, () -> MemoryRange.of(buffer), "or of a buffer");
        Tap.raises(expected, () -> HeapArrays.address(new byte[8]), "no address of an array");
        Tap.raises(expected, () -> HeapArrays.scan(new byte[8], 1, null), "nor its pages");
        Tap.raises(expected, Remap::info, "no remapping");
        Tap.raises(expected, Roles::times, "no times");
        Tap.raises(expected, Roles::currentThread, "no thread's number");
        Tap.raises(expected, () -> Pause.begin(Pause.Phase.REACHING), "no pause");
        System.exit(Tap.end());
    }
}
