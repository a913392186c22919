"""Golden cases as people and build servers read them: lines, and JUnit's XML."""

import difflib
import platform
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import msgspec

from steady.studies.seen import Difference

if TYPE_CHECKING:
    from steady.studies.golden import Result

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2
LONG = 60  # characters from which two texts are shown as a diff


def told(result: "Result") -> Iterator[str]:
    """Yield the lines that tell of one failed case."""
    yield f"FAIL {result.file}:{result.line}: {result.name}"
    for difference in result.differences:
        yield from _difference(difference)


def _difference(difference: Difference) -> Iterator[str]:
    field, expected, got = difference
    both = isinstance(expected, str) and isinstance(got, str)
    if both and ("\n" in expected or "\n" in got):
        yield f"  {field}:"
        lines = difflib.unified_diff(expected.splitlines(), got.splitlines(), "expected", "got", lineterm="", n=1)
        yield from (f"    {line}" for line in lines)
    elif both and max(len(expected), len(got)) > LONG:
        yield f"  {field}:"
        yield f"    - {_json(expected)}"
        yield f"    + {_json(got)}"
    else:
        yield f"  {field}: expected {_json(expected)}, got {_json(got)}"


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def junit(results: Sequence["Result"], *, timestamp: str) -> bytes:
    """
    Return JUnit's XML, as the Ant task writes it and build servers read it: a suite for each file.

    Args:
        results: In the order of their files.
        timestamp: When they were run, as YYYY-MM-DDTHH:MM:SS, without a zone, as the format wants it.
    """
    root = ElementTree.Element("testsuites")
    for number, (file, group) in enumerate(groupby(results, key=lambda r: r.file)):
        cases = list(group)
        failed = sum(1 for case in cases if not case.passed)
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            id=str(number),
            package="steady",
            name=_xml(file),
            hostname=_xml(platform.node() or "localhost"),
            timestamp=timestamp,
            tests=str(len(cases)),
            failures=str(failed),
            errors="0",
            time=f"{sum(case.seconds for case in cases):.6f}",
        )
        ElementTree.SubElement(suite, "properties")
        for case in cases:
            _case(suite, case)
        ElementTree.SubElement(suite, "system-out")
        ElementTree.SubElement(suite, "system-err")
    ElementTree.indent(root)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _case(suite: ElementTree.Element, result: "Result") -> None:
    case = ElementTree.SubElement(
        suite, "testcase", name=_xml(result.name), classname=_xml(result.policy), time=f"{result.seconds:.6f}"
    )
    if not result.passed:
        first = result.differences[0]
        message = f"{first.field}: expected {_json(first.expected)}, got {_json(first.got)}"
        failure = ElementTree.SubElement(case, "failure", message=_xml(message[:300]), type="difference")
        failure.text = _xml("\n".join(told(result)))


def _xml(text: str) -> str:
    """Return the text without what XML can't carry."""
    return _NOT_XML.sub("\ufffd", text)
