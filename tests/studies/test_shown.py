"""Results as JUnit's XML: valid under the schema of the Ant task, whatever a case is called or says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.studies.golden import Result
from steady.studies.seen import Difference
from steady.studies.shown import junit, told

WHEN = "2026-11-23T22:00:00"
# The parts of the Ant task's schema that bind a report: which elements, in which order, with which attributes.
SCHEMA = """
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:element name="testsuites"><xs:complexType><xs:sequence>
    <xs:element name="testsuite" minOccurs="0" maxOccurs="unbounded"><xs:complexType>
      <xs:sequence>
        <xs:element name="properties"/>
        <xs:element name="testcase" minOccurs="0" maxOccurs="unbounded"><xs:complexType>
          <xs:choice minOccurs="0">
            <xs:element name="failure"><xs:complexType><xs:simpleContent><xs:extension base="xs:string">
              <xs:attribute name="message" type="xs:string"/>
              <xs:attribute name="type" type="xs:string" use="required"/>
            </xs:extension></xs:simpleContent></xs:complexType></xs:element>
          </xs:choice>
          <xs:attribute name="name" type="xs:token" use="required"/>
          <xs:attribute name="classname" type="xs:token" use="required"/>
          <xs:attribute name="time" type="xs:decimal" use="required"/>
        </xs:complexType></xs:element>
        <xs:element name="system-out" type="xs:string"/>
        <xs:element name="system-err" type="xs:string"/>
      </xs:sequence>
      <xs:attribute name="name" type="xs:token" use="required"/>
      <xs:attribute name="timestamp" use="required"><xs:simpleType><xs:restriction base="xs:dateTime">
        <xs:pattern value="[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"/>
      </xs:restriction></xs:simpleType></xs:attribute>
      <xs:attribute name="hostname" use="required"><xs:simpleType><xs:restriction base="xs:token">
        <xs:minLength value="1"/>
      </xs:restriction></xs:simpleType></xs:attribute>
      <xs:attribute name="tests" type="xs:int" use="required"/>
      <xs:attribute name="failures" type="xs:int" use="required"/>
      <xs:attribute name="errors" type="xs:int" use="required"/>
      <xs:attribute name="time" type="xs:decimal" use="required"/>
      <xs:attribute name="package" type="xs:token" use="required"/>
      <xs:attribute name="id" type="xs:int" use="required"/>
    </xs:complexType></xs:element>
  </xs:sequence></xs:complexType></xs:element>
</xs:schema>
"""


def result(name: str, *differences: Difference, file: str = "p.tests.yaml", seconds: float = 0.25) -> Result:
    return Result(file, 3, "p", name, differences, {}, seconds)


WRONG = Difference("expect.text", "a", "b")


def test_the_report_counts_by_file_and_is_valid() -> None:
    etree = pytest.importorskip("lxml.etree")
    root = etree.fromstring(junit([result("one"), result("two", WRONG), result("x", file="q.yaml")], timestamp=WHEN))
    etree.XMLSchema(etree.fromstring(SCHEMA)).assertValid(root)
    suites = [(s.get("name"), s.get("tests"), s.get("failures"), s.get("time")) for s in root]

    assert suites == [("p.tests.yaml", "2", "1", "0.500000"), ("q.yaml", "1", "0", "0.250000")]
    assert root[0].find(".//failure").get("message") == 'expect.text: expected "a", got "b"'


@settings(max_examples=40, deadline=None)
@given(st.text(), st.text())
def test_any_text_makes_valid_xml(name: str, text: str) -> None:
    etree = pytest.importorskip("lxml.etree")
    root = etree.fromstring(junit([result(name, Difference("expect.text", text, name))], timestamp=WHEN))

    etree.XMLSchema(etree.fromstring(SCHEMA)).assertValid(root)


def test_texts_of_several_lines_are_shown_as_a_diff() -> None:
    lines = list(told(result("a", Difference("expect.text", "one\ntwo", "one\nthree"))))

    assert lines[0] == "FAIL p.tests.yaml:3: a" and "    -two" in lines and "    +three" in lines
