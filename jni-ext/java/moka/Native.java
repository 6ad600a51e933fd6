/* SPDX-License-Identifier: MIT */
package moka;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/*
 * The native library: found, loaded, and asked once what it has found.
 *
 * It is looked for as any library is (java.library.path), which is how another one is chosen; if it
 * is not there it is taken out of the jar into a temporary file that is gone again when this has
 * ended.  The system keeps what is loaded.
 */
final class Native {
    static final int KIND_NONE = 0, KIND_MOKA = 1, KIND_LINUX = 2;

    /* A version of the interface between these classes and the library. */
    private static final int ABI = 1;
    private static final String LIBRARY = "moka_jni";

    /* Why there are none; null if there are. */
    static final String WHY;
    static final int KIND, VERSION, GROUPS;

    static {
        WHY = load();
        KIND = WHY == null ? kind() : KIND_NONE;
        VERSION = WHY == null ? version() : 0;
        GROUPS = WHY == null ? groups() : 0;
    }

    private Native() {
    }

    /* Null, or why it could not be loaded. */
    private static String load() {
        try {
            try {
                System.loadLibrary(LIBRARY);
            } catch (UnsatisfiedLinkError notInstalled) {
                unpackAndLoad();
            }
            return abi() == ABI ? null : "lib" + LIBRARY + ".so is of another moka.jar";
        } catch (IOException | UnsatisfiedLinkError | SecurityException e) {
            return "the native library could not be loaded: " + e.getMessage();
        }
    }

    private static void unpackAndLoad() throws IOException {
        try (InputStream in = Native.class.getResourceAsStream("lib" + LIBRARY + ".so")) {
            if (in == null) {
                throw new UnsatisfiedLinkError("it is not in moka.jar");
            }
            Path file = Files.createTempFile("moka", ".so");
            try {
                Files.copy(in, file, StandardCopyOption.REPLACE_EXISTING);
                System.load(file.toString());
            } finally {
                Files.delete(file);
            }
        }
    }

    /* Before any native method of another class. */
    static void need() {
        if (KIND == KIND_NONE) {
            throw new UnsupportedOperationException(Moka.describe());
        }
    }

    private static native int abi();

    private static native int kind();

    private static native int version();

    private static native int groups();

    /* The address, or a negative error. */
    static native long map(long size, long alignment);

    static native void unmap(long address, long size);

    static native ByteBuffer buffer(long address, long size);

    static native long address(ByteBuffer buffer);

    /* The range's number, or a negative error. */
    static native long open(long start, long size);

    static native long close(int range);
}
