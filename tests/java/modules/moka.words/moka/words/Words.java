/* SPDX-License-Identifier: MIT */
package moka.words;

import java.util.function.Supplier;

public class Words implements Supplier<String> {
    private final String hidden = "a word of another module";

    public String get() {
        return hidden;
    }
}
