/* SPDX-License-Identifier: MIT */
/* Needs nothing by name: the module of words comes with the module path. */
module moka.greeter {
    uses java.util.function.Supplier;
}
