/* SPDX-License-Identifier: MIT */
package suite.work;

import suite.Rng;

/** Words and sentences that nobody understands, with the statistics of those that somebody does. */
final class Text {
    private static final String[] SYLLABLES = {"ka", "to", "mi", "ser", "lun", "o", "pra", "ven", "di", "a", "quo",
            "ber", "stil", "ne", "ru", "gan", "e", "fol", "chi", "ta"};
    private static final int WORDS = 4000;

    private final Rng random;
    private final String[] words = new String[WORDS];

    Text(long seed) {
        random = new Rng(seed);
        for (int i = 0; i < WORDS; i++) {
            StringBuilder word = new StringBuilder();
            for (int syllables = 1 + random.nextRank(5); syllables > 0; syllables--) {
                word.append(SYLLABLES[random.nextInt(SYLLABLES.length)]);
            }
            words[i] = word.toString();
        }
    }

    String word() {
        return words[random.nextRank(WORDS)];
    }

    /** With a capital letter, as names have it. */
    String name() {
        String word = word();
        return Character.toUpperCase(word.charAt(0)) + word.substring(1);
    }

    /** So many words, a comma here and there, and a full stop. */
    String sentence(int count) {
        StringBuilder sentence = new StringBuilder(name());
        for (int i = 1; i < count; i++) {
            sentence.append(random.nextInt(12) == 0 ? ", " : " ").append(word());
        }
        return sentence.append('.').toString();
    }

    Rng random() {
        return random;
    }
}
