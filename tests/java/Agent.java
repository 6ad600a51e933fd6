/* SPDX-License-Identifier: MIT */
/*
 * -javaagent:agent.jar=WORD,OTHER: puts OTHER, which is as long, in WORD's place
 * in each class that is loaded after it, and says what it may do.
 */
import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.nio.charset.StandardCharsets;
import java.security.ProtectionDomain;

public class Agent {
    private static final class Replacer implements ClassFileTransformer {
        private final String word, other;

        Replacer(String[] words) {
            word = words[0];
            other = words[1];
        }

        @Override
        public byte[] transform(ClassLoader loader, String name, Class<?> type,
                                ProtectionDomain domain, byte[] bytes) {
            String text = new String(bytes, StandardCharsets.ISO_8859_1);
            return text.contains(word)
                ? text.replace(word, other).getBytes(StandardCharsets.ISO_8859_1)
                : null;
        }
    }

    public static void premain(String words, Instrumentation instrumentation) {
        System.out.println("agent: " + instrumentation.isRetransformClassesSupported() + " "
                           + instrumentation.getObjectSize(new byte[1000]) + " "
                           + (instrumentation.getAllLoadedClasses().length > 100));
        instrumentation.addTransformer(new Replacer(words.split(",")));
    }
}
