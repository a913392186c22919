"""The parts of a text's form that `format` counts: bullets, headings, sections, highlights, titles, tables, ..."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import re2

from steady.rules.patterns import encode
from steady.rules.prose import paragraphs
from steady.types import Span

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_RULE = re.compile(r"[^\S\n]*([-*_])(?:[^\S\n]*\1){2,}[^\S\n]*")
_NUMBERED = re.compile(r"[^\S\n]*\d{1,9}[.)][^\S\n]")
_HEADING = re.compile(r" {0,3}#{1,6}(?:[^\S\n]|$)")
_SINGLE = re.compile(r"\*[^\n*]*\*")
_DOUBLE = re.compile(r"\*\*[^\n*]*\*\*")
_PLACEHOLDER = re2.compile(r"\[[^\]\n]*\]")
_STOPS = frozenset(".,?!'\"")


class Line(NamedTuple):
    """One line of a text."""

    start: int  # in the text
    text: str  # without the line feed
    code: bool  # it stands inside a code fence, or is one


def lines_of(text: str) -> Iterator[Line]:
    """Yield the lines, told apart by whether they are code (CommonMark's fences)."""
    at, fence = 0, ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if not fence and mark and not (mark[1][0] == "`" and "`" in line[mark.end() :]):
            fence = mark[1]
            yield Line(at, line, True)
        elif fence:
            yield Line(at, line, True)
            if mark and mark[1].startswith(fence) and not line[mark.end() :].strip():
                fence = ""
        else:
            yield Line(at, line, False)
        at += len(line) + 1


def bullets(text: str, spaced: bool = True) -> list[Span]:
    """
    Return the marks of the lines that begin with * or -.

    Args:
        text: What is looked at.
        spaced: Whether white space must follow, as markdown has it; lines that only divide (`---`) and code then don't
            count. If not, every line that begins so counts, but for one that begins with two asterisks; a lone asterisk
            takes in the line below.
    """
    out, taken = [], False
    for line in lines_of(text):
        bare = line.text.lstrip()
        if taken or bare[:1] not in ("*", "-") or not bare:
            taken = False
            continue
        if spaced:
            counts = bare[1:2].isspace() and not line.code and not _RULE.fullmatch(line.text)
        else:
            taken = bare == "*"
            alone_at_end = bare == "*" and line.start + len(line.text) == len(text)
            counts = bare[0] == "-" or not (bare[1:2] == "*" or alone_at_end)
        if counts:
            at = line.start + len(line.text) - len(bare)
            out.append(Span(at, at + 1))
    return out


def numbered(text: str) -> list[Span]:
    """Return the beginnings of lines that are numbered: `1. ` or `1) `. Code does not count."""
    return _beginnings(text, _NUMBERED)


def headings(text: str) -> list[Span]:
    """Return the beginnings of markdown headings: one to six # and white space. Code does not count."""
    return _beginnings(text, _HEADING)


def _beginnings(text: str, pattern: "re.Pattern[str]") -> list[Span]:
    found = ((line.start, pattern.match(line.text)) for line in lines_of(text) if not line.code)
    return [Span(start, start + hit.end()) for start, hit in found if hit]


def sections(text: str, word: str) -> int:
    """Return how often the word stands with a number after it, at most one white space between: `SECTION 1`."""
    count, at = 0, text.find(word)
    while at >= 0:
        end = at + len(word)
        end += text[end : end + 1].isspace()
        count += text[end : end + 1].isdecimal()
        at = text.find(word, max(end, at + 1))
    return count


def highlights(text: str) -> int:
    """Return how many parts stand between asterisks on one line, single or double, with something inside."""
    single = sum(1 for hit in _SINGLE.finditer(text) if hit[0].strip("*").strip())
    return single + sum(1 for hit in _DOUBLE.finditer(text) if hit[0][2:-2].strip())


def titles(text: str) -> list[Span]:
    """Return the titles: what a line has in double angle brackets, <<so>>, if there is something inside."""
    out, at = [], 0
    for line in text.split("\n"):
        low, high = line.find("<<"), line.rfind(">>")
        if 0 <= low <= high - 3 and line[low : high + 2].lstrip("<").rstrip(">").strip():
            out.append(Span(at + low, at + high + 2))
        at += len(line) + 1
    return out


def placeholders(text: str) -> int:
    """Return how many parts of a line stand in square brackets: [name]."""
    return len(_PLACEHOLDER.findall(encode(text)))


def postscript(text: str, mark: str) -> int:
    """Return where a postscript's mark stands, or -1: in any case, with or without white space after its points."""
    pattern = r"\s?".join(re.escape(part) for part in re.findall(r"[^.]+\.?|\.", mark.lower()))
    found = re.search(pattern, text.lower())
    return found.start() if found else -1


def parts(text: str, separator: str) -> tuple[list[str], bool]:
    """Return what stands between the separators, blank ends left out, and whether a part in the middle is blank."""
    split = text.split(separator)
    blank = any(not part.strip() for part in split[1:-1])
    return [part.strip() for part in split if part.strip()], blank


def first_word(text: str) -> str:
    """Return the first word in small letters: without quotation marks before it, up to a mark such as . , ? !"""
    word = (text.split(maxsplit=1) or [""])[0].lstrip("'").lstrip('"')
    end = next((at for at, char in enumerate(word) if char in _STOPS), len(word))
    return word[:end].lower()


def paragraph_start(text: str, number: int, separator: str) -> str:
    """Return the first word of a paragraph, counted from 1, or nothing where there are fewer."""
    found = paragraphs(text, separator)
    return first_word(text[found[number - 1].start : found[number - 1].end]) if number <= len(found) else ""


class Table(NamedTuple):
    """A markdown table."""

    start: int  # of its first line
    widths: tuple[int, ...]  # cells of each row: header, division, body


def tables(text: str) -> list[Table]:
    """Return the markdown tables: a row of cells, a row of dashes below it, and the rows that follow (GFM)."""
    out: list[Table] = []
    rows = list(lines_of(text))
    at = 1
    while at < len(rows):
        division = rows[at]
        header = rows[at - 1]
        if division.code or header.code or not _divides(division.text) or not header.text.strip():
            at += 1
            continue
        end = at + 1
        while end < len(rows) and rows[end].text.strip() and not rows[end].code and "|" in rows[end].text:
            end += 1
        if "|" in header.text:
            out.append(Table(header.start, tuple(cells(row.text) for row in rows[at - 1 : end])))
        at = end + 1
    return out


def _divides(line: str) -> bool:
    return "|" in line and "-" in line and not line.strip(" \t|:-")


def cells(row: str) -> int:
    """Return how many cells a row has; a pipe after a backslash, or in a code span, parts none."""
    bare = row.strip()
    bare = bare.removeprefix("|")
    count, code, escaped = 1, False, False
    for char in bare:
        if char == "`" and not escaped:
            code = not code
        elif char == "|" and not escaped and not code:
            count += 1
        escaped = char == "\\" and not escaped
    return count - (bare.endswith("|") and not bare.endswith("\\|"))


def faults(text: str) -> list[tuple[str, int]]:
    """Return what is not well-formed markdown, with its place: an open fence, an open link, an uneven table."""
    out: list[tuple[str, int]] = []
    opened = open_fence(text)
    if opened is not None:
        out.append(("a code fence is never closed", opened[1]))
    for line in lines_of(text):
        if not line.code:
            out += [(why, line.start + at) for why, at in _open_links(line.text)]
    out += [
        ("a table has rows of different widths", table.start) for table in tables(text) if len(set(table.widths)) > 1
    ]
    return sorted(out, key=lambda fault: fault[1])


def open_fence(text: str) -> tuple[str, int] | None:
    """Return the fence that is never closed and where it stands, or None."""
    fence, where, at = "", 0, 0
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if not fence and mark and not (mark[1][0] == "`" and "`" in line[mark.end() :]):
            fence, where = mark[1], at
        elif fence and mark and mark[1].startswith(fence) and not line[mark.end() :].strip():
            fence = ""
        at += len(line) + 1
    return (fence, where) if fence else None


def _open_links(line: str) -> Iterator[tuple[str, int]]:
    """Links of a line whose address is never closed, or is empty."""
    if "](" not in line:
        return
    opened: list[int] = []
    for at, char in enumerate(line):
        if char == "(":
            opened.append(at)
        elif char == ")" and opened:
            start = opened.pop()
            if start + 1 == at and line[start - 1 : start] == "]":
                yield "a link has no address", start - 1
    yield from (("a link's address is never closed", at - 1) for at in opened if line[at - 1 : at] == "]")
