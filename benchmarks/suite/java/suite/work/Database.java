/* SPDX-License-Identifier: MIT */
package suite.work;

import java.io.OutputStream;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.apache.derby.jdbc.EmbeddedDriver;
import suite.Checksum;
import suite.Rng;
import suite.Setting;

/**
 * Accounts in an SQL database (Derby): transfers in transactions, queries that
 * group, sort and join, interest in decimal numbers.  At the end of an operation
 * the accounts are as they were.
 *
 * <p>One database, in files; each thread has tables of its own in it, so that
 * what it reads is known, and shares the cache of pages and the log with the
 * others.  What is committed is written, and not waited for (the durability is
 * "test"): it is not the host's disk that is measured.
 */
public final class Database extends Known {
    private static final int ACCOUNTS = 2000, BRANCHES = 20, TRANSFERS = 300, BATCH = 10;

    /** What Derby has to say beside its exceptions goes nowhere. */
    public static final OutputStream LOG = OutputStream.nullOutputStream();

    private Setting setting;
    private Connection connection;
    private String account;
    private String transfer;

    public Database(long expected) {
        super(expected);
    }

    @Override
    public void setUp(Setting what) throws SQLException {
        setting = what;
        System.setProperty("derby.stream.error.field", "suite.work.Database.LOG");
        System.setProperty("derby.system.home", what.folder().toString());
        System.setProperty("derby.system.durability", "test");
        account = "account_" + what.thread();
        transfer = "transfer_" + what.thread();
        connection = new EmbeddedDriver().connect("jdbc:derby:database;create=true", null);
        connection.setAutoCommit(false);
        create();
        fill();
        connection.commit();
    }

    private void create() throws SQLException {
        run("CREATE TABLE " + account + " (number INT PRIMARY KEY, branch INT, owner VARCHAR(60),"
                + " balance DECIMAL(15, 2), initial DECIMAL(15, 2))");
        run("CREATE INDEX owners_" + setting.thread() + " ON " + account + " (branch, owner)");
        run("CREATE TABLE " + transfer + " (id INT PRIMARY KEY, source INT, target INT, amount DECIMAL(15, 2))");
    }

    private void run(String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private void fill() throws SQLException {
        Text text = new Text(10);
        String row = "INSERT INTO " + account + " VALUES (?, ?, ?, ?, ?)";
        try (PreparedStatement insert = connection.prepareStatement(row)) {
            for (int i = 0; i < ACCOUNTS; i++) {
                BigDecimal balance = BigDecimal.valueOf(100_000 + text.random().nextInt(10_000_000), 2);
                insert.setInt(1, i);
                insert.setInt(2, i % BRANCHES);
                insert.setString(3, text.name() + " " + text.name());
                insert.setBigDecimal(4, balance);
                insert.setBigDecimal(5, balance);
                insert.executeUpdate();
            }
        }
    }

    @Override
    public long operation() throws SQLException {
        Checksum sum = new Checksum();
        transfers(new Rng(11));
        query(sum, "SELECT branch, COUNT(*), SUM(balance), MAX(balance) FROM " + account
                + " GROUP BY branch ORDER BY branch");
        query(sum, "SELECT a.owner, t.amount, b.owner FROM " + transfer + " t JOIN " + account
                + " a ON t.source = a.number JOIN " + account + " b ON t.target = b.number"
                + " WHERE t.amount > 500 ORDER BY t.amount DESC, t.id");
        query(sum, "SELECT owner, balance FROM " + account
                + " WHERE branch = 7 AND owner BETWEEN 'A' AND 'M' ORDER BY owner, number");
        interest(sum);
        run("UPDATE " + account + " SET balance = initial");
        run("DELETE FROM " + transfer);
        connection.commit();
        return sum.value();
    }

    private void transfers(Rng random) throws SQLException {
        String change = "UPDATE " + account + " SET balance = balance + ? WHERE number = ?";
        String row = "INSERT INTO " + transfer + " VALUES (?, ?, ?, ?)";
        try (PreparedStatement update = connection.prepareStatement(change);
                PreparedStatement insert = connection.prepareStatement(row)) {
            for (int i = 0; i < TRANSFERS; i++) {
                int source = random.nextInt(ACCOUNTS), target = random.nextInt(ACCOUNTS);
                BigDecimal amount = BigDecimal.valueOf(1 + random.nextInt(100_000), 2);
                move(update, amount.negate(), source);
                move(update, amount, target);
                insert.setInt(1, i);
                insert.setInt(2, source);
                insert.setInt(3, target);
                insert.setBigDecimal(4, amount);
                insert.executeUpdate();
                if (i % BATCH == BATCH - 1) {
                    connection.commit();
                }
            }
        }
    }

    private static void move(PreparedStatement update, BigDecimal amount, int number) throws SQLException {
        update.setBigDecimal(1, amount);
        update.setInt(2, number);
        require(update.executeUpdate() == 1, "an account has one row");
    }

    private void query(Checksum sum, String sql) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
            int columns = rows.getMetaData().getColumnCount();
            while (rows.next()) {
                for (int column = 1; column <= columns; column++) {
                    sum.add(rows.getString(column));
                }
            }
        }
        connection.commit();
    }

    /** Ten years of it, compounded by the month. */
    private void interest(Checksum sum) throws SQLException {
        BigDecimal rate = new BigDecimal("1.0021");
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("SELECT balance FROM " + account + " ORDER BY number")) {
            while (rows.next()) {
                BigDecimal balance = rows.getBigDecimal(1);
                for (int month = 0; month < 120; month++) {
                    balance = balance.multiply(rate).setScale(6, RoundingMode.HALF_EVEN);
                }
                sum.add(balance.unscaledValue().longValue());
            }
        }
        connection.commit();
    }

    @Override
    public void tearDown() throws SQLException {
        if (connection == null) {
            return;
        }
        connection.rollback();
        connection.close();
        if (setting.thread() == setting.threads() - 1) {
            shutDown();
        }
    }

    /** This is told by an exception. */
    private static void shutDown() {
        try {
            DriverManager.getConnection("jdbc:derby:;shutdown=true").close();
        } catch (SQLException e) {
            require("XJ015".equals(e.getSQLState()), "Derby shuts down, but: " + e.getMessage());
        }
    }
}
