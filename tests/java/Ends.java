/* SPDX-License-Identifier: MIT */
/*
 * Ends in the way that its first argument names; what it prints and its status
 * are compared with Linux.
 */
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;

public class Ends {
    static void addHook() {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook")));
    }

    /* A thread that outlives main() by a little. */
    static void startThread(boolean daemon) {
        Thread thread = new Thread(() -> {
            try {
                Thread.sleep(daemon ? 100_000 : 100);
                System.out.println("thread ends");
            } catch (InterruptedException e) {
                System.out.println("interrupted");
            }
        });
        thread.setDaemon(daemon);
        thread.start();
    }

    static void useAllMemory() {
        List<byte[]> all = new ArrayList<>();
        while (true) {
            all.add(new byte[1 << 20]);
        }
    }

    /* A fault that is no Java exception: the JVM writes hs_err and aborts. */
    static void crash() throws Exception {
        Field field = Class.forName("sun.misc.Unsafe").getDeclaredField("theUnsafe");
        field.setAccessible(true);
        ((sun.misc.Unsafe) field.get(null)).putAddress(16, 1);
    }

    public static void main(String[] args) throws Exception {
        System.out.println("main");
        switch (args[0]) {
            case "return" -> addHook();
            case "exit" -> {
                addHook();
                System.exit(Integer.parseInt(args[1]));
            }
            case "halt" -> {
                addHook();
                Runtime.getRuntime().halt(Integer.parseInt(args[1]));
            }
            case "daemon" -> startThread(true);
            case "thread" -> startThread(false);
            case "uncaught" -> throw new IllegalStateException("as asked");
            case "memory" -> useAllMemory();
            case "crash" -> crash();
            case "wait" -> {
                addHook();
                System.out.println("waiting");
                Thread.sleep(600_000);
            }
            default -> System.out.println("which end?");
        }
    }
}
