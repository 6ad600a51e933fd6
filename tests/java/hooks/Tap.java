/* SPDX-License-Identifier: MIT */
/* What the tests of moka.jar print: TAP. */
final class Tap {
    interface Action {
        void run() throws Throwable;
    }

    private static int count, failed;

    private Tap() {
    }

    static void ok(boolean good, String name) {
        System.out.println((good ? "ok " : "not ok ") + ++count + " - " + name);
        if (!good) {
            failed++;
            StackTraceElement at = StackWalker.getInstance().walk(frames -> frames
                .filter(frame -> !frame.getClassName().equals("Tap")).findFirst().get()
                .toStackTraceElement());
            System.out.println("# " + at);
        }
    }

    static void is(long expected, long got, String name) {
        ok(expected == got, name);
        if (expected != got) {
            System.out.println("# " + got + " instead of " + expected);
        }
    }

    /* It throws an exception of just that class. */
    static void raises(Class<? extends Throwable> expected, Action action, String name) {
        Throwable got = null;
        try {
            action.run();
        } catch (Throwable thrown) {
            got = thrown;
        }
        ok(got != null && got.getClass() == expected, name);
        if (got == null || got.getClass() != expected) {
            System.out.println("# " + got);
        }
    }

    /* It does not throw. */
    static void works(Action action, String name) {
        Throwable got = null;
        try {
            action.run();
        } catch (Throwable thrown) {
            got = thrown;
        }
        ok(got == null, name);
        if (got != null) {
            System.out.println("# " + got);
        }
    }

    static int end() {
        System.out.println("1.." + count);
        return failed == 0 ? 0 : 1;
    }
}
