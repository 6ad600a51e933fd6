/* SPDX-License-Identifier: MIT */
/* Starts another program, or says why that cannot be. */
import java.io.IOException;

public class Second {
    public static void main(String[] args) throws Exception {
        try {
            System.out.println("status " + new ProcessBuilder("/bin/true").start().waitFor());
        } catch (IOException e) {
            System.out.println(e.getMessage());
        }
    }
}
