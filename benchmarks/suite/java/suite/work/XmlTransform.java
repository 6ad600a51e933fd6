/* SPDX-License-Identifier: MIT */
package suite.work;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import javax.xml.transform.Source;
import javax.xml.transform.Templates;
import javax.xml.transform.TransformerException;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import javax.xml.transform.stream.StreamSource;
import org.xml.sax.InputSource;
import org.xml.sax.SAXException;
import suite.Checksum;
import suite.Setting;

/**
 * A document made into others by style sheets (XSLT), which are compiled to
 * classes before: a page with a table, sums by group, and text that a template
 * takes apart word by word.  Each from text, and from a tree.
 */
public final class XmlTransform extends Known {
    private static final int ORDERS = 300;
    private static final String HEAD = """
            <xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
            """;

    private static final String TABLE = HEAD + """
            <xsl:output method="html" encoding="UTF-8" indent="no"/>
            <xsl:template match="shop"><html><body><table>
              <xsl:for-each select="order[count(item) &gt; 1]">
                <xsl:sort select="count(item)" data-type="number" order="descending"/>
                <xsl:sort select="@number" data-type="number"/>
                <xsl:apply-templates select="."/>
              </xsl:for-each>
            </table></body></html></xsl:template>
            <xsl:template match="order">
              <tr class="{@state}"><td><xsl:value-of select="@number"/></td>
              <td><a href="mailto:{customer/mail}"><xsl:value-of select="customer/name"/></a></td>
              <td><xsl:number value="position()" format="1.i"/></td>
              <xsl:for-each select="item"><td>
                <xsl:choose>
                  <xsl:when test="@price &gt; 500"><b><xsl:value-of select="."/></b></xsl:when>
                  <xsl:otherwise><xsl:value-of select="normalize-space(.)"/></xsl:otherwise>
                </xsl:choose>
              </td></xsl:for-each></tr>
            </xsl:template>
            </xsl:stylesheet>
            """;

    private static final String GROUPS = HEAD + """
            <xsl:output method="xml" encoding="UTF-8" indent="no"/>
            <xsl:key name="by-article" match="item" use="@article"/>
            <xsl:template match="/"><sums>
              <xsl:for-each select="//item[generate-id() = generate-id(key('by-article', @article)[1])]">
                <xsl:sort select="substring(@article, 2)" data-type="number"/>
                <xsl:variable name="same" select="key('by-article', @article)"/>
                <article name="{@article}" orders="{count($same)}" pieces="{sum($same/@count)}">
                  <xsl:for-each select="$same[../@state = 'open']">
                    <open number="{../@number}" date="{translate(../date, '-', '.')}"/>
                  </xsl:for-each>
                </article>
              </xsl:for-each>
            </sums></xsl:template>
            </xsl:stylesheet>
            """;

    private static final String WORDS = HEAD + """
            <xsl:output method="text" encoding="UTF-8"/>
            <xsl:template match="/"><xsl:for-each select="//note">
              <xsl:call-template name="words"><xsl:with-param name="text" select="."/></xsl:call-template>
              <xsl:text>&#10;</xsl:text>
            </xsl:for-each></xsl:template>
            <xsl:template name="words"><xsl:param name="text"/>
              <xsl:choose>
                <xsl:when test="contains($text, ' ')">
                  <xsl:call-template name="words">
                    <xsl:with-param name="text" select="substring-after($text, ' ')"/>
                  </xsl:call-template>
                  <xsl:value-of select="concat(' ', substring-before($text, ' '))"/>
                </xsl:when>
                <xsl:otherwise><xsl:value-of select="$text"/></xsl:otherwise>
              </xsl:choose>
            </xsl:template>
            </xsl:stylesheet>
            """;

    private final List<Templates> sheets = new ArrayList<>();
    private final List<String> documents = new ArrayList<>();
    private DocumentBuilderFactory builders;

    public XmlTransform(long expected) {
        super(expected);
    }

    @Override
    public void setUp(Setting setting) throws TransformerException {
        TransformerFactory factory = TransformerFactory.newInstance();
        for (String sheet : List.of(TABLE, GROUPS, WORDS)) {
            sheets.add(factory.newTemplates(new StreamSource(new StringReader(sheet))));
        }
        builders = DocumentBuilderFactory.newInstance();
        builders.setNamespaceAware(true);
        for (int seed = 20; seed < 24; seed++) {
            documents.add(Documents.shop(seed, ORDERS, Documents.Mistake.NONE));
        }
    }

    @Override
    public long operation() throws TransformerException, SAXException, IOException, ParserConfigurationException {
        Checksum sum = new Checksum();
        for (String document : documents) {
            for (Templates sheet : sheets) {
                byte[] fromText = transform(sheet, new StreamSource(new StringReader(document)));
                byte[] fromTree = transform(sheet, tree(document));
                require(Arrays.equals(fromText, fromTree), "both ways give the same");
                sum.add(fromText);
            }
        }
        return sum.value();
    }

    private Source tree(String document) throws SAXException, IOException, ParserConfigurationException {
        return new DOMSource(builders.newDocumentBuilder().parse(new InputSource(new StringReader(document))));
    }

    private static byte[] transform(Templates sheet, Source source) throws TransformerException {
        ByteArrayOutputStream output = new ByteArrayOutputStream();
        sheet.newTransformer().transform(source, new StreamResult(output));
        return output.toByteArray();
    }
}
