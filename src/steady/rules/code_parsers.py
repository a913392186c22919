"""
Whether a text is well-formed in a language: one function for each, which returns what is wrong, or nothing.

None of them runs, imports or fetches anything, or expands an entity or an alias. Each is bounded by size and by depth
that is counted before it parses, so that no verdict depends on how much stack its caller has used.
"""

import re
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from steady.rules.json_text import NotJson, parse_json

MAX_CODE = 100_000  # characters of one block; a longer one fails
MAX_YAML = 40_000  # of YAML, whose reader is slow
MAX_NESTED = 60  # brackets within brackets
MAX_LINE = 20_000  # characters of one line of Python, so that no chain of operators is deeper than a parser goes
_LOCK = threading.Lock()
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr")
)
# Elements whose end tag may be left out (HTML, section 13.1.2.4).
_OPTIONAL = frozenset(
    (
        "html",
        "head",
        "body",
        "li",
        "dt",
        "dd",
        "p",
        "rt",
        "rp",
        "optgroup",
        "option",
        "colgroup",
        "caption",
        "thead",
        "tbody",
        "tfoot",
        "tr",
        "td",
        "th",
    )
)
_RAW = frozenset(("script", "style", "textarea", "title"))
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9:_.-]*")
_ATTRIBUTES = re.compile(r"(?:\s+[^\s\"'<>/=\x00-\x1f]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'=<>`]+))?)*+\s*/?>")


def nested(text: str) -> int:
    """Return how deep the brackets of a text go, whatever stands between them."""
    depth = deepest = 0
    for found in re.finditer(r"[(\[{}\])]", text):
        depth = depth + 1 if found[0] in "([{" else max(depth - 1, 0)
        deepest = max(deepest, depth)
    return deepest


def python(text: str) -> str:
    """Python, in the grammar of the Python that Steady runs on; nothing is run."""
    if max(map(len, text.split("\n"))) > MAX_LINE:
        return f"a line has more than {MAX_LINE:,} characters"
    wrong: list[str] = []

    def parse() -> None:
        import ast

        try:
            ast.parse(text)
        except SyntaxError as error:
            wrong.append(f"{error.msg} (line {error.lineno})")
        except (ValueError, RecursionError, MemoryError) as error:
            wrong.append(
                "it holds a NUL character or half a surrogate pair"
                if isinstance(error, ValueError)
                else "it is nested too deep"
            )

    with _LOCK, warnings.catch_warnings():  # an invalid escape is a warning, which filters could make an error
        warnings.simplefilter("ignore")
        thread = threading.Thread(target=parse)  # its own stack: the same depth for every caller
        thread.start()
        thread.join()
    return wrong[0] if wrong else ""


def json(text: str) -> str:
    """JSON, as the rule `json` reads it."""
    try:
        parse_json(text)
    except NotJson as error:
        return error.why
    return ""


def yaml(text: str) -> str:
    """YAML 1.2, any number of documents; read as events, so that no alias is expanded."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError
    from ruamel.yaml.events import AliasEvent, DocumentStartEvent

    if len(text) > MAX_YAML:
        return f"it has more than {MAX_YAML:,} characters, which is not read"
    anchors: set[str] = set()
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            if isinstance(event, DocumentStartEvent):
                anchors = set()
            if isinstance(event, AliasEvent) and event.anchor not in anchors:
                return f"the alias *{str(event.anchor)[:40]} names no anchor"
            if getattr(event, "anchor", None):
                anchors.add(str(event.anchor))
    except (YAMLError, ValueError, RecursionError, AttributeError, TypeError, IndexError, AssertionError) as error:
        mark = getattr(error, "problem_mark", None)
        return str(getattr(error, "problem", None) or "it can't be read")[:120] + (
            f" (line {mark.line + 1})" if mark else ""
        )
    return ""


def xml(text: str) -> str:
    """XML 1.0, well-formed; a document that declares entities fails unread."""
    from xml.parsers import expat

    class _Entities(Exception):
        pass

    def refuse(*_: object) -> Any:
        raise _Entities

    parser = expat.ParserCreate()
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    try:
        parser.Parse(text, True)
    except _Entities:
        return "it declares entities, which are never expanded here"
    except (expat.ExpatError, UnicodeError, ValueError) as error:
        code, line = getattr(error, "code", None), getattr(error, "lineno", 0)
        return f"{expat.ErrorString(code)} (line {line})" if code is not None else "it holds half a surrogate pair"
    return ""


def html(text: str) -> str:
    """HTML: tags are spelled right, and closed in the order in which they were opened where HTML asks for it."""
    stack: list[str] = []
    for kind, name in _tags(text):
        if kind == "wrong":
            return name
        if kind == "open" and name not in _VOID:
            stack.append(name)
        elif kind == "close" and name not in _VOID:
            while stack and stack[-1] != name and stack[-1] in _OPTIONAL:
                stack.pop()
            if not stack or stack[-1] != name:
                if name in _OPTIONAL:
                    continue
                return (
                    f"</{name[:40]}> closes nothing that is open"
                    if name not in stack
                    else f"<{stack[-1][:40]}> is not closed"
                )
            stack.pop()
    left = [name for name in stack if name not in _OPTIONAL]
    return f"<{left[-1][:40]}> is not closed" if left else ""


def _tags(text: str) -> Iterator[tuple[str, str]]:
    at, lower = 0, text.lower()
    while (at := text.find("<", at)) >= 0:
        for begin, end in (("<!--", "-->"), ("<![cdata[", "]]>"), ("<!", ">"), ("<?", ">")):
            if lower.startswith(begin, at):
                at = lower.find(end, at + len(begin))
                if at < 0:
                    yield "wrong", f"{begin.upper()} is not ended"
                    return
                break
        else:
            closing = text.startswith("/", at + 1)
            name = _NAME.match(text, at + 1 + closing)
            if name is None:
                if closing:
                    yield "wrong", "</ is followed by no name"
                    return
                at += 1
                continue
            rest = _ATTRIBUTES.match(text, name.end())
            if rest is None:
                yield "wrong", f"the tag <{name[0][:40]} is not spelled right or not ended"
                return
            word = name[0].lower()
            at = rest.end()
            if rest[0].endswith("/>") and not closing:
                continue
            yield ("close" if closing else "open"), word
            if word in _RAW and not closing:
                at = lower.find(f"</{word}", at)
                if at < 0:
                    yield "wrong", f"<{word}> is not closed"
                    return


PARSERS: Mapping[str, Callable[[str], str]] = {"python": python, "json": json, "yaml": yaml, "xml": xml, "html": html}


def wrong(language: str, text: str) -> str:
    """Return what is wrong with a text in one of `PARSERS`' languages, "" if nothing is."""
    if len(text) > MAX_CODE:
        return f"it has more than {MAX_CODE:,} characters, which is not read"
    if language != "json" and nested(text) > MAX_NESTED:
        return f"its brackets are nested more than {MAX_NESTED} deep"
    return PARSERS[language](text)
