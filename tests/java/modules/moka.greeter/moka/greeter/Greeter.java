/* SPDX-License-Identifier: MIT */
/* Finds a service, says which modules it runs with, and tries what is not exported. */
package moka.greeter;

import java.lang.reflect.Field;
import java.util.ServiceLoader;
import java.util.function.Supplier;

public class Greeter {
    public static void main(String[] args) throws Exception {
        System.out.println(Greeter.class.getModule());
        for (Supplier<?> words : ServiceLoader.load(Supplier.class)) {
            System.out.println(words.getClass().getModule() + ": " + words.get());
            try {
                Field field = words.getClass().getDeclaredField("hidden");
                field.setAccessible(true);
                System.out.println("opened: " + field.get(words));
            } catch (RuntimeException e) {
                System.out.println(e.getMessage());
            }
        }
        System.out.println(String.join("|", args));
    }
}
