/* SPDX-License-Identifier: MIT */
/*
 * Standard input to its end: lines, bytes and their sum, or the exception.
 * With an argument, main() returns while a thread still reads; with two, it
 * calls System.exit() meanwhile.
 */
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.zip.CRC32;

public class Input {
    static void readAll() {
        CRC32 sum = new CRC32();
        int lines = 0;

        try (BufferedReader in = new BufferedReader(new InputStreamReader(System.in))) {
            for (String line; (line = in.readLine()) != null; lines++) {
                sum.update(line.getBytes());
            }
            System.out.println(lines + " lines, " + Long.toHexString(sum.getValue()));
        } catch (IOException e) {
            System.out.println(e);
        }
    }

    public static void main(String[] args) throws Exception {
        if (args.length == 0) {
            readAll();
            return;
        }
        Thread reader = new Thread(Input::readAll);
        reader.setDaemon(true);
        reader.start();
        while (reader.getState() != Thread.State.RUNNABLE) {
            Thread.sleep(1);
        }
        System.out.println("no wait");
        if (args.length == 2) {
            System.exit(5);
        }
    }
}
