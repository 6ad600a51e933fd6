/* SPDX-License-Identifier: MIT */
/*
 * What the JVM knows of the machine: "processors N", "memory MiB",
 * "heap MiB" (its limit), "collector NAME".
 */
import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;

public class Machine {
    public static void main(String[] args) {
        OperatingSystemMXBean system =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        System.out.println("processors " + Runtime.getRuntime().availableProcessors());
        System.out.println("memory " + (system.getTotalMemorySize() >> 20));
        System.out.println("heap " + (Runtime.getRuntime().maxMemory() >> 20));
        System.out.println("collector "
                           + ManagementFactory.getGarbageCollectorMXBeans().get(0).getName());
    }
}
