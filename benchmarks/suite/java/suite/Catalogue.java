/* SPDX-License-Identifier: MIT */
package suite;

import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import suite.work.Aes;
import suite.work.Compress;
import suite.work.Fft;
import suite.work.Lru;
import suite.work.Lu;
import suite.work.MonteCarlo;
import suite.work.Sor;
import suite.work.Sparse;

/** All workloads, with the sizes of their inputs and the checksums that belong to these. */
public final class Catalogue {
    /** As --list prints them. */
    public static final List<Entry> ENTRIES = List.of(
            entry("compress", "compress", 32, "LZW of text, numbers, a picture and noise",
                    () -> new Compress(0xd99e0c7c044f9c63L)),
            entry("crypto.aes", "crypto", 32, "AES and triple DES, to and fro",
                    () -> new Aes(0x08960ff3d24e50ffL)),
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
            new Entry("gc.lru", "gc", 256, "caches of small objects, the least used of which die",
                    Map.of("live", 128, "bytes", 256), Lru::new));

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
