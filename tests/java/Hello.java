/* SPDX-License-Identifier: MIT */
/* Greets, and repeats its arguments. */
public class Hello {
    public static void main(String[] args) {
        System.out.println("Hello" + String.join("|", args));
    }
}
