/* SPDX-License-Identifier: MIT */
/*
 * The platform's MBeans, asked within the process, and a flight recording that
 * is made, read and judged there: events of the JVM, of the machine and of this
 * program.
 */
import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.UnixOperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryMXBean;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import javax.management.StandardMBean;
import jdk.jfr.Event;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;

public class Beans {
    public interface Counter {
        int getCount();
        void setCount(int count);
    }

    static final class OwnCounter implements Counter {
        private int count = 41;

        public int getCount() {
            return count;
        }

        public void setCount(int count) {
            this.count = count;
        }
    }

    static class OwnEvent extends Event {
        String text;
    }

    static void say(String what, boolean isSo) {
        System.out.println(what + ": " + isSo);
    }

    static void askSystem() {
        UnixOperatingSystemMXBean system =
            (UnixOperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

        System.out.println(system.getName() + " " + system.getArch());
        say("processors",
            system.getAvailableProcessors() == Runtime.getRuntime().availableProcessors());
        say("memory", system.getFreeMemorySize() > 0
                && system.getFreeMemorySize() < system.getTotalMemorySize());
        say("swap", system.getTotalSwapSpaceSize() >= system.getFreeSwapSpaceSize());
        say("virtual memory", system.getCommittedVirtualMemorySize() > 1 << 20);
        say("CPU time", system.getProcessCpuTime() > 0);
        say("load", system.getSystemLoadAverage() >= 0);
        say("descriptors", system.getOpenFileDescriptorCount() > 3
                && system.getOpenFileDescriptorCount() < system.getMaxFileDescriptorCount());
    }

    /* What tools such as jps and jstat look for. */
    static void askPerformanceData() throws Exception {
        Path file = Path.of(System.getProperty("java.io.tmpdir"),
                            "hsperfdata_" + System.getProperty("user.name"),
                            Long.toString(ProcessHandle.current().pid()));

        System.out.println("performance data: " + Files.size(file) + " "
                           + (Files.readAllBytes(file)[3] == (byte) 0xc0));
    }

    static void askMemory() {
        MemoryMXBean memory = ManagementFactory.getMemoryMXBean();

        say("heap", memory.getHeapMemoryUsage().getUsed() > 0);
        say("beside the heap", memory.getNonHeapMemoryUsage().getUsed() > 0);
        say("pools", ManagementFactory.getMemoryPoolMXBeans().stream().allMatch(
            MemoryPoolMXBean::isValid));
        say("compiled", ManagementFactory.getCompilationMXBean().getTotalCompilationTime() >= 0);
        say("classes", ManagementFactory.getClassLoadingMXBean().getLoadedClassCount() > 100);
        say("uptime", ManagementFactory.getRuntimeMXBean().getUptime() > 0);
    }

    /* Each holds the lock that the other wants. */
    static void askForDeadlock() throws InterruptedException {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        Object[] locks = {new Object(), new Object()};
        java.util.concurrent.CyclicBarrier both = new java.util.concurrent.CyclicBarrier(2);

        for (int i = 0; i < 2; i++) {
            Object first = locks[i], second = locks[1 - i];
            Thread thread = new Thread(() -> {
                synchronized (first) {
                    try {
                        both.await();
                    } catch (Exception e) {
                        return;
                    }
                    synchronized (second) {
                        System.out.println("no deadlock");
                    }
                }
            });
            thread.setDaemon(true);
            thread.start();
        }
        while (threads.findDeadlockedThreads() == null) {
            Thread.sleep(10);
        }
        System.out.println("deadlocked: " + threads.findDeadlockedThreads().length);
    }

    static void register() throws Exception {
        MBeanServer server = ManagementFactory.getPlatformMBeanServer();
        ObjectName name = new ObjectName("moka:type=Counter");

        server.registerMBean(new StandardMBean(new OwnCounter(), Counter.class), name);
        server.setAttribute(name, new javax.management.Attribute("Count", 42));
        System.out.println("own bean: " + server.getAttribute(name, "Count"));
        HotSpotDiagnosticMXBean hotspot =
            ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
        System.out.println("option: " + hotspot.getVMOption("MaxHeapSize").getName());
        server.unregisterMBean(name);
    }

    static void record() throws Exception {
        Path file = Files.createTempFile("own", ".jfr");

        try (Recording recording = new Recording()) {
            recording.enable("jdk.CPUInformation");
            recording.enable("jdk.PhysicalMemory");
            recording.enable("jdk.GarbageCollection");
            recording.enable("jdk.ThreadStart");
            recording.enable(OwnEvent.class);
            recording.start();
            System.gc();
            OwnEvent event = new OwnEvent();
            event.text = "of our own";
            event.commit();
            recording.stop();
            recording.dump(file);
        }
        Set<String> names = new TreeSet<>();
        for (RecordedEvent event : RecordingFile.readAllEvents(file)) {
            names.add(event.getEventType().getName());
            if (event.hasField("text")) {
                System.out.println("event: " + event.getString("text"));
            }
        }
        names.remove("jdk.ThreadStart"); /* some collectors start threads */
        System.out.println(names.stream().collect(Collectors.joining(" ")));
        Files.delete(file);
    }

    /* What it knows of its own process, by /proc. */
    static void askProcess() {
        ProcessHandle.Info info = ProcessHandle.current().info();

        System.out.println("command: " + info.command().orElse("").endsWith("/bin/java"));
        System.out.println("arguments: " + info.arguments().map(words -> words[words.length - 1]).orElse(""));
        System.out.println("started: " + info.startInstant().isPresent());
    }

    public static void main(String[] args) throws Exception {
        askSystem();
        askProcess();
        askPerformanceData();
        askMemory();
        askForDeadlock();
        register();
        record();
    }
}
