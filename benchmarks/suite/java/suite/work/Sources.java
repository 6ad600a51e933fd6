/* SPDX-License-Identifier: MIT */
package suite.work;

import suite.Rng;

/**
 * Java sources for the compiler: classes with fields, generics, records, enums,
 * lambdas, streams, loops, switches and exceptions, and expressions drawn at
 * random.  The program that they are prints nothing; its result is what
 * Program.run() gives.
 */
final class Sources {
    private static final String[] OPERATORS = {" + ", " - ", " * ", " ^ ", " & ", " | "};

    private final Rng random = new Rng(13);

    /** The class that runs all others. */
    String program(int classes) {
        StringBuilder source = new StringBuilder("package generated;\n\npublic final class Program {\n"
                + "    public static long run() {\n        long sum = 0;\n");
        for (int i = 0; i < classes; i++) {
            source.append("        sum = 31 * sum + new C").append(i).append("(").append(i + 3);
            source.append(").compute();\n");
        }
        return source.append("        return sum;\n    }\n}\n").toString();
    }

    /** The class C<number>. */
    String source(int number, int methods) {
        StringBuilder source = new StringBuilder(HEAD.replace("NAME", "C" + number));
        for (int i = 0; i < methods; i++) {
            source.append(method(i));
        }
        source.append("    public long compute() {\n        long sum = 0;\n");
        for (int i = 0; i < methods; i++) {
            source.append("        sum = 31 * sum + method").append(i).append("(start, (int) sum);\n");
        }
        return source.append("        for (int count : counts.values()) {\n            sum += count;\n        }\n"
                + "        return sum + kept.size();\n    }\n}\n").toString();
    }

    private String method(int number) {
        return METHOD.replace("NUMBER", "" + number).replace("FIRST", expression(4)).replace("SECOND", expression(4))
                .replace("CONDITION", condition()).replace("LIMIT", "" + (2 + random.nextInt(6)))
                .replace("WORD", "w" + random.nextInt(50));
    }

    private String condition() {
        return expression(2) + " > " + expression(2);
    }

    /** Of ints a, b, i; no division. */
    private String expression(int depth) {
        if (depth == 0 || random.nextInt(6) == 0) {
            int what = random.nextInt(4);
            return what == 3 ? "" + random.nextInt(1000) : "abi".substring(what, what + 1);
        }
        if (random.nextInt(8) == 0) {
            String condition = expression(depth - 1) + " < " + expression(depth - 1);
            return "(" + condition + " ? " + expression(depth - 1) + " : " + expression(depth - 1) + ")";
        }
        String operator = OPERATORS[random.nextInt(OPERATORS.length)];
        return "(" + expression(depth - 1) + operator + expression(depth - 1) + ")";
    }

    private static final String HEAD = """
            package generated;

            import java.util.ArrayList;
            import java.util.List;
            import java.util.Map;
            import java.util.TreeMap;
            import java.util.function.IntBinaryOperator;
            import java.util.function.Supplier;
            import java.util.stream.Collectors;
            import java.util.stream.IntStream;

            public final class NAME implements Comparable<NAME> {
                private enum Kind {
                    FEW, SOME, MANY;
                    Kind next() { return values()[(ordinal() + 1) % values().length]; }
                }
                private record Pair<A extends Comparable<A>, B>(A first, B second) {
                    boolean before(Pair<A, ?> other) { return first.compareTo(other.first) < 0; }
                }
                private final int start;
                private final List<Pair<Integer, String>> kept = new ArrayList<>();
                private final Map<String, Integer> counts = new TreeMap<>();

                public NAME(int start) { this.start = start; }

                @Override
                public int compareTo(NAME other) { return Integer.compare(start, other.start); }

                private static <T> T or(T value, Supplier<? extends T> other) {
                    return value != null ? value : other.get();
                }

            """;

    private static final String METHOD = """
                private int methodNUMBER(int a, int b) {
                    IntBinaryOperator first = (x, i) -> { int y = FIRST; return y ^ x; };
                    int sum = 0;
                    Kind kind = Kind.FEW;
                    for (int i = 0; i < LIMIT; i++) {
                        if (CONDITION) {
                            sum += first.applyAsInt(i, a + i);
                            kind = kind.next();
                        } else {
                            sum ^= SECOND;
                        }
                        kept.add(new Pair<>(sum, "WORD" + i + kind));
                        counts.merge("WORD" + i % 3, i, Integer::sum);
                    }
                    try {
                        sum += switch (kind) {
                            case FEW -> a;
                            case SOME -> IntStream.range(0, LIMIT).map(i -> i * b).filter(i -> (i & 1) == 0).sum();
                            case MANY -> Integer.parseInt(or(kept.get(0).second(), () -> "none"));
                        };
                    } catch (NumberFormatException e) {
                        sum += kept.stream().map(Pair::second).collect(Collectors.joining(",")).length();
                    }
                    return kept.get(0).before(kept.get(kept.size() - 1)) ? sum : ~sum;
                }

            """;
}
