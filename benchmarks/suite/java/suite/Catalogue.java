/* SPDX-License-Identifier: MIT */
package suite;

import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import suite.work.Aes;
import suite.work.Audio;
import suite.work.Compile;
import suite.work.Compress;
import suite.work.Database;
import suite.work.Fft;
import suite.work.LargeArrays;
import suite.work.Lru;
import suite.work.Lu;
import suite.work.ManyThreads;
import suite.work.MonteCarlo;
import suite.work.RayTrace;
import suite.work.Rsa;
import suite.work.Serial;
import suite.work.SignVerify;
import suite.work.Sor;
import suite.work.Sparse;
import suite.work.XmlTransform;
import suite.work.XmlValidation;

/** All workloads, with the sizes of their inputs and the checksums that belong to these. */
public final class Catalogue {
    /** As --list prints them. */
    public static final List<Entry> ENTRIES = List.of(
            entry("compile", "compile", 64, "javac, 13 generated sources to memory",
                    () -> new Compile(0x9ae3faa1d3b3c505L)),
            entry("compress", "compress", 32, "LZW of text, numbers, a picture and noise",
                    () -> new Compress(0xd99e0c7c044f9c63L)),
            entry("crypto.aes", "crypto", 32, "AES and triple DES, to and fro",
                    () -> new Aes(0x08960ff3d24e50ffL)),
            entry("crypto.rsa", "crypto", 16, "RSA of 2048 bits, to and fro",
                    () -> new Rsa(0xc865c88210fd43ceL)),
            entry("crypto.signverify", "crypto", 16, "signatures by RSA and ECDSA",
                    () -> new SignVerify(0x37ca7c509c6c487fL)),
            entry("database", "database", 128, "SQL transactions and queries (Derby)",
                    () -> new Database(0xb63c82e5a28f96a7L)),
            entry("audio", "audio", 16, "MP3 decoded (JLayer)",
                    () -> new Audio(0x60d417f0ea8c6fd9L)),
            entry("fft.small", "scimark", 16, "Fourier transforms of 32768 points",
                    () -> new Fft(15, 16, 0xb0129daf51ab02cdL)),
            entry("fft.large", "scimark", 192, "a Fourier transform of 1048576 points",
                    () -> new Fft(20, 1, 0x6326617aaa37b787L)),
            entry("lu.small", "scimark", 16, "LU of matrices of 100 by 100",
                    () -> new Lu(100, 200, 0x846c2fc265fe8c10L)),
            entry("lu.large", "scimark", 96, "LU of a matrix of 1280 by 1280",
                    () -> new Lu(1280, 1, 0x03ef6569f120ce2eL)),
            entry("sor.small", "scimark", 16, "over-relaxation of 250 by 250",
                    () -> new Sor(250, 500, 0xc7be2abc68ec413bL)),
            entry("sor.large", "scimark", 96, "over-relaxation of 2048 by 2048",
                    () -> new Sor(2048, 10, 0x7ab598bc27420547L)),
            entry("sparse.small", "scimark", 16, "sparse products, 25000 rows, 5 in each",
                    () -> new Sparse(25_000, 5, 250, 0x5128d1640f9f922eL)),
            entry("sparse.large", "scimark", 160, "sparse products, 200000 rows, 20 in each",
                    () -> new Sparse(200_000, 20, 10, 0xde30524267eb1fd9L)),
            entry("montecarlo", "scimark", 16, "an integral by random points",
                    () -> new MonteCarlo(0xd830379246c37e0fL)),
            entry("serial", "serial", 64, "Java objects written and read",
                    () -> new Serial(0xf05c53c717db81dcL)),
            entry("raytrace", "raytrace", 16, "a picture of 3000 spheres",
                    () -> new RayTrace(0x580c16ba6910142fL)),
            entry("xml.transform", "xml", 48, "three style sheets on four documents",
                    () -> new XmlTransform(0x0e162f6e858368ffL)),
            entry("xml.validation", "xml", 48, "documents held against a schema", XmlValidation::new),
            new Entry("gc.arrays", "gc", 400, "caches of large arrays, random ones of which are replaced",
                    Map.of("live", 256, "least", 64, "most", 8192), LargeArrays::new),
            new Entry("gc.lru", "gc", 256, "caches of small objects, the least used of which die",
                    Map.of("live", 128, "bytes", 256), Lru::new),
            new Entry("gc.threads", "gc", 64, "many threads with deep stacks and small trees",
                    Map.of("threads", 128), ManyThreads::new));

    private Catalogue() {}

    private static Entry entry(String name, String kind, int heap, String description, Supplier<Workload> maker) {
        return new Entry(name, kind, heap, description, Map.of(), maker);
    }

    static Entry find(String name) throws UsageException {
        for (Entry entry : ENTRIES) {
            if (entry.name().equals(name)) {
                return entry;
            }
        }
        throw new UsageException("unknown workload '" + name + "'; --list names them");
    }
}
