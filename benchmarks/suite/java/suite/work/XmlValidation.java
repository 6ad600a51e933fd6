/* SPDX-License-Identifier: MIT */
package suite.work;

import java.io.IOException;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.List;
import javax.xml.XMLConstants;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import javax.xml.transform.Source;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamSource;
import javax.xml.validation.Schema;
import javax.xml.validation.SchemaFactory;
import javax.xml.validation.Validator;
import org.xml.sax.ErrorHandler;
import org.xml.sax.InputSource;
import org.xml.sax.SAXException;
import org.xml.sax.SAXParseException;
import suite.Setting;
import suite.Workload;

/**
 * Documents held against a schema: types, patterns, keys and references to them;
 * read from text, or as a tree that is built first.  One of them is right, each
 * of the others has a mistake, which must be found.
 */
public final class XmlValidation implements Workload {
    private static final int ORDERS = 250;

    private Schema schema;
    private DocumentBuilderFactory builders;
    private final List<String> documents = new ArrayList<>();

    /** Counts the documents that are not right. */
    private static final class Counter implements ErrorHandler {
        private boolean wrong;

        @Override
        public void warning(SAXParseException e) {
            wrong = true;
        }

        @Override
        public void error(SAXParseException e) {
            wrong = true;
        }

        @Override
        public void fatalError(SAXParseException e) throws SAXException {
            throw e;
        }
    }

    @Override
    public void setUp(Setting setting) throws SAXException {
        SchemaFactory factory = SchemaFactory.newInstance(XMLConstants.W3C_XML_SCHEMA_NS_URI);
        schema = factory.newSchema(new StreamSource(new StringReader(Documents.SCHEMA)));
        builders = DocumentBuilderFactory.newInstance();
        builders.setNamespaceAware(true);
        for (Documents.Mistake mistake : Documents.Mistake.values()) {
            documents.add(Documents.shop(documents.size(), ORDERS, mistake));
        }
    }

    /** A bit for each document and way that is not right. */
    @Override
    public long operation() throws SAXException, IOException, ParserConfigurationException {
        long wrong = 0;
        Validator validator = schema.newValidator();
        for (String document : documents) {
            wrong = wrong << 2 | (isWrong(validator, new StreamSource(new StringReader(document))) ? 2 : 0)
                    | (isWrong(validator, tree(document)) ? 1 : 0);
        }
        return wrong;
    }

    private Source tree(String document) throws SAXException, IOException, ParserConfigurationException {
        return new DOMSource(builders.newDocumentBuilder().parse(new InputSource(new StringReader(document))));
    }

    private static boolean isWrong(Validator validator, Source document) throws SAXException, IOException {
        Counter counter = new Counter();
        validator.setErrorHandler(counter);
        validator.validate(document);
        return counter.wrong;
    }

    /** All but the first. */
    @Override
    public long expected() {
        return (1L << 2 * (documents.size() - 1)) - 1;
    }
}
