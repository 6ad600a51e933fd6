/* SPDX-License-Identifier: MIT */
package suite.work;

import suite.Workload;

/** A workload whose checksum is a constant, as it was computed once on Linux. */
abstract class Known implements Workload {
    private final long expected;

    Known(long expected) {
        this.expected = expected;
    }

    @Override
    public final long expected() {
        return expected;
    }

    /** For what must be so whatever the checksum is. */
    static void require(boolean truth, String what) {
        if (!truth) {
            throw new IllegalStateException("not so: " + what);
        }
    }
}
