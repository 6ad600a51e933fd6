/* SPDX-License-Identifier: MIT */
/*
 * What a Java program sees of the user's language, zone and names, and what it
 * makes of dates, numbers and texts; and its arguments, unchanged.
 */
import java.nio.charset.Charset;
import java.text.Collator;
import java.text.DateFormat;
import java.text.Normalizer;
import java.text.NumberFormat;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Date;
import java.util.Locale;
import java.util.TimeZone;

public class Locales {
    static void say(Object text) {
        System.out.println(text);
    }

    static void surroundings() {
        say(Locale.getDefault() + " " + Locale.getDefault(Locale.Category.FORMAT));
        say(TimeZone.getDefault().getID() + " "
            + ZonedDateTime.of(2024, 7, 1, 12, 0, 0, 0, ZoneId.systemDefault()).getOffset());
        say(Charset.defaultCharset() + " " + System.getProperty("sun.jnu.encoding") + " "
            + System.getProperty("native.encoding"));
        for (String name : new String[] {"os.name", "os.arch", "user.name", "user.home", "user.dir",
                                         "java.io.tmpdir", "java.library.path", "file.separator",
                                         "line.separator", "java.vm.name", "java.version"}) {
            say(name + "=" + System.getProperty(name).trim());
        }
        say("PATH " + (System.getenv("PATH") != null) + " " + System.getenv("NONE"));
    }

    static void formats() {
        say(ZonedDateTime.of(2024, 7, 1, 12, 0, 0, 0, ZoneId.of("Europe/Paris"))
                .format(DateTimeFormatter.RFC_1123_DATE_TIME));
        say(NumberFormat.getCurrencyInstance(Locale.GERMANY).format(1234567.891));
        say(DateFormat.getDateInstance(DateFormat.FULL, Locale.FRANCE).format(new Date(0)));
        say(DateFormat.getDateTimeInstance().format(new Date(0)));
        say(String.format("%.10f %e %a %,d", Math.PI, 1e-300, 0.1, 1234567));
        say(Math.sin(1e10) + " " + Math.pow(2.5, 3.7) + " " + 5.5 % 2.3 + " " + Math.tanh(.3));
    }

    static void texts() {
        say("stra\u00dfe".toUpperCase() + " " + new StringBuilder("\uD83D\uDE00ok").reverse());
        say(Normalizer.normalize("e\u0301", Normalizer.Form.NFC) + " "
            + "\u0130".toLowerCase(Locale.forLanguageTag("tr")).length());
        say(Collator.getInstance(Locale.GERMAN).compare("a", "\u00e4"));
    }

    public static void main(String[] args) {
        surroundings();
        formats();
        texts();
        for (String word : args) {
            say("argument " + word + " " + word.length());
        }
    }
}
