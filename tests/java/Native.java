/* SPDX-License-Identifier: MIT */
/*
 * Java and C++ in one process (native.cc): exceptions of each inside the
 * other, strings, streams and locales of libstdc++, threads that C++ starts and
 * that call Java.
 */
public class Native {
    static int calls;

    static native int catchOwn(int depth);
    static native void throwToJava(String message);
    static native int catchJavas();
    static native String describe(String text);
    static native long callFromThreads(int count, int times);
    static native int useStack(int kilobytes);

    /* Called by catchJavas(). */
    static int fail() {
        throw new IllegalStateException("from Java");
    }

    /* Called by callFromThreads(), on threads that Java has not made. */
    static synchronized void count() {
        calls++;
    }

    public static void main(String[] args) {
        System.loadLibrary("moka_native");
        int sum = 0;
        for (int i = 0; i < 10_000; i++) {
            sum += catchOwn(i % 20);
        }
        System.out.println("C++ exceptions: " + sum);
        for (int i = 0; i < 2; i++) {
            try {
                throwToJava("number " + i);
                System.out.println("nothing thrown");
            } catch (RuntimeException e) {
                System.out.println("Java exception of C++: " + e.getMessage());
            }
        }
        System.out.println("Java exception seen by C++: " + catchJavas());
        System.out.println(describe("caf\u00e9"));
        System.out.println("threads of C++: " + callFromThreads(4, 1000) + ", calls: " + calls);
        System.out.println("stack used by C++: " + useStack(512) + " KiB");
    }
}
