// SPDX-License-Identifier: MIT
// Database URL-PREFIX FOLDER [ROWS]: a day in the life of an embedded SQL database (H2 and Derby
// know the same SQL here): rows by the thousand, indexes, joins, a rollback, large objects, several
// connections at once; closed, opened again and read from the first row to the last.  What it
// prints depends on the data alone, not on the time or the order of threads.
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.zip.CRC32;

public class Database {
    static final int GROUPS = 97;
    static final int THREADS = 4;

    static String url;
    static int rows;

    static void execute(Connection connection, String... commands) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            for (String command : commands) {
                statement.execute(command);
            }
        }
    }

    static String name(int id) {
        return "name " + Integer.toString(id * 7919 % 1000003, 36).toUpperCase(Locale.ROOT);
    }

    static void create(Connection connection) throws SQLException {
        execute(connection,
            "create table kinds (kind int primary key, label varchar(40) not null)",
            "create table items (id int primary key, name varchar(40) not null, price int not null,"
                + " kind int not null references kinds(kind))",
            "create table blobs (id int primary key, content blob, words clob)");
        try (PreparedStatement insert =
                connection.prepareStatement("insert into kinds values (?, ?)")) {
            for (int kind = 0; kind < GROUPS; kind++) {
                insert.setInt(1, kind);
                insert.setString(2, "kind " + kind);
                insert.executeUpdate();
            }
        }
        connection.commit();
    }

    static void insert(Connection connection, int from, int to) throws SQLException {
        try (PreparedStatement insert =
                connection.prepareStatement("insert into items values (?, ?, ?, ?)")) {
            for (int id = from; id < to; id++) {
                insert.setInt(1, id);
                insert.setString(2, name(id));
                insert.setInt(3, id * 31 % 10007);
                insert.setInt(4, id % GROUPS);
                insert.addBatch();
                if (id % 1000 == 999 || id == to - 1) {
                    insert.executeBatch();
                    connection.commit();
                }
            }
        }
    }

    // The first columns of all rows, as one line.
    static void query(Connection connection, String command) throws SQLException {
        CRC32 sum = new CRC32();
        int count = 0;
        String first = "";
        try (Statement statement = connection.createStatement();
                ResultSet result = statement.executeQuery(command)) {
            int columns = result.getMetaData().getColumnCount();
            while (result.next()) {
                StringBuilder line = new StringBuilder();
                for (int column = 1; column <= columns; column++) {
                    line.append(result.getString(column)).append('|');
                }
                first = count++ == 0 ? line.toString() : first;
                sum.update(line.toString().getBytes());
            }
        }
        System.out.printf("%s: %d rows, first %s sum %08x%n", command, count, first, sum.getValue());
    }

    static void queries(Connection connection) throws SQLException {
        query(connection, "select count(*), sum(cast(price as bigint)), min(name), max(name) from items");
        query(connection, "select label, count(*) c, sum(cast(price as bigint)) s from items i"
            + " join kinds k on i.kind = k.kind group by label order by s desc, label");
        query(connection, "select a.id, b.id from items a join items b on a.id = b.id + 1"
            + " where a.price < 100 and b.kind > 50 order by a.id");
        query(connection, "select id, name from items where name like 'name 2%' order by name desc, id");
        query(connection, "select k.label, (select max(price) from items i where i.kind = k.kind) m"
            + " from kinds k order by k.kind");
    }

    static void change(Connection connection) throws SQLException {
        execute(connection, "create index by_price on items (price, kind)",
            "update items set price = price + 1 where kind in (3, 5, 8)",
            "delete from items where kind = 13");
        connection.commit();
        execute(connection, "delete from items where price > 5000", "update kinds set label = 'lost'");
        query(connection, "select count(*) from items");
        connection.rollback();
        query(connection, "select count(*) from items");
        try {
            execute(connection, "insert into items values (1, 'twice', 0, 0)");
        } catch (SQLException e) {
            System.out.println("twice: " + e.getSQLState());
        }
        connection.rollback();
    }

    static byte[] bytes(int id) {
        byte[] bytes = new byte[100000 + id];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (i * id >>> 3);
        }
        return bytes;
    }

    static void writeBlobs(Connection connection, int count) throws SQLException {
        try (PreparedStatement insert =
                connection.prepareStatement("insert into blobs values (?, ?, ?)")) {
            for (int id = 0; id < count; id++) {
                byte[] bytes = bytes(id);
                insert.setInt(1, id);
                insert.setBinaryStream(2, new ByteArrayInputStream(bytes), bytes.length);
                insert.setString(3, name(id).repeat(500));
                insert.executeUpdate();
            }
        }
        connection.commit();
    }

    static void readBlobs(Connection connection) throws Exception {
        CRC32 sum = new CRC32();
        try (Statement statement = connection.createStatement();
                ResultSet result = statement.executeQuery("select * from blobs order by id")) {
            while (result.next()) {
                try (InputStream content = result.getBinaryStream(2)) {
                    sum.update(content.readAllBytes());
                }
                sum.update(result.getString(3).getBytes());
            }
        }
        System.out.printf("large objects: %08x%n", sum.getValue());
    }

    // Each thread has a connection and a range of numbers of its own.
    static void together() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        Future<?>[] done = new Future<?>[THREADS];
        for (int i = 0; i < THREADS; i++) {
            int from = rows + i * rows / 20;
            done[i] = threads.submit((Callable<Void>) () -> {
                try (Connection connection = DriverManager.getConnection(url)) {
                    connection.setAutoCommit(false);
                    insert(connection, from, from + rows / 20);
                }
                return null;
            });
        }
        for (Future<?> future : done) {
            future.get();
        }
        threads.shutdown();
    }

    // Derby stays open until it is told, and says so by an exception; H2 closes with its last
    // connection.
    static void close(Connection connection) throws SQLException {
        connection.close();
        if (url.startsWith("jdbc:derby:")) {
            try {
                DriverManager.getConnection(url.replace(";create=true", "") + ";shutdown=true");
            } catch (SQLException e) {
                System.out.println("closed: " + e.getSQLState());
            }
        }
    }

    public static void main(String[] args) throws Exception {
        url = args[0];
        rows = args.length > 1 ? Integer.parseInt(args[1]) : 100000;
        Connection connection = DriverManager.getConnection(url);
        connection.setAutoCommit(false);
        create(connection);
        insert(connection, 0, rows);
        queries(connection);
        change(connection);
        writeBlobs(connection, 20);
        connection.commit();
        together();
        queries(connection);
        connection.commit();
        close(connection);

        connection = DriverManager.getConnection(url);
        connection.setAutoCommit(false);
        queries(connection);
        readBlobs(connection);
        query(connection, "select id, name, price, kind from items order by id");
        connection.commit();
        close(connection);
    }
}
