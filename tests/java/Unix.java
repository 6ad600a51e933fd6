// SPDX-License-Identifier: MIT
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.CRC32;
import jdk.net.ExtendedSocketOptions;

/** Channels over Unix-domain sockets: what works, and what the errors say. */
class Unix {
    static Path folder;

    interface Action {
        void run() throws Exception;
    }

    static void attempt(String what, Action action) {
        try {
            action.run();
            System.out.println(what + ": done");
        } catch (Exception e) {
            System.out.println(what + ": " + e);
        }
    }

    static UnixDomainSocketAddress name(String file) {
        return UnixDomainSocketAddress.of(folder.resolve(file));
    }

    static ServerSocketChannel listen(String file) throws IOException {
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(name(file));
        return server;
    }

    static String shorten(Object address) {
        return String.valueOf(address).replace(folder.toString(), "FOLDER");
    }

    static void echo() throws Exception {
        try (ServerSocketChannel server = listen("echo");
                SocketChannel client = SocketChannel.open(name("echo"));
                SocketChannel accepted = server.accept()) {
            ByteBuffer buffer = ByteBuffer.allocateDirect(100);
            client.write(StandardCharsets.UTF_8.encode("hello"));
            int got = accepted.read(buffer);
            buffer.flip();
            System.out.println(got + " " + StandardCharsets.UTF_8.decode(buffer));
            System.out.println(shorten(server.getLocalAddress()) + " " + shorten(client.getRemoteAddress())
                    + " [" + shorten(client.getLocalAddress()) + "] [" + shorten(accepted.getRemoteAddress()) + "]");
            System.out.println(new TreeSet<>(client.supportedOptions().stream().map(Object::toString).toList()));
            client.setOption(StandardSocketOptions.SO_SNDBUF, 50000);
            System.out.println(client.getOption(StandardSocketOptions.SO_SNDBUF) + " "
                    + client.getOption(StandardSocketOptions.SO_LINGER));
            System.out.println(client.getOption(ExtendedSocketOptions.SO_PEERCRED).user());
            ByteBuffer[] parts = {ByteBuffer.wrap(new byte[3]), ByteBuffer.wrap(new byte[4])};
            System.out.println("gathered " + accepted.write(parts));
            client.shutdownOutput();
            buffer.clear();
            System.out.println("end " + accepted.read(buffer));
            attempt("write when shut", () -> client.write(ByteBuffer.allocate(1)));
            accepted.close();
            buffer.clear();
            System.out.println("rest " + client.read(buffer) + " " + client.read(buffer));
        }
    }

