// SPDX-License-Identifier: MIT
import com.sun.tools.attach.VirtualMachine;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The attach mechanism, from within: -Djdk.attach.allowAttachSelf=true.  What commands say
 * differs from run to run; the words that must be there are looked for.
 *
 * --add-exports=jdk.attach/sun.tools.attach=ALL-UNNAMED is for executeJCmd(), which is what
 * jcmd calls.
 */
class Attach {
    static int failures;

    static void check(String what, boolean good, String text) {
        System.out.println(what + ": " + (good ? "good" : "BAD\n" + text));
        failures += good ? 0 : 1;
    }

    /** Piece by piece, as jcmd does: this stream's read() cuts what goes far into an array. */
    static String readAll(InputStream in) throws IOException {
        StringBuilder text = new StringBuilder();
        byte[] piece = new byte[256];
        for (int got; (got = in.read(piece)) > 0;) {
            text.append(new String(piece, 0, got, StandardCharsets.UTF_8));
        }
        return text.toString();
    }

    static void command(VirtualMachine machine, String command, String... wanted) throws Exception {
        Method execute = machine.getClass().getMethod("executeJCmd", String.class);
        try (InputStream in = (InputStream) execute.invoke(machine, command)) {
            String text = readAll(in);
            boolean good = true;
            for (String word : wanted) {
                good &= text.contains(word);
            }
            check(command, good, text);
        }
    }

    public static void main(String[] args) throws Exception {
        if (args.length > 0) {
            System.out.println("waiting");
            Thread.sleep(100_000);
        }
        String pid = String.valueOf(ProcessHandle.current().pid());
        Path socket = Path.of(System.getProperty("java.io.tmpdir"), ".java_pid" + pid);
        check("no socket yet", !Files.exists(socket), "");
        VirtualMachine machine = VirtualMachine.attach(pid);
        check("a socket", Files.exists(socket), "");
        command(machine, "VM.version", "OpenJDK");
        command(machine, "Thread.print", "\"main\"", "at Attach.main", "\"Attach Listener\"");
        command(machine, "GC.heap_info", "Metaspace");
        command(machine, "VM.flags", "-XX:");
        command(machine, "VM.system_properties", "java.vm.name");
        command(machine, "VM.command_line", "Attach");
        command(machine, "VM.uptime", " s");
        command(machine, "GC.class_histogram", "java.lang.String", "Total");
        command(machine, "GC.run");
        command(machine, "Compiler.codecache", "CodeHeap");
        command(machine, "help", "Thread.print", "JFR.start");
        command(machine, "JFR.start name=test settings=default", "Started recording");
        command(machine, "JFR.check", "test");
        Path recording = Files.createTempFile("attach", ".jfr");
        command(machine, "JFR.dump name=test filename=" + recording, "Dumped recording");
        command(machine, "JFR.stop name=test", "Stopped recording");
        check("the recording", Files.size(recording) > 10000, "");
        Files.delete(recording);
        Path dump = Files.createTempDirectory("attach").resolve("heap.hprof");
        command(machine, "GC.heap_dump " + dump, "Heap dump file created");
        check("the dump", Files.size(dump) > 100000, "");
        Files.delete(dump);
        check("properties", machine.getSystemProperties().getProperty("java.version") != null, "");
        machine.detach();
        System.out.println(failures + " failures");
        System.exit(failures);
    }
}
