# SPDX-License-Identifier: MIT
#
# Writes Many.java and classes C0 ... that it loads one after the other:
# awk -v count=N -v folder=FOLDER -f many.awk

BEGIN {
    for (i = 0; i < count; i++) {
        file = folder "/C" i ".java"
        printf "public class C%d implements java.util.function.IntSupplier {\n" \
            "    public int getAsInt() {\n        return %d;\n    }\n}\n", i, i > file
        close(file)
    }
    file = folder "/Many.java"
    printf "public class Many {\n" \
        "    public static void main(String[] args) throws Exception {\n" \
        "        int sum = 0;\n" \
        "        for (int i = 0; i < %d; i++) {\n" \
        "            sum += ((java.util.function.IntSupplier) Class.forName(\"C\" + i)\n" \
        "                .getDeclaredConstructor().newInstance()).getAsInt();\n" \
        "        }\n" \
        "        System.out.println(sum);\n" \
        "    }\n}\n", count > file
}
