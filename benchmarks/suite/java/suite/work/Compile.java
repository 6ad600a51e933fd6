/* SPDX-License-Identifier: MIT */
package suite.work;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.StringWriter;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import suite.Checksum;
import suite.Setting;
import suite.UsageException;
import suite.Workload;

/**
 * The JDK's compiler, on a program of some dozen classes, to class files in
 * memory.
 *
 * <p>What a class file has in it to the last byte is the compiler's own affair.
 * So the program is run once, and its result must be the known one; after
 * that, each operation must give the same class files.
 */
public final class Compile implements Workload {
    private static final int CLASSES = 12, METHODS = 10;

    private final long result;
    private final List<JavaFileObject> sources = new ArrayList<>();
    private JavaCompiler compiler;
    private Output output;
    private long expected;

    /** @param result what the program computes */
    public Compile(long result) {
        this.result = result;
    }

    private static URI uri(String name, String ending) {
        return URI.create("memory:///" + name.replace('.', '/') + ending);
    }

    private static final class Source extends SimpleJavaFileObject {
        private final String text;

        Source(String name, String text) {
            super(uri(name, ".java"), Kind.SOURCE);
            this.text = text;
        }

        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return text;
        }
    }

    private static final class ClassFile extends SimpleJavaFileObject {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

        ClassFile(String name) {
            super(uri(name, ".class"), Kind.CLASS);
        }

        @Override
        public OutputStream openOutputStream() {
            return bytes;
        }
    }

    /** Keeps the class files, by their names. */
    private static final class Output extends ForwardingJavaFileManager<JavaFileManager> {
        private final Map<String, ClassFile> files = new TreeMap<>();

        Output(JavaFileManager manager) {
            super(manager);
        }

        @Override
        public JavaFileObject getJavaFileForOutput(Location location, String name, JavaFileObject.Kind kind,
                FileObject sibling) {
            return files.computeIfAbsent(name, ClassFile::new);
        }
    }

    private static final class Loader extends ClassLoader {
        private final Map<String, ClassFile> files;

        Loader(Map<String, ClassFile> files) {
            this.files = files;
        }

        @Override
        protected Class<?> findClass(String name) throws ClassNotFoundException {
            ClassFile file = files.get(name);
            if (file == null) {
                throw new ClassNotFoundException(name);
            }
            byte[] bytes = file.bytes.toByteArray();
            return defineClass(name, bytes, 0, bytes.length);
        }
    }

    @Override
    public void setUp(Setting setting) throws UsageException, ReflectiveOperationException {
        compiler = ToolProvider.getSystemJavaCompiler();
        if (compiler == null) {
            throw new UsageException("compile needs the module jdk.compiler, which this JDK has not");
        }
        output = new Output(compiler.getStandardFileManager(null, null, null));
        Sources generator = new Sources();
        sources.add(new Source("generated.Program", generator.program(CLASSES)));
        for (int i = 0; i < CLASSES; i++) {
            sources.add(new Source("generated.C" + i, generator.source(i, METHODS)));
        }
        expected = operation();
        Class<?> program = new Loader(output.files).loadClass("generated.Program");
        long computed = (Long) program.getMethod("run").invoke(null);
        if (computed != result) {
            // No operation gives this: all are wrong.
            System.err.printf("suite: compile: the program gave %#018x, not %#018x%n", computed, result);
            expected = ~expected;
        }
    }

    @Override
    public long operation() {
        output.files.clear();
        StringWriter messages = new StringWriter();
        List<String> options = List.of("-g", "-proc:none", "-Xlint:none");
        if (!compiler.getTask(messages, output, null, options, null, sources).call()) {
            throw new IllegalStateException("the compiler says: " + messages);
        }
        Checksum sum = new Checksum();
        output.files.forEach((name, file) -> sum.add(name).add(file.bytes.toByteArray()));
        return sum.value();
    }

    @Override
    public long expected() {
        return expected;
    }

    @Override
    public void tearDown() throws IOException {
        if (output != null) {
            output.close();
        }
    }
}
