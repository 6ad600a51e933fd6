/* SPDX-License-Identifier: MIT */
/*
 * The part of the demo that needs moka.jar: pages of a buffer and of the heap, a remap beside a
 * copy, and the roles of the JVM's threads.  A class of its own, so that the rest runs without.
 */
import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.TreeSet;
import moka.HeapArrays;
import moka.Memory;
import moka.MemoryRange;
import moka.Moka;
import moka.PageInfo;
import moka.RangeStats;
import moka.Remap;
import moka.Role;
import moka.RoleTimes;
import moka.Roles;

final class Hooks {
    private static final int LARGE = Moka.LARGE_PAGE, CHUNK = 1 << 20, ROUNDS = 3;
    private static final int NAMES_WIDTH = 34;

    private Hooks() {
    }

    private static void more(String format, Object... values) {
        Welcome.say("", format, values);
    }

    /* ---- Pages ------------------------------------------------------------------------------- */

    /* What is mapped around an address. */
    private static MemoryRange mappingOf(long address) throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/maps"))) {
            String[] ends = line.substring(0, line.indexOf(' ')).split("-");
            long start = Long.parseLong(ends[0], 16), end = Long.parseLong(ends[1], 16);
            if (address >= start && address < end) {
                return MemoryRange.at(start, end - start);
            }
        }
        throw new IllegalStateException("the heap is not in /proc/self/maps");
    }

    static void showHeap() throws IOException {
        try (MemoryRange heap = mappingOf(HeapArrays.address(new byte[Moka.PAGE]))) {
            RangeStats stats = heap.stats();
            Welcome.say("heap pages", "%,d MiB are there: %,d MiB in pages of 2 MiB, %,d MiB of 4 KiB",
                stats.backed() >> 20, stats.bytes2M() + stats.bytes1G() >> 20, stats.bytes4K() >> 20);
        }
    }

    private static void showPage(MemoryRange range, int offset, String what) {
        PageInfo page = range.page(offset);
        more("%6d KiB  %s  %s  %s", offset >> 10, page.letters(), !page.isPresent() ? "-    "
            : page.isLarge() ? "2 MiB" : "4 KiB", what);
    }

    static void showPages() {
        Memory memory = Memory.allocate(5L * LARGE);
        ByteBuffer buffer = memory.buffer();
        try (MemoryRange range = MemoryRange.of(memory)) {
            buffer.put(0, (byte) 1).put(LARGE, (byte) 1);
            range.split(0, LARGE);
            range.scan(Moka.PAGE, MemoryRange.DIRTY | MemoryRange.CLEAR, null);
            buffer.put(8 << 10, (byte) 2);
            Welcome.say("page table", "of a buffer (p: there; d: written to; a: used):");
            showPage(range, 0, "clean since a scan, and split");
            showPage(range, 8 << 10, "written to since then");
            showPage(range, LARGE, "clean since a scan");
            showPage(range, 4 * LARGE, "never touched");
        }
    }

    /* ---- A remap beside a copy ----------------------------------------------------------------- */

    /* The least of some rounds, in microseconds. */
    private static long time(Runnable action) {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < ROUNDS; i++) {
            long begin = System.nanoTime();
            action.run();
            least = Math.min(least, System.nanoTime() - begin);
        }
        return Math.max(least / 1000, 1);
    }

    private static void copy(ByteBuffer one, ByteBuffer other, ByteBuffer third) {
        for (int at = 0; at < one.capacity(); at += CHUNK) {
            third.put(0, one, at, CHUNK);
            one.put(at, other, at, CHUNK);
            other.put(at, third, 0, CHUNK);
        }
    }

    /* 64 MiB, or what a small machine has for it. */
    private static int sizeOfBuffers() {
        OperatingSystemMXBean system =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return (int) Math.min(64L << 20, system.getTotalMemorySize() / 32 / LARGE * LARGE);
    }

    static void showRemap() {
        int size = sizeOfBuffers();
        if (size == 0) {
            throw new IllegalStateException("no memory for two buffers");
        }
        Memory first = Memory.allocate(size), second = Memory.allocate(size);
        try (MemoryRange to = MemoryRange.of(first); MemoryRange from = MemoryRange.of(second)) {
            to.populate(0, size, 0);
            from.populate(0, size, 0);
            ByteBuffer one = first.buffer(), other = second.buffer();
            ByteBuffer third = ByteBuffer.allocateDirect(CHUNK);
            long swapped = time(() -> Remap.swap(to, 0, from, 0, size, Remap.QUIET));
            long copied = time(() -> copy(one, other, third));
            Welcome.say("remap", "two buffers of %d MiB change places in %,d us;", size >> 20, swapped);
            more("copying what is in them takes %,d us, %,d times as long", copied, copied / swapped);
        }
    }

    /* ---- Threads -------------------------------------------------------------------------------- */

    private static Map<Role, TreeSet<String>> namesByRole() throws IOException {
        Map<Role, TreeSet<String>> names = new EnumMap<>(Role.class);
        try (DirectoryStream<Path> tasks = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
            for (Path task : tasks) {
                Role role = Roles.get(Integer.parseInt(task.getFileName().toString()));
                names.computeIfAbsent(role, none -> new TreeSet<>())
                    .add(Files.readString(task.resolve("comm")).trim());
            }
        }
        return names;
    }

    /* As many of them as there is room for. */
    private static String list(TreeSet<String> names) {
        StringBuilder list = new StringBuilder();
        int left = names.size();
        for (String name : names) {
            if (list.length() + name.length() > NAMES_WIDTH) {
                break;
            }
            list.append(list.length() == 0 ? "" : ", ").append(name);
            left--;
        }
        return left == 0 ? list.toString() : list.append(", +").append(left).toString();
    }

    static void showRoles() throws IOException {
        Map<Role, TreeSet<String>> names = namesByRole();
        Map<Role, RoleTimes> times = Roles.times();
        Welcome.say("threads", "by their roles, and what they have had of the processors:");
        names.forEach((role, all) ->
            more("%-13s %5d ms  %s", role, times.get(role).running() / 1_000_000, list(all)));
    }
}
