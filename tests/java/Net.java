// SPDX-License-Identifier: MIT
import com.sun.net.httpserver.HttpServer;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardSocketOptions;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousServerSocketChannel;
import java.nio.channels.AsynchronousSocketChannel;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Sockets over loopback, by each of Java's ways to them; prints the same on every system. */
class Net {
    static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();

    interface Part {
        void run() throws Exception;
    }

    static void part(String name, Part part) throws Exception {
        System.out.println("-- " + name);
        part.run();
    }

    static void fails(String what, Callable<?> action) throws Exception {
        try {
            System.out.println(what + ": " + action.call());
        } catch (IOException e) {
            System.out.println(what + ": " + e.getClass().getName() + ", " + e.getMessage());
        }
    }

    static void sockets() throws Exception {
        String[] end = new String[1];
        try (ServerSocket server = new ServerSocket(0, 50, LOOPBACK)) {
            Thread thread = new Thread(() -> {
                try (Socket socket = server.accept()) {
                    DataInputStream in = new DataInputStream(socket.getInputStream());
                    DataOutputStream out = new DataOutputStream(socket.getOutputStream());
                    int size = in.readInt();
                    byte[] data = in.readNBytes(size);
                    for (int i = 0; i < size; i++) {
                        data[i]++;
                    }
                    out.write(data);
                    end[0] = "end of input: " + in.read();
                } catch (IOException e) {
                    end[0] = "server: " + e;
                }
            });
            thread.start();
            try (Socket socket = new Socket(LOOPBACK, server.getLocalPort())) {
                socket.setTcpNoDelay(true);
                socket.setKeepAlive(true);
                socket.setSoTimeout(10000);
                byte[] data = new byte[1000000];
                DataOutputStream out = new DataOutputStream(socket.getOutputStream());
                out.writeInt(data.length);
                out.write(data);
                byte[] back = socket.getInputStream().readNBytes(data.length);
                int good = 0;
                for (byte b : back) {
                    good += b == 1 ? 1 : 0;
                }
                socket.shutdownOutput();
                System.out.println(good + " bytes; " + socket.getTcpNoDelay() + " "
                        + socket.getKeepAlive() + " " + socket.getReuseAddress() + " "
                        + socket.getInetAddress() + " " + socket.getSoLinger());
                thread.join();
                System.out.println(end[0]);
            }
        }
        ServerSocket gone = new ServerSocket(0, 50, LOOPBACK);
        gone.close();
        fails("refused", () -> new Socket(LOOPBACK, gone.getLocalPort()));
        try (ServerSocket server = new ServerSocket(0)) {
            server.setSoTimeout(50);
            fails("accept", () -> server.accept());
            fails("bound twice", () -> new ServerSocket(server.getLocalPort()));
            Thread closer = new Thread(() -> {
                try {
                    Thread.sleep(100);
                    server.close();
                } catch (Exception e) {
                    System.out.println(e);
                }
            });
            server.setSoTimeout(0);
            closer.start();
            fails("closed while it waits", () -> server.accept());
            closer.join();
        }
    }

