/* SPDX-License-Identifier: MIT */
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/*
 * The JDK's own web server, as tests/run-net.sh asks it from the host: Web PORT.
 *
 * "/hello" answers with who asks for what, "/bytes" with a megabyte, "/stop" ends it.
 */
public class Web {
    private static void answer(HttpExchange exchange, byte[] body) throws IOException {
        exchange.sendResponseHeaders(200, body.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(body);
        }
    }

    private static byte[] megabyte() {
        byte[] bytes = new byte[1 << 20];

        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) ('a' + i % 26);
        }
        return bytes;
    }

    public static void main(String[] args) throws IOException {
        int port = args.length > 0 ? Integer.parseInt(args[0]) : 8080;
        HttpServer server = HttpServer.create(new InetSocketAddress(port), 0);
        ExecutorService threads = Executors.newFixedThreadPool(8);

        server.setExecutor(threads);
        server.createContext("/hello", exchange -> answer(exchange,
            (exchange.getRequestMethod() + " " + exchange.getRequestURI() + "\n")
                .getBytes(StandardCharsets.UTF_8)));
        server.createContext("/bytes", exchange -> answer(exchange, megabyte()));
        server.createContext("/stop", exchange -> {
            answer(exchange, "bye\n".getBytes(StandardCharsets.UTF_8));
            new Thread(() -> {
                server.stop(1);
                threads.shutdown();
            }).start();
        });
        server.start();
        System.out.println("port " + server.getAddress().getPort());
    }
}
