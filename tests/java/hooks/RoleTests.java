/* SPDX-License-Identifier: MIT */
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import moka.Moka;
import moka.MokaException;
import moka.Pause;
import moka.Role;
import moka.RoleTimes;
import moka.Roles;

/* moka.Roles and moka.Pause, wherever there are such hooks. */
final class RoleTests {
    private static final Class<? extends Throwable> ARGUMENT = IllegalArgumentException.class;

    private RoleTests() {
    }

    static void run() throws InterruptedException {
        calls();
        others();
        times();
        pauses();
        if (Moka.isPresent()) {
            names();
        }
    }

    private static void calls() {
        int self = Roles.currentThread();
        Tap.ok(Files.exists(Path.of("/proc/self/task/" + self)), "the calling thread's number");
        Roles.set(Role.COMPILER);
        Tap.ok(Roles.get() == Role.COMPILER && Roles.get(self) == Role.COMPILER, "a role of one's own");
        Roles.set(self, Role.NONE);
        Tap.ok(Roles.get() == Role.NONE, "by the thread's number");
        Roles.setByName(self);
        Roles.setByName();
        Tap.ok(Roles.get() == (Moka.isPresent() ? Role.MUTATOR : Role.NONE), "by its name again");
        Tap.raises(ARGUMENT, () -> Roles.set(4_000_000, Role.VM), "no such thread");
        Tap.raises(ARGUMENT, () -> Roles.get(4_000_000), "to be asked about");
        Tap.raises(ARGUMENT, () -> Roles.get(0), "none has the number 0");
        Tap.raises(ARGUMENT, () -> Roles.set(-1, Role.VM), "or one below that");
        Tap.raises(ARGUMENT, () -> Roles.setByName(-1), "by name neither");
        Tap.raises(NullPointerException.class, () -> Roles.set(null), "null");
    }

    /* A thread that is given a role by another one. */
    private static void others() throws InterruptedException {
        CountDownLatch begun = new CountDownLatch(1), end = new CountDownLatch(1);
        AtomicInteger number = new AtomicInteger();
        Thread other = new Thread(() -> {
            number.set(Roles.currentThread());
            begun.countDown();
            try {
                end.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        other.start();
        begun.await();
        Roles.set(number.get(), Role.GC_CONCURRENT);
        Tap.ok(Roles.get(number.get()) == Role.GC_CONCURRENT, "another thread's role");
        Tap.ok(Roles.times().get(Role.GC_CONCURRENT).threads() >= 1, "it is counted");
        end.countDown();
        other.join();
    }

    private static void times() {
        Roles.set(Role.COMPILER);
        long before = Roles.times().get(Role.COMPILER).running(), sum = 0;
        for (long until = System.nanoTime() + 30_000_000; System.nanoTime() < until;) {
            sum++;
        }
        Map<Role, RoleTimes> times = Roles.times();
        Tap.ok(sum > 0 && (times.get(Role.COMPILER).running() > before
            || !Files.exists(Path.of("/proc/self/schedstat"))), "running takes time");
        Tap.is(Role.values().length, times.size(), "all roles have times");
        Tap.ok(times.get(Role.COMPILER).threads() >= 1, "and threads");
        Roles.setByName();
    }

    private static void pauses() throws InterruptedException {
        Pause pause = Pause.begin(Pause.Phase.REACHING);
        Tap.works(() -> pause.enter(Pause.Phase.STOPPED), "a pause");
        Thread other = new Thread(() -> {
            Tap.raises(MokaException.class, () -> Pause.begin(Pause.Phase.REACHING),
                "another thread's");
            Tap.raises(IllegalStateException.class, pause::close, "which it cannot end");
        });
        other.start();
        other.join();
        Tap.works(pause::close, "its end");
        Tap.works(pause::close, "twice");
        Tap.raises(IllegalStateException.class, () -> pause.enter(Pause.Phase.STOPPED), "it is over");
        Tap.works(() -> Pause.begin(Pause.Phase.STOPPED).close(), "the next one");
    }

    /* The role of the thread that the JVM has given a name. */
    private static Map<String, Role> rolesByName() {
        Map<String, Role> roles = new TreeMap<>();
        try (DirectoryStream<Path> tasks = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
            for (Path task : tasks) {
                roles.put(Files.readString(task.resolve("comm")).trim(),
                    Roles.get(Integer.parseInt(task.getFileName().toString())));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return roles;
    }

    private static void names() {
        Map<String, Role> roles = rolesByName();
        Tap.ok(roles.get("VM Thread") == Role.VM, "the VM's thread");
        Tap.ok(roles.get("C2 CompilerThre") == Role.COMPILER, "a compiler");
        Tap.ok(Roles.isByName() && Roles.byName(false), "names turned off");
        Tap.ok(!Roles.isByName() && rolesByName().get("VM Thread") == Role.NONE, "give no roles");
        Tap.ok(!Roles.byName(true) && rolesByName().get("VM Thread") == Role.VM, "turned on again");
    }
}
