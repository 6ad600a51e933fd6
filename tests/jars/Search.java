// SPDX-License-Identifier: MIT
// Search FOLDER [DOCUMENTS]: Lucene writes an index of generated documents in FOLDER, changes some,
// and answers queries from its mapped files.  Merges run in threads of their own; what is printed
// is of the merged index, whose content does not depend on their order.
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.lucene.analysis.standard.StandardAnalyzer;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.IntPoint;
import org.apache.lucene.document.NumericDocValuesField;
import org.apache.lucene.document.StoredField;
import org.apache.lucene.document.StringField;
import org.apache.lucene.document.TextField;
import org.apache.lucene.index.CheckIndex;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.BooleanClause;
import org.apache.lucene.search.BooleanQuery;
import org.apache.lucene.search.FuzzyQuery;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.PhraseQuery;
import org.apache.lucene.search.PrefixQuery;
import org.apache.lucene.search.Query;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.search.Sort;
import org.apache.lucene.search.SortField;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.search.TopDocs;
import org.apache.lucene.search.WildcardQuery;
import org.apache.lucene.store.MMapDirectory;

public class Search {
    static long seed = 1;

    static int random(int below) {
        seed = seed * 6364136223846793005L + 1442695040888963407L;
        return (int) ((seed >>> 33) % below);
    }

    // Few words are frequent and many rare, as in a language.
    static String word() {
        int rank = random(random(3000) + 1);
        StringBuilder word = new StringBuilder();
        for (int rest = rank + 50; rest > 0; rest /= 5) {
            word.append("bdkrt".charAt(rest % 5)).append("aeiou".charAt(rest / 3 % 5));
        }
        return word.toString();
    }

    static String text(int words) {
        return Stream.generate(Search::word).limit(words).collect(Collectors.joining(" "));
    }

    static Document document(int id) {
        Document document = new Document();
        document.add(new StringField("id", "d" + id, Field.Store.YES));
        document.add(new TextField("body", text(80 + random(200)), Field.Store.YES));
        document.add(new IntPoint("number", id * 31 % 1009));
        document.add(new StoredField("number", id * 31 % 1009));
        document.add(new NumericDocValuesField("order", id * 7919L % 10007));
        return document;
    }

    static void write(Path folder, int count) throws Exception {
        IndexWriterConfig config = new IndexWriterConfig(new StandardAnalyzer());
        config.setRAMBufferSizeMB(2);
        try (MMapDirectory directory = new MMapDirectory(folder);
                IndexWriter writer = new IndexWriter(directory, config)) {
            for (int id = 0; id < count; id++) {
                writer.addDocument(document(id));
                if (id % 1000 == 999) {
                    writer.commit();
                }
            }
            for (int id = 0; id < count; id += 17) {
                writer.updateDocument(new Term("id", "d" + id), document(id));
            }
            writer.deleteDocuments(IntPoint.newRangeQuery("number", 500, 519));
            writer.forceMerge(1);
        }
    }

    static void show(IndexSearcher searcher, String what, Query query, Sort sort) throws Exception {
        TopDocs top = sort == null ? searcher.search(query, 5) : searcher.search(query, 5, sort);
        StringBuilder line = new StringBuilder(what + ": " + searcher.count(query));
        for (ScoreDoc hit : top.scoreDocs) {
            line.append(' ').append(searcher.doc(hit.doc).get("id")).append('=').append(hit.score);
        }
        System.out.println(line);
    }

    static void read(Path folder) throws Exception {
        try (MMapDirectory directory = new MMapDirectory(folder);
                DirectoryReader reader = DirectoryReader.open(directory)) {
            IndexSearcher searcher = new IndexSearcher(reader);
            System.out.println(reader.numDocs() + " documents, "
                + reader.getSumTotalTermFreq("body") + " words");
            String[] words = Stream.generate(Search::word).limit(300).toArray(String[]::new);
            int hits = 0;
            for (String word : words) {
                hits += searcher.count(new TermQuery(new Term("body", word)));
            }
            System.out.println("hits " + hits);
            Term common = new Term("body", words[0]), other = new Term("body", words[1]);
            show(searcher, "term", new TermQuery(common), null);
            show(searcher, "both", new BooleanQuery.Builder()
                .add(new TermQuery(common), BooleanClause.Occur.MUST)
                .add(new TermQuery(other), BooleanClause.Occur.MUST).build(), null);
            show(searcher, "phrase", new PhraseQuery(3, "body", words[2], words[3]), null);
            show(searcher, "prefix", new PrefixQuery(new Term("body", "ba")), null);
            show(searcher, "wildcard", new WildcardQuery(new Term("body", "*da?o*")), null);
            show(searcher, "fuzzy", new FuzzyQuery(common, 1), null);
            show(searcher, "range", IntPoint.newRangeQuery("number", 10, 40),
                new Sort(new SortField("order", SortField.Type.LONG)));
        }
    }

    static void check(Path folder) throws Exception {
        try (MMapDirectory directory = new MMapDirectory(folder);
                CheckIndex checker = new CheckIndex(directory)) {
            System.out.println("clean " + checker.checkIndex().clean);
        }
    }

    public static void main(String[] args) throws Exception {
        Path folder = Paths.get(args[0]);
        write(folder, args.length > 1 ? Integer.parseInt(args[1]) : 5000);
        read(folder);
        check(folder);
    }
}
