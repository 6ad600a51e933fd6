/* SPDX-License-Identifier: MIT */
package moka;

import java.util.EnumMap;
import java.util.Map;

/**
 * Roles of threads: who runs first while the JVM is stopped for a pause, and the CPU time of each
 * kind of thread. In Moka threads have the roles that HotSpot's names for them say, without any call;
 * these are for other names and for measurement.
 *
 * <p>Threads are named by the system's numbers for them, those of {@code /proc/self/task}, above 0;
 * {@link #currentThread()} is the calling thread's.
 *
 * <p>Every method throws {@link UnsupportedOperationException} if this system has no such hook.
 */
public final class Roles {
    private static final int ROLE_BY_NAME = -1, ASK = -1, SELF = 0;

    private Roles() {
    }

    /**
     * The system's number of the calling thread.
     *
     * @return above 0
     */
    public static int currentThread() {
        Native.need();
        return gettid();
    }

    /**
     * Gives a thread a role, whatever its name is. Its time so far counts for that role too.
     *
     * @param thread its number
     * @param role from now on
     * @throws IllegalArgumentException there is no such thread
     */
    public static void set(int thread, Role role) {
        Errors.check(set(checked(thread), role.ordinal()));
    }

    /**
     * Gives the calling thread a role, see {@link #set(int, Role)}.
     *
     * @param role from now on
     */
    public static void set(Role role) {
        Native.need();
        Errors.check(set(SELF, role.ordinal()));
    }

    /**
     * Gives a thread the role that its name says, as all have at first.
     *
     * @param thread its number
     * @throws IllegalArgumentException there is no such thread
     */
    public static void setByName(int thread) {
        Errors.check(set(checked(thread), ROLE_BY_NAME));
    }

    /** Gives the calling thread the role that its name says. */
    public static void setByName() {
        Native.need();
        Errors.check(set(SELF, ROLE_BY_NAME));
    }

    /**
     * The role of a thread.
     *
     * @param thread its number
     * @return as of now
     * @throws IllegalArgumentException there is no such thread
     */
    public static Role get(int thread) {
        return Role.of(Errors.check(role(checked(thread))));
    }

    /**
     * The role of the calling thread.
     *
     * @return as of now
     */
    public static Role get() {
        Native.need();
        return Role.of(Errors.check(role(SELF)));
    }

    /**
     * Says whether names give roles. Where they do not, no thread has a role but by {@link #set}, and
     * HotSpot's pauses are not seen; once they do again, the names that threads have count.
     *
     * @param on true if they do, as at the start in Moka
     * @return what was so before
     * @throws UnsupportedOperationException besides: on Linux names cannot give roles
     */
    public static boolean byName(boolean on) {
        Native.need();
        return Errors.check(names(on ? 1 : 0)) != 0;
    }

    /**
     * Do names give roles?
     *
     * @return true if they do
     */
    public static boolean isByName() {
        Native.need();
        return Errors.check(names(ASK)) != 0;
    }

    /**
     * The time of the threads of each role.
     *
     * @return as of now, of all roles
     */
    public static Map<Role, RoleTimes> times() {
        Native.need();
        Role[] roles = Role.values();
        long[] words = new long[roles.length * RoleTimes.WORDS];
        Errors.check(times(words));
        Map<Role, RoleTimes> times = new EnumMap<>(Role.class);
        for (Role role : roles) {
            int at = role.ordinal() * RoleTimes.WORDS;
            times.put(role, new RoleTimes(words[at], words[at + 1], words[at + 2]));
        }
        return times;
    }

    private static int checked(int thread) {
        if (thread <= 0) {
            throw new IllegalArgumentException("no such thread, " + thread);
        }
        Native.need();
        return thread;
    }

    private static native int gettid();

    private static native long set(int thread, int role);

    private static native long role(int thread);

    private static native long names(int on);

    private static native long times(long[] words);
}