    static void reset() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 50, LOOPBACK);
                Socket client = new Socket(LOOPBACK, server.getLocalPort())) {
            Socket accepted = server.accept();
            client.setSoTimeout(50);
            fails("read", () -> client.getInputStream().read());
            accepted.setSoLinger(true, 0);
            accepted.close();
            client.setSoTimeout(0);
            fails("read", () -> client.getInputStream().read());
        }
    }

    static void urgent() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 50, LOOPBACK);
                Socket client = new Socket(LOOPBACK, server.getLocalPort());
                Socket accepted = server.accept()) {
            accepted.setOOBInline(true);
            client.getOutputStream().write('a');
            client.sendUrgentData('b');
            client.getOutputStream().write('c');
            System.out.println(new String(accepted.getInputStream().readNBytes(3)));
        }
    }

    static void datagrams() throws Exception {
        try (DatagramSocket a = new DatagramSocket(0, LOOPBACK);
                DatagramSocket b = new DatagramSocket(0, LOOPBACK)) {
            byte[] data = "datagram".getBytes();
            a.send(new DatagramPacket(data, data.length, LOOPBACK, b.getLocalPort()));
            DatagramPacket packet = new DatagramPacket(new byte[100], 100);
            b.receive(packet);
            System.out.println(new String(packet.getData(), 0, packet.getLength()) + " "
                    + packet.getAddress() + " " + (packet.getPort() == a.getLocalPort()));
            b.setSoTimeout(50);
            fails("receive", () -> {
                b.receive(packet);
                return "a packet";
            });
        }
        try (DatagramChannel channel = DatagramChannel.open()) {
            channel.bind(new InetSocketAddress(LOOPBACK, 0));
            channel.configureBlocking(false);
            System.out.println("nothing: " + channel.receive(ByteBuffer.allocate(10)));
            channel.send(ByteBuffer.wrap(new byte[7]), channel.getLocalAddress());
            ByteBuffer into = ByteBuffer.allocate(10);
            while (channel.receive(into) == null) {
                Thread.onSpinWait();
            }
            System.out.println("from itself: " + into.position());
        }
    }

    /** A server with a selector, and many clients that are served by it. */
    static void selector() throws Exception {
        try (Selector selector = Selector.open();
                ServerSocketChannel server = ServerSocketChannel.open()) {
            server.bind(new InetSocketAddress(LOOPBACK, 0), 100);
            server.configureBlocking(false);
            server.register(selector, SelectionKey.OP_ACCEPT);
            Thread thread = new Thread(() -> serve(selector));
            thread.setDaemon(true);
            thread.start();
            ExecutorService pool = Executors.newFixedThreadPool(8);
            List<Future<Integer>> results = new ArrayList<>();
            for (int i = 0; i < 64; i++) {
                int number = i;
                results.add(pool.submit(() -> ask(server.getLocalAddress(), number)));
            }
            int sum = 0;
            for (Future<Integer> result : results) {
                sum += result.get();
            }
            pool.shutdown();
            System.out.println("echoed " + sum);
        }
    }

    static int ask(java.net.SocketAddress address, int number) throws IOException {
        try (SocketChannel channel = SocketChannel.open(address)) {
            ByteBuffer buffer = ByteBuffer.allocate(5000);
            int got = 0;
            for (int round = 0; round < 20; round++) {
                buffer.clear().limit(100 + 200 * (number % 20));
                int size = buffer.remaining();
                while (buffer.hasRemaining()) {
                    channel.write(buffer);
                }
                buffer.clear().limit(size);
                while (buffer.hasRemaining()) {
                    got += channel.read(buffer);
                }
            }
            return got;
        }
    }

    static void serve(Selector selector) {
        try {
            ByteBuffer buffer = ByteBuffer.allocateDirect(8192);
            while (true) {
                selector.select();
                for (SelectionKey key : selector.selectedKeys()) {
                    if (key.isAcceptable()) {
                        SocketChannel fresh = ((ServerSocketChannel) key.channel()).accept();
                        fresh.configureBlocking(false);
                        fresh.register(selector, SelectionKey.OP_READ);
                        continue;
                    }
                    SocketChannel channel = (SocketChannel) key.channel();
                    buffer.clear();
                    if (channel.read(buffer) < 0) {
                        channel.close();
                        continue;
                    }
                    buffer.flip();
                    while (buffer.hasRemaining()) {
                        channel.write(buffer);
                    }
                }
                selector.selectedKeys().clear();
            }
        } catch (java.nio.channels.ClosedSelectorException e) {
            return;
        } catch (IOException e) {
            System.out.println("selector: " + e);
        }
    }

    static void nonBlocking() throws Exception {
        try (ServerSocketChannel server = ServerSocketChannel.open();
                SocketChannel client = SocketChannel.open()) {
            server.bind(new InetSocketAddress(LOOPBACK, 0));
            client.configureBlocking(false);
            if (!client.connect(server.getLocalAddress())) {
                try (Selector selector = Selector.open()) {
                    client.register(selector, SelectionKey.OP_CONNECT);
                    selector.select();
                    System.out.println("connected: " + client.finishConnect());
                }
            } else {
                System.out.println("connected: true");
            }
            try (SocketChannel accepted = server.accept()) {
                client.setOption(StandardSocketOptions.TCP_NODELAY, true);
                client.setOption(StandardSocketOptions.SO_LINGER, 3);
                System.out.println(client.getOption(StandardSocketOptions.TCP_NODELAY) + " "
                        + client.getOption(StandardSocketOptions.SO_LINGER) + " "
                        + client.getOption(StandardSocketOptions.IP_TOS));
                System.out.println("nothing: " + client.read(ByteBuffer.allocate(1)));
                accepted.shutdownOutput();
            }
        }
        ServerSocket gone = new ServerSocket(0, 50, LOOPBACK);
        gone.close();
        fails("refused",
                () -> SocketChannel.open(new InetSocketAddress(LOOPBACK, gone.getLocalPort())));
    }

    static void asynchronous() throws Exception {
        try (AsynchronousServerSocketChannel server = AsynchronousServerSocketChannel.open()) {
            server.bind(new InetSocketAddress(LOOPBACK, 0));
            Future<AsynchronousSocketChannel> accepting = server.accept();
            try (AsynchronousSocketChannel client = AsynchronousSocketChannel.open()) {
                client.connect(server.getLocalAddress()).get();
                try (AsynchronousSocketChannel accepted = accepting.get()) {
                    Future<Integer> reading = accepted.read(ByteBuffer.allocate(100));
                    System.out.println("wrote " + client.write(ByteBuffer.wrap(new byte[42])).get());
                    System.out.println("read " + reading.get());
                }
            }
        }
    }

    static void http() throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress(LOOPBACK, 0), 0);
        ExecutorService pool = Executors.newFixedThreadPool(4);
        server.setExecutor(pool);
        server.createContext("/", exchange -> {
            byte[] body = exchange.getRequestBody().readAllBytes();
            byte[] answer = (exchange.getRequestMethod() + " " + exchange.getRequestURI() + " "
                    + body.length).getBytes();
            exchange.sendResponseHeaders(200, answer.length);
            exchange.getResponseBody().write(answer);
            exchange.close();
        });
        server.start();
        String base = "http://127.0.0.1:" + server.getAddress().getPort();
        HttpClient client = HttpClient.newHttpClient();
        System.out.println(client.send(HttpRequest.newBuilder(URI.create(base + "/one")).build(),
                HttpResponse.BodyHandlers.ofString()).body());
        System.out.println(client.send(HttpRequest.newBuilder(URI.create(base + "/two"))
                .POST(HttpRequest.BodyPublishers.ofByteArray(new byte[300000])).build(),
                HttpResponse.BodyHandlers.ofString()).body());
        List<CompletableFuture<HttpResponse<String>>> many = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            many.add(client.sendAsync(HttpRequest.newBuilder(URI.create(base + "/" + i)).build(),
                    HttpResponse.BodyHandlers.ofString()));
        }
        int good = 0;
        for (int i = 0; i < 50; i++) {
            good += many.get(i).get().body().equals("GET /" + i + " 0") ? 1 : 0;
        }
        System.out.println(good + " at once");
        try (var stream = URI.create(base + "/url").toURL().openStream()) {
            System.out.println(new String(stream.readAllBytes()));
        }
        server.stop(0);
        pool.shutdown();
    }

    static void names() throws Exception {
        System.out.println(InetAddress.getByName("localhost").isLoopbackAddress() + " "
                + InetAddress.getByName("127.0.0.1") + " " + InetAddress.getByName("::1"));
        System.out.println(InetAddress.getLocalHost().getHostName().isEmpty());
        System.out.println("reachable: " + InetAddress.getByName("127.0.0.1").isReachable(2000));
        NetworkInterface lo = NetworkInterface.getByName("lo");
        System.out.println(lo + " " + lo.getIndex() + " " + lo.getMTU() + " " + lo.isUp() + " "
                + lo.isLoopback() + " " + Collections.list(lo.getInetAddresses()));
        System.out.println(
                Collections.list(NetworkInterface.getNetworkInterfaces()).contains(lo));
        System.out.println(NetworkInterface.getByInetAddress(LOOPBACK));
    }

    public static void main(String[] args) throws Exception {
        part("sockets", Net::sockets);
        part("reset", Net::reset);
        part("urgent", Net::urgent);
        part("datagrams", Net::datagrams);
        part("selector", Net::selector);
        part("non-blocking", Net::nonBlocking);
        part("asynchronous", Net::asynchronous);
        part("http", Net::http);
        part("names", Net::names);
        System.exit(0);
    }
}
