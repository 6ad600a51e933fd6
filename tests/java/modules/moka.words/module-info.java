/* SPDX-License-Identifier: MIT */
/* A module that others find only by its service. */
module moka.words {
    exports moka.words;
    provides java.util.function.Supplier with moka.words.Words;
}
