/* SPDX-License-Identifier: MIT */
/*
 * Folder PATH: files by java.io and java.nio: attributes, links, locks,
 * mappings, channels, walks, watches, zip; what is not there.
 */
import java.io.File;
import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.FileOutputStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.FileStore;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

public class Folder {
    interface Action {
        void run() throws Exception;
    }

    static void say(Object text) {
        System.out.println(text);
    }

    /* The exception's name, or "none". */
    static String thrownBy(Action action) {
        try {
            action.run();
            return "none";
        } catch (Exception e) {
            return e.getClass().getSimpleName();
        }
    }

    static void attributes(Path folder) throws Exception {
        Path file = folder.resolve("näme.txt");
        Files.writeString(file, "hällo\n".repeat(1000));
        say("read " + Files.readString(file).length() + ", size " + Files.size(file));
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
        say(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
        Files.setLastModifiedTime(file, FileTime.fromMillis(1234567890123L));
        say(Files.getLastModifiedTime(file));
        Files.createSymbolicLink(folder.resolve("link"), Path.of("näme.txt"));
        say("link " + Files.readSymbolicLink(folder.resolve("link")) + " "
            + folder.resolve("link").toRealPath().getFileName());
        Files.createLink(folder.resolve("hard"), file);
        say("links " + Files.getAttribute(file, "unix:nlink") + " "
            + Files.isSameFile(file, folder.resolve("hard")));
        FileStore store = Files.getFileStore(folder);
        say("space " + (store.getTotalSpace() > 0) + " " + (store.getUsableSpace() > 0));
    }

    static void channels(Path folder) throws Exception {
        byte[] data = new byte[3 << 20];
        new Random(1).nextBytes(data);
        Path file = folder.resolve("data"), copy = folder.resolve("copy");
        try (FileChannel out = FileChannel.open(file, StandardOpenOption.CREATE,
                                                StandardOpenOption.WRITE)) {
            ByteBuffer[] parts = {ByteBuffer.wrap(data, 0, 1 << 20),
                                  ByteBuffer.allocateDirect(2 << 20).put(data, 1 << 20, 2 << 20)
                                      .flip()};
            say("gathered " + out.write(parts));
            out.force(true);
        }
        try (FileChannel in = FileChannel.open(file); FileChannel out = FileChannel.open(
                 copy, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            say("transferred " + in.transferTo(0, in.size(), out));
            say("at " + in.read(ByteBuffer.allocate(100), 12345) + " " + in.position());
        }
        say("same " + Arrays.equals(data, Files.readAllBytes(copy)) + " "
            + Files.mismatch(file, copy));
    }

    static void mappings(Path folder) throws Exception {
        try (RandomAccessFile file = new RandomAccessFile(folder.resolve("map").toFile(), "rw")) {
            MappedByteBuffer map =
                file.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, 1 << 20);
            map.putLong(8, 42).putLong((1 << 20) - 8, 43);
            map.force();
            file.seek(8);
            say("mapped " + file.readLong() + " " + map.load().getLong((1 << 20) - 8));
            try (FileLock lock = file.getChannel().tryLock(0, 100, false)) {
                say("locked " + lock.isValid() + " "
                    + thrownBy(() -> file.getChannel().tryLock()));
            }
            file.setLength(100);
            say("cut " + file.length());
        }
    }

    static void asynchronous(Path folder) throws Exception {
        try (AsynchronousFileChannel channel = AsynchronousFileChannel.open(
                 folder.resolve("later"), StandardOpenOption.CREATE, StandardOpenOption.READ,
                 StandardOpenOption.WRITE)) {
            int written = channel.write(ByteBuffer.wrap("later".getBytes()), 1 << 20).get();
            try (FileLock lock = channel.lock().get()) {
                say("later " + written + " " + channel.read(ByteBuffer.allocate(9), 1 << 20).get()
                    + " " + lock.isShared());
            }
        }
    }

    static void names(Path folder) throws Exception {
        Path deep = folder.resolve("a/b/c");
        Files.createDirectories(deep);
        Files.writeString(deep.resolve("x"), "x");
        say(thrownBy(() -> Files.delete(folder.resolve("a"))) + " "
            + thrownBy(() -> Files.createDirectory(deep)) + " "
            + thrownBy(() -> Files.readString(folder.resolve("none/x"))));
        Files.move(deep.resolve("x"), folder.resolve("y"), StandardCopyOption.ATOMIC_MOVE);
        Files.copy(folder.resolve("y"), folder.resolve("z"));
        say(thrownBy(() -> Files.move(folder.resolve("y"), folder.resolve("z"))));
        try (Stream<Path> all = Files.walk(folder)) {
            List<String> names = all.map(p -> folder.relativize(p).toString()).sorted()
                .collect(Collectors.toList());
            say(names);
        }
        try {
            new FileInputStream(folder.resolve("none").toFile());
        } catch (FileNotFoundException e) {
            say(e.getMessage().replace(folder.toString(), ""));
        }
        say(new File(folder.toFile(), "y").renameTo(new File(folder.toFile(), "w")));
    }

    /* Until each kind of event has come; what came twice is told once. */
    static void watch(Path folder) throws Exception {
        Set<String> seen = new TreeSet<>();
        try (WatchService service = FileSystems.getDefault().newWatchService()) {
            folder.register(service, StandardWatchEventKinds.ENTRY_CREATE,
                            StandardWatchEventKinds.ENTRY_MODIFY,
                            StandardWatchEventKinds.ENTRY_DELETE);
            Files.writeString(folder.resolve("new"), "x");
            Files.move(folder.resolve("new"), folder.resolve("newer"));
            Files.delete(folder.resolve("newer"));
            while (seen.size() < 5) {
                WatchKey key = service.poll(30, TimeUnit.SECONDS);
                if (key == null) {
                    break;
                }
                for (WatchEvent<?> event : key.pollEvents()) {
                    seen.add(event.kind() + " " + event.context());
                }
                key.reset();
            }
        }
        say("watched " + seen);
    }

    static void zip(Path folder) throws Exception {
        byte[] data = new byte[1 << 20];
        new Random(1).nextBytes(data);
        for (int i = 0; i < data.length; i++) {
            data[i] &= 15;
        }
        File file = folder.resolve("x.zip").toFile();
        try (ZipOutputStream out = new ZipOutputStream(new FileOutputStream(file))) {
            out.putNextEntry(new ZipEntry("entry"));
            out.write(data);
            out.closeEntry();
        }
        try (ZipFile in = new ZipFile(file)) {
            say("zip " + Arrays.equals(data,
                                       in.getInputStream(in.getEntry("entry")).readAllBytes()));
        }
        File packed = folder.resolve("x.gz").toFile();
        try (GZIPOutputStream out = new GZIPOutputStream(new FileOutputStream(packed))) {
            out.write(data);
        }
        try (GZIPInputStream in = new GZIPInputStream(new FileInputStream(packed))) {
            CRC32 sum = new CRC32();
            sum.update(in.readAllBytes());
            say("gzip " + Long.toHexString(sum.getValue()));
        }
    }

    public static void main(String[] args) throws Exception {
        Path folder = Files.createTempDirectory(Path.of(args[0]), "folder");
        attributes(folder);
        channels(folder);
        mappings(folder);
        asynchronous(folder);
        names(folder);
        watch(folder);
        zip(folder);
        say("no program: " + thrownBy(() -> new ProcessBuilder("/none").start()));
        try (Stream<Path> all = Files.walk(folder)) {
            all.sorted(Comparator.reverseOrder()).forEach(p -> p.toFile().delete());
        }
        say("gone " + !Files.exists(folder));
        say("stores " + FileSystems.getDefault().getFileStores().iterator().hasNext());
        say("input " + System.in.available() + " " + System.in.read());
    }
}
