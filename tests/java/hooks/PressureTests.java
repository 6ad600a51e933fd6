/* SPDX-License-Identifier: MIT */
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import moka.MachineMemory;
import moka.MachineMemory.Level;
import moka.Memory;
import moka.MemoryRange;
import moka.Moka;
import moka.MokaException;
import moka.Pressure;

/*
 * moka.Pressure, wherever there are such hooks.  Memory is made short by a threshold
 * of half of all memory.
 */
final class PressureTests {
    private static final Class<? extends Throwable> ARGUMENT = IllegalArgumentException.class;

    private PressureTests() {
    }

    static void run() throws InterruptedException {
        amounts();
        misuse();
        Memory taken = takeMemory();
        if (taken == null) {
            System.out.println("# half of the memory is available: shrinkers are NOT called");
        } else {
            calls();
            Reference.reachabilityFence(taken);
        }
    }

    /* A system may keep thresholds as so many whole pages. */
    private static void isAbout(long expected, long got, String name) {
        Tap.ok(Math.abs(expected - got) < Moka.PAGE, name + ": " + got);
    }

    private static void amounts() {
        MachineMemory memory = Pressure.memory();
        System.out.println("# " + memory);
        Tap.ok(memory.total() > 0 && memory.available() <= memory.total()
            && memory.free() <= memory.total(), "amounts");
        isAbout(memory.total() / 16, memory.low(), "the threshold at the start");
        isAbout(memory.total() / 64, memory.critical(), "the other one");
        Pressure.thresholds(memory.total() / 4, memory.total() / 8);
        isAbout(memory.total() / 4, Pressure.memory().low(), "a threshold");
        Tap.raises(ARGUMENT, () -> Pressure.thresholds(memory.total(), 0), "more than half of all");
        Tap.raises(ARGUMENT, () -> Pressure.thresholds(4096, 8192), "critical above low");
        Tap.raises(ARGUMENT, () -> Pressure.thresholds(-1, 0), "below 0");
        isAbout(memory.total() / 8, Pressure.memory().critical(), "which has changed nothing");
        Pressure.thresholds(0, 0);
        isAbout(memory.low(), Pressure.memory().low(), "as at the start");
        Tap.ok(Pressure.memory().level() == Level.PLENTY || memory.available() < memory.low(),
            "a level");
    }

    private static void misuse() {
        int before = Pressure.memory().shrinkers();
        Tap.raises(NullPointerException.class, () -> Pressure.add(null), "no shrinker");
        Tap.raises(ARGUMENT, () -> Pressure.give(-1), "less than nothing to the host");
        Pressure.Registration registration = Pressure.add(wanted -> 0);
        Tap.is(before + 1, Pressure.memory().shrinkers(), "a shrinker");
        registration.close();
        Tap.works(registration::close, "closed, twice");
        Tap.is(before, Pressure.memory().shrinkers(), "it is gone");
        List<Pressure.Registration> all = new ArrayList<>();
        Tap.raises(MokaException.class, () -> {
            for (;;) {
                all.add(Pressure.add(wanted -> 0));
            }
        }, "too many");
        Tap.is(64 - before, all.size(), "64 are not");
        all.forEach(Pressure.Registration::close);
    }

    /* Less than half of all memory is available with what this keeps; null: that is too much to ask of it. */
    private static Memory takeMemory() {
        MachineMemory memory = Pressure.memory();
        long size = memory.available() - memory.total() / 2 + (64 << 20);
        if (size > 0 && !Moka.isPresent()) {
            return null;
        }
        Memory taken = Memory.allocate(Math.max(size, Moka.PAGE));
        try (MemoryRange range = MemoryRange.of(taken)) {
            range.populate(0, taken.size(), 0);
        }
        return taken;
    }

    private static void calls() throws InterruptedException {
        long shrinks = Pressure.memory().shrinks();
        AtomicLong wanted = new AtomicLong();
        AtomicInteger calls = new AtomicInteger();
        AtomicReference<Thread> thread = new AtomicReference<>();
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        AtomicReference<Pressure.Registration> own = new AtomicReference<>();
        CountDownLatch called = new CountDownLatch(2), ended = new CountDownLatch(1);
        List<Pressure.Registration> all = new ArrayList<>();
        all.add(Pressure.add(bytes -> {
            Thread.currentThread().setUncaughtExceptionHandler((self, e) -> thrown.set(e));
            throw new IllegalStateException("a shrinker's");
        }));
        all.add(Pressure.add(bytes -> {
            wanted.set(bytes);
            thread.set(Thread.currentThread());
            calls.incrementAndGet();
            called.countDown();
            return 0;
        }));
        own.set(Pressure.add(bytes -> {
            own.get().close();
            ended.countDown();
            return 0;
        }));
        Pressure.thresholds(Pressure.memory().total() / 2, 0);
        Tap.ok(called.await(60, TimeUnit.SECONDS), "called, twice");
        Tap.ok(ended.await(60, TimeUnit.SECONDS), "one ends itself");
        Tap.ok(Pressure.memory().level() == Level.LOW, "the level");
        Pressure.thresholds(0, 0);
        all.forEach(Pressure.Registration::close);
        int then = calls.get();
        Tap.ok(wanted.get() > 0, "so many bytes are wanted: " + wanted);
        Tap.ok(thread.get().isDaemon() && thread.get() != Thread.currentThread(),
            "by a daemon: " + thread.get().getName());
        Tap.ok(Pressure.memory().shrinks() > shrinks, "counted");
        Tap.ok(thrown.get() instanceof IllegalStateException, "what one throws goes to its handler");
        Pressure.thresholds(Pressure.memory().total() / 2, 0);
        Thread.sleep(300);
        Pressure.thresholds(0, 0);
        Tap.is(then, calls.get(), "closed, it is not called");
    }
}
