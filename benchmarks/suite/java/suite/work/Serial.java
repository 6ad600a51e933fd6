/* SPDX-License-Identifier: MIT */
package suite.work;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import suite.Checksum;
import suite.Rng;
import suite.Setting;

/** Orders of a shop, written by Java's serialization and read again. */
public final class Serial extends Known {
    private static final int ORDERS = 3000;

    private enum State { OPEN, PAID, SENT }

    private record Item(String name, BigDecimal price, int count) implements Serializable {}

    private static class Person implements Serializable {
        private static final long serialVersionUID = 1;
        String name;
        Map<String, String> addresses = new HashMap<>();
        /** Back to what holds it: a graph, not a tree. */
        List<Order> orders = new ArrayList<>();
    }

    private static final class Customer extends Person {
        private static final long serialVersionUID = 1;
        double[] marks;
        transient int visits = 1;
    }

    private static final class Order implements Serializable {
        private static final long serialVersionUID = 1;
        long number;
        State state;
        Customer customer;
        List<Item> items = new ArrayList<>();
        byte[] signature;
    }

    private List<Order> orders;

    public Serial(long expected) {
        super(expected);
    }

    @Override
    public void setUp(Setting setting) {
        Text text = new Text(5);
        Rng random = text.random();
        List<Customer> customers = new ArrayList<>();
        for (int i = 0; i < ORDERS / 10; i++) {
            customers.add(customer(text));
        }
        orders = new ArrayList<>();
        for (int i = 0; i < ORDERS; i++) {
            Order order = order(i, text);
            order.customer = customers.get(random.nextInt(customers.size()));
            order.customer.orders.add(order);
            orders.add(order);
        }
    }

    private static Customer customer(Text text) {
        Customer customer = new Customer();
        customer.name = text.name() + " " + text.name();
        customer.addresses.put("home", text.sentence(5));
        customer.addresses.put("office", text.sentence(5));
        customer.marks = text.random().doubles(20);
        return customer;
    }

    private static Order order(int number, Text text) {
        Rng random = text.random();
        Order order = new Order();
        order.number = number;
        order.state = State.values()[random.nextInt(3)];
        order.signature = random.bytes(64);
        for (int items = 1 + random.nextRank(10); items > 0; items--) {
            BigDecimal price = BigDecimal.valueOf(random.nextRank(1_000_000), 2);
            order.items.add(new Item(text.word(), price, 1 + random.nextInt(5)));
        }
        return order;
    }

    @Override
    public long operation() throws IOException, ClassNotFoundException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream output = new ObjectOutputStream(bytes)) {
            output.writeObject(orders);
        }
        try (ObjectInputStream input = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            return sum((List<?>) input.readObject());
        }
    }

    private static long sum(List<?> read) {
        Checksum sum = new Checksum();
        for (Object object : read) {
            Order order = (Order) object;
            sum.add(order.number).add(order.state.ordinal()).add(order.signature);
            sum.add(order.customer.name).add(order.customer.addresses.get("home")).add(order.customer.marks[19]);
            sum.add(order.customer.visits).add(order.customer.orders.indexOf(order));
            for (Item item : order.items) {
                sum.add(item.name()).add(item.price().unscaledValue().longValue()).add(item.count());
            }
        }
        return sum.value();
    }
}