    static void mistakes() throws Exception {
        attempt("connect to nothing", () -> SocketChannel.open(name("nothing")).close());
        Files.createFile(folder.resolve("file"));
        attempt("connect to a file", () -> SocketChannel.open(name("file")).close());
        attempt("bind to a file", () -> listen("file").close());
        attempt("bind in no folder", () -> listen("no/where").close());
        attempt("a long name", () -> listen("x".repeat(200)).close());
        ServerSocketChannel gone = listen("gone");
        attempt("bind twice", () -> listen("gone").close());
        attempt("bind again", () -> gone.bind(name("other")));
        gone.close();
        attempt("connect to who has gone", () -> SocketChannel.open(name("gone")).close());
        Files.delete(folder.resolve("gone"));
        attempt("read unconnected", () -> {
            try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
                channel.read(ByteBuffer.allocate(1));
            }
        });
        attempt("write to who has closed", () -> {
            try (ServerSocketChannel server = listen("closing");
                    SocketChannel client = SocketChannel.open(name("closing"))) {
                server.accept().close();
                client.write(ByteBuffer.allocate(1));
            }
        });
        attempt("a server without a name", () -> {
            try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
                server.bind(null);
                String path = server.getLocalAddress().toString();
                System.out.println("named for us: " + Files.exists(Path.of(path)));
                Files.delete(Path.of(path));
            }
        });
    }

    /** One thread and a selector serve many clients. */
    static void select(int clients, int rounds) throws Exception {
        AtomicInteger good = new AtomicInteger();
        try (ServerSocketChannel server = listen("select"); Selector selector = Selector.open()) {
            server.configureBlocking(false);
            server.register(selector, SelectionKey.OP_ACCEPT);
            for (int i = 0; i < clients; i++) {
                byte number = (byte) i;
                new Thread(() -> {
                    try (SocketChannel channel = SocketChannel.open(name("select"))) {
                        for (int k = 0; k < rounds; k++) {
                            channel.write(ByteBuffer.wrap(new byte[] {number}));
                            ByteBuffer answer = ByteBuffer.allocate(1);
                            if (channel.read(answer) == 1 && answer.get(0) == number + 1) {
                                good.incrementAndGet();
                            }
                        }
                    } catch (IOException e) {
                        System.out.println("client: " + e);
                    }
                }).start();
            }
            for (int open = clients; open > 0;) {
                selector.select();
                for (SelectionKey key : selector.selectedKeys()) {
                    if (key.isAcceptable()) {
                        SocketChannel channel = server.accept();
                        if (channel != null) {
                            channel.configureBlocking(false);
                            channel.register(selector, SelectionKey.OP_READ);
                        }
                    } else {
                        ByteBuffer byteOf = ByteBuffer.allocate(1);
                        SocketChannel channel = (SocketChannel) key.channel();
                        int got = channel.read(byteOf);
                        if (got < 0) {
                            channel.close();
                            open--;
                        } else if (got == 1) {
                            byteOf.put(0, (byte) (byteOf.get(0) + 1)).flip();
                            channel.write(byteOf);
                        }
                    }
                }
                selector.selectedKeys().clear();
            }
        }
        System.out.println("answered " + good);
    }

    static void bulk(int megabytes) throws Exception {
        try (ServerSocketChannel server = listen("bulk");
                SocketChannel client = SocketChannel.open(name("bulk"));
                SocketChannel accepted = server.accept()) {
            CRC32 sent = new CRC32();
            CRC32 received = new CRC32();
            Thread writer = new Thread(() -> {
                byte[] data = new byte[1 << 20];
                try {
                    for (int i = 0; i < megabytes; i++) {
                        for (int k = 0; k < data.length; k++) {
                            data[k] = (byte) (i * 31 + k * 7 + (k >> 9));
                        }
                        sent.update(data);
                        ByteBuffer buffer = ByteBuffer.wrap(data);
                        while (buffer.hasRemaining()) {
                            client.write(buffer);
                        }
                    }
                    client.shutdownOutput();
                } catch (IOException e) {
                    System.out.println("writer: " + e);
                }
            });
            writer.start();
            ByteBuffer buffer = ByteBuffer.allocateDirect(100_000);
            long count = 0;
            for (int got; (got = accepted.read(buffer)) >= 0; count += got) {
                received.update(buffer.flip());
                buffer.clear();
            }
            writer.join();
            System.out.println("bulk " + count + " " + (sent.getValue() == received.getValue()));
        }
    }

    /** A thread that is blocked is let go by close and by interrupt. */
    static void blocked() throws Exception {
        ServerSocketChannel server = listen("blocked");
        CountDownLatch started = new CountDownLatch(1);
        Thread accepting = new Thread(() -> {
            started.countDown();
            try {
                server.accept();
            } catch (AsynchronousCloseException e) {
                System.out.println("accept: " + e.getClass().getSimpleName());
            } catch (IOException e) {
                System.out.println("accept: " + e);
            }
        });
        accepting.start();
        started.await();
        Thread.sleep(50);
        server.close();
        accepting.join();
        try (ServerSocketChannel other = listen("reading");
                SocketChannel client = SocketChannel.open(name("reading"))) {
            Thread reading = new Thread(() -> {
                try {
                    client.read(ByteBuffer.allocate(1));
                } catch (ClosedByInterruptException e) {
                    System.out.println("read: interrupted");
                } catch (IOException e) {
                    System.out.println("read: " + e);
                }
            });
            reading.start();
            Thread.sleep(50);
            reading.interrupt();
            reading.join();
            System.out.println("open: " + client.isOpen());
        }
    }

    public static void main(String[] args) throws Exception {
        folder = Files.createTempDirectory("unix");
        echo();
        mistakes();
        select(8, 200);
        bulk(8);
        blocked();
    }
}
