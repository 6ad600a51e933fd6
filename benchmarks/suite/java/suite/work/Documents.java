/* SPDX-License-Identifier: MIT */
package suite.work;

import suite.Rng;

/** XML: the orders of a shop, and what is said of them by a schema. */
final class Documents {
    /** What a document may have wrong; each breaks one rule of the schema. */
    enum Mistake { NONE, NO_SUCH_STATE, BAD_NUMBER, NO_CUSTOMER, SECOND_KEY, NO_SUCH_ARTICLE, UNKNOWN_ELEMENT }

    static final String SCHEMA = """
            <xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified">
              <xs:simpleType name="state">
                <xs:restriction base="xs:string">
                  <xs:enumeration value="open"/><xs:enumeration value="paid"/><xs:enumeration value="sent"/>
                </xs:restriction>
              </xs:simpleType>
              <xs:simpleType name="mail">
                <xs:restriction base="xs:string"><xs:pattern value="[a-z]+@[a-z]+\\.(org|com)"/></xs:restriction>
              </xs:simpleType>
              <xs:simpleType name="price">
                <xs:restriction base="xs:decimal">
                  <xs:minInclusive value="0"/><xs:fractionDigits value="2"/>
                </xs:restriction>
              </xs:simpleType>
              <xs:complexType name="item">
                <xs:simpleContent>
                  <xs:extension base="xs:string">
                    <xs:attribute name="article" type="xs:string" use="required"/>
                    <xs:attribute name="count" type="xs:positiveInteger" use="required"/>
                    <xs:attribute name="price" type="price" use="required"/>
                  </xs:extension>
                </xs:simpleContent>
              </xs:complexType>
              <xs:complexType name="order">
                <xs:sequence>
                  <xs:element name="customer">
                    <xs:complexType>
                      <xs:sequence>
                        <xs:element name="name" type="xs:string"/><xs:element name="mail" type="mail"/>
                      </xs:sequence>
                    </xs:complexType>
                  </xs:element>
                  <xs:element name="date" type="xs:date"/>
                  <xs:element name="item" type="item" minOccurs="1" maxOccurs="unbounded"/>
                  <xs:choice minOccurs="0">
                    <xs:element name="note" type="xs:string"/><xs:element name="gift" type="xs:boolean"/>
                  </xs:choice>
                </xs:sequence>
                <xs:attribute name="number" type="xs:nonNegativeInteger" use="required"/>
                <xs:attribute name="state" type="state" use="required"/>
              </xs:complexType>
              <xs:element name="shop">
                <xs:complexType>
                  <xs:sequence>
                    <xs:element name="article" minOccurs="0" maxOccurs="unbounded">
                      <xs:complexType><xs:attribute name="name" type="xs:string"/></xs:complexType>
                    </xs:element>
                    <xs:element name="order" type="order" minOccurs="0" maxOccurs="unbounded"/>
                  </xs:sequence>
                </xs:complexType>
                <xs:key name="numbers"><xs:selector xpath="order"/><xs:field xpath="@number"/></xs:key>
                <xs:key name="articles"><xs:selector xpath="article"/><xs:field xpath="@name"/></xs:key>
                <xs:keyref name="ordered" refer="articles">
                  <xs:selector xpath="order/item"/><xs:field xpath="@article"/>
                </xs:keyref>
              </xs:element>
            </xs:schema>
            """;

    private static final String[] STATES = {"open", "paid", "sent"};
    private static final int ARTICLES = 100;

    private Documents() {}

    /** A shop with so many orders, one of which has a mistake. */
    static String shop(long seed, int orders, Mistake mistake) {
        Text text = new Text(seed);
        StringBuilder xml = new StringBuilder("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<shop>\n");
        for (int i = 0; i < ARTICLES; i++) {
            xml.append("<article name=\"a").append(i).append("\"/>\n");
        }
        int wrong = text.random().nextInt(orders - 1) + 1;
        for (int i = 0; i < orders; i++) {
            order(xml, text, i, i == wrong ? mistake : Mistake.NONE);
        }
        return xml.append("</shop>\n").toString();
    }

    private static void order(StringBuilder xml, Text text, int number, Mistake mistake) {
        Rng random = text.random();
        xml.append("<order number=\"").append(mistake == Mistake.SECOND_KEY ? number - 1 : number);
        String state = STATES[random.nextInt(3)];
        xml.append("\" state=\"").append(mistake == Mistake.NO_SUCH_STATE ? "lost" : state).append("\">\n");
        if (mistake != Mistake.NO_CUSTOMER) {
            xml.append("<customer><name>").append(text.name()).append(" &amp; ").append(text.name());
            xml.append("</name><mail>").append(text.word()).append('@').append(text.word());
            xml.append(".org</mail></customer>\n");
        }
        xml.append("<date>20").append(10 + random.nextInt(10)).append('-').append(10 + random.nextInt(3));
        xml.append('-').append(10 + random.nextInt(19)).append("</date>\n");
        int items = 1 + random.nextRank(8);
        for (int i = 0; i < items; i++) {
            item(xml, text, i == 0 ? mistake : Mistake.NONE);
        }
        if (mistake == Mistake.UNKNOWN_ELEMENT) {
            xml.append("<price>1</price>\n");
        } else if (random.nextInt(3) == 0) {
            xml.append("<note>").append(text.sentence(10)).append("</note>\n");
        }
        xml.append("</order>\n");
    }

    private static void item(StringBuilder xml, Text text, Mistake mistake) {
        Rng random = text.random();
        int article = mistake == Mistake.NO_SUCH_ARTICLE ? ARTICLES : random.nextRank(ARTICLES);
        int cents = random.nextRank(100_000);
        xml.append("<item article=\"a").append(article).append("\" count=\"").append(1 + random.nextInt(5));
        String price = cents / 100 + "." + cents % 100 / 10;
        xml.append("\" price=\"").append(mistake == Mistake.BAD_NUMBER ? "cheap" : price).append("\">");
        xml.append(text.sentence(4)).append("</item>\n");
    }
}
