// SPDX-License-Identifier: MIT
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.channels.AsynchronousServerSocketChannel;
import java.nio.channels.DatagramChannel;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.concurrent.Callable;

/** What a program gets that wants a network where there is none: an exception that says so. */
class NoNetwork {
    static int failures;

    /** It must fail, by an IOException or the like with a text, and soon. */
    static void fails(String what, Callable<?> action) {
        try {
            System.out.println(what + ": " + action.call());
            failures++;
        } catch (Exception e) {
            Throwable cause = e;
            while (cause.getMessage() == null && cause.getCause() != null) {
                cause = cause.getCause();
            }
            boolean clear = cause instanceof java.io.IOException && cause.getMessage() != null;
            System.out.println(what + ": " + e + (clear ? "" : " (is not clear)"));
            failures += clear ? 0 : 1;
        } catch (Error e) {
            System.out.println(what + ": " + e + " (an error)");
            failures++;
        }
    }

    public static void main(String[] args) throws Exception {
        InetAddress loopback = InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
        fails("ServerSocket", () -> new ServerSocket(0));
        fails("Socket", () -> new Socket(loopback, 1));
        fails("DatagramSocket", () -> new DatagramSocket());
        fails("ServerSocketChannel", () -> ServerSocketChannel.open().bind(null));
        fails("SocketChannel", () -> SocketChannel.open(new InetSocketAddress(loopback, 1)));
        fails("DatagramChannel", () -> DatagramChannel.open());
        fails("DatagramChannel of IPv4", () -> DatagramChannel.open(StandardProtocolFamily.INET));
        fails("AsynchronousServerSocketChannel",
                () -> AsynchronousServerSocketChannel.open().bind(null));
        fails("a name", () -> InetAddress.getByName("example.com"));
        fails("NetworkInterface", () -> NetworkInterface.getNetworkInterfaces());
        fails("URL", () -> new URL("http://127.0.0.1:1/").openStream());
        fails("HttpClient", () -> HttpClient.newHttpClient().send(
                HttpRequest.newBuilder(java.net.URI.create("http://127.0.0.1:1/")).build(),
                HttpResponse.BodyHandlers.ofString()));
        Selector.open().close();
        System.out.println("localhost: " + InetAddress.getByName("127.0.0.1").getHostAddress());
        System.out.println(failures + " failures");
        System.exit(failures);
    }
}
