/* SPDX-License-Identifier: MIT */
package suite;

/** The command line, or what is installed, is not right: one line says what, and the status is 2. */
public final class UsageException extends Exception {
    private static final long serialVersionUID = 1;

    public UsageException(String message) {
        super(message);
    }
}
