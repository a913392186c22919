"""
Other spellings of the same form: what `format` may change about a text, which is marks, white space and separators.

Each function yields ways to respell a text, as edits, the least first; the rule takes the first after which it passes.
No word is added, changed or taken away, but for the mark that opens a section or a postscript, which is respelled.
"""

import itertools
import re
from collections.abc import Iterator

from steady.rules.format_parts import Line, lines_of, open_fence
from steady.rules.prose import paragraphs
from steady.types import Edit

Edits = tuple[Edit, ...]

_OTHER_BULLET = re.compile(r"[^\S\n]*([•‣◦▪●○∙·+–—■□➢✓✔►▶])[^\S\n]*(?=\S)")
_TIGHT_BULLET = re.compile(r"[^\S\n]*([*-])(?=[^\s*-])")
_NUMBER = re.compile(r"[^\S\n]*(\d{1,9}[.)])[^\S\n]+(?=\S)")
_BULLET = re.compile(r"[^\S\n]*([*-])[^\S\n]+(?=\S)")
_TIGHT_HEADING = re.compile(r" {0,3}(#{1,6})(?=[^#\s])")
_BOLD_LINE = re.compile(r"[^\S\n]*(\*\*)(?=[^\s*])[^*\n]*(\*\*)[^\S\n]*:?[^\S\n]*")
_EMPHASIS = re.compile(r"(?<![\w_])(__?)(?=[^\s_])[^_\n]{1,500}?(?<=[^\s_])\1(?![\w_])")
_TAGS = re.compile(r"<(b|strong|i|em)>([^<>\n*]{1,500})</\1>", re.IGNORECASE)
_BRACED = re.compile(r"\{\{?([\w .'’/-]{1,60})\}\}?|<([A-Za-z][\w .'’/-]{0,59})>(?!>)|【([^】\n]{1,60})】")
_TITLE_LINE = re.compile(
    r"[^\S\n]*(?:#{1,6}[^\S\n]+)?(?:\*\*)?(?:title[^\S\n]*:[^\S\n]*)?(?:\*\*)?[\"“«<]?"
    r"(?P<title>[^\n]*?)[\"”»>]?(?:\*\*)?[^\S\n]*",
    re.IGNORECASE,
)
_DIVIDER = re.compile(r"[^\S\n]*([-*_=~#•])(?:[^\S\n]*\1){2,}[^\S\n]*")
_SAID_TITLE = 120  # characters of a line that can be a title


def _lines(text: str) -> Iterator[Line]:
    return (line for line in lines_of(text) if not line.code)


def bullet_edits(text: str) -> Iterator[Edits]:
    """Other marks made bullets; then numbers too."""
    mark = "-" if re.search(r"^[^\S\n]*- ", text, re.MULTILINE) else "*"
    marks, numbers = [], []
    for line in _lines(text):
        hit = _OTHER_BULLET.match(line.text) or _TIGHT_BULLET.match(line.text)
        if hit:
            marks.append(Edit(line.start + hit.start(1), line.start + hit.end(), f"{mark} "))
        elif hit := _NUMBER.match(line.text):
            numbers.append(Edit(line.start + hit.start(1), line.start + hit.end(), f"{mark} "))
    yield tuple(marks)
    yield tuple(numbers)
    yield tuple(sorted([*marks, *numbers]))


def number_edits(text: str) -> Iterator[Edits]:
    """Bullets made numbers, each list counted from 1."""
    out, number = [], 0
    for line in _lines(text):
        hit = _BULLET.match(line.text) or _OTHER_BULLET.match(line.text)
        if hit and not _DIVIDER.fullmatch(line.text):
            number += 1
            out.append(Edit(line.start + hit.start(1), line.start + hit.end(), f"{number}. "))
        elif line.text.strip():
            number = 0
    yield tuple(out)


def heading_edits(text: str) -> Iterator[Edits]:
    """White space after the #; then lines that are wholly bold made headings."""
    tight, bold = [], []
    for line in _lines(text):
        if hit := _TIGHT_HEADING.match(line.text):
            tight.append(Edit(line.start + hit.end(1), line.start + hit.end(1), " "))
        elif hit := _BOLD_LINE.fullmatch(line.text):
            bold += [
                Edit(line.start + hit.start(1), line.start + hit.end(1), "## "),
                Edit(line.start + hit.start(2), line.start + hit.end(2), ""),
            ]
    yield tuple(tight)
    yield tuple(bold)
    yield tuple(sorted([*tight, *bold]))


def section_edits(text: str, word: str) -> Iterator[Edits]:
    """The word in its own case wherever a number follows: `Section 1` made `SECTION 1`."""
    pattern = re.compile(rf"(?<!\w)({re.escape(word)})(?=\s?\d)", re.IGNORECASE)
    hits = (hit for hit in pattern.finditer(text) if hit[1] != word)
    yield tuple(Edit(hit.start(1), hit.end(1), word) for hit in hits)


def highlight_edits(text: str) -> Iterator[Edits]:
    """Underscores and HTML tags for emphasis made asterisks."""
    out = []
    for hit in _EMPHASIS.finditer(text):
        stars = "*" * len(hit[1])
        out += [Edit(hit.start(), hit.end(1), stars), Edit(hit.end() - len(stars), hit.end(), stars)]
    for hit in _TAGS.finditer(text):
        stars = "**" if hit[1].lower() in ("b", "strong") else "*"
        out += [Edit(hit.start(), hit.start(2), stars), Edit(hit.end(2), hit.end(), stars)]
    out.sort()
    if all(before.end <= after.start for before, after in itertools.pairwise(out)):
        yield tuple(out)


def placeholder_edits(text: str) -> Iterator[Edits]:
    """{name}, {{name}}, <name> and 【name】 made [name]."""
    out = []
    for hit in _BRACED.finditer(text):
        inside = next(part for part in hit.groups() if part is not None)
        out.append(Edit(hit.start(), hit.end(), f"[{inside}]"))
    yield tuple(out)


def title_edits(text: str) -> Iterator[Edits]:
    """The first line, if it looks like a title (a heading, all bold, quoted, or `Title: ...`), in double brackets."""
    first = next((line for line in lines_of(text) if line.text.strip()), None)
    if first is None or first.code or len(first.text) > _SAID_TITLE:
        return
    hit = _TITLE_LINE.fullmatch(first.text)
    title = hit["title"].strip(' \t*"“”«»<>') if hit else ""
    if hit and title and title != first.text.strip():
        at = first.text.index(title)
        bare = first.text.strip()
        start = first.start + first.text.index(bare[0])
        yield (Edit(start, first.start + at, "<<"), Edit(first.start + at + len(title), start + len(bare), ">>"))


def postscript_edits(text: str, mark: str) -> Iterator[Edits]:
    """`PS:`, `P.S:` or `Ps.` at the beginning of a line, spelled as the mark."""
    letters = [char for char in mark if char.isalpha()]
    pattern = re.compile(r"^[^\S\n]*\**(" + r"\.?[^\S\n]?".join(letters) + r"(?:\.|(?=\s*:)|(?=\s)))", re.I | re.M)
    hits = list(pattern.finditer(text))
    if hits:
        yield (Edit(hits[-1].start(1), hits[-1].end(1), mark),)


def fence_edits(text: str, cut: bool) -> Iterator[Edits]:
    """A code fence that is never closed, closed at the end; not where the text was cut off."""
    opened = open_fence(text)
    if opened is not None and not cut:
        yield (Edit(len(text), len(text), f"{'' if text.endswith(chr(10)) else chr(10)}{opened[0]}"),)


def response_edits(text: str, separator: str) -> Iterator[Edits]:
    """Lines that only divide made the separator."""
    out = []
    for line in _lines(text):
        if line.text.strip() != separator and _DIVIDER.fullmatch(line.text):
            out.append(Edit(line.start, line.start + len(line.text), separator))
    yield tuple(out)


def table_edits(text: str) -> Iterator[Edits]:
    """The row of dashes below the header of a table that lacks it."""
    lines = list(lines_of(text))
    for line, after in itertools.pairwise(lines):
        width = line.text.count("|") - 1
        piped = line.text.strip().startswith("|") and line.text.strip().endswith("|")
        if not line.code and piped and width > 0 and after.text.count("|") == width + 1:
            at = line.start + len(line.text)
            yield (Edit(at, at, "\n|" + " --- |" * width),)
            return


def start_edits(text: str, separator: str) -> Iterator[Edits]:
    """White space between paragraphs made just the separator, where that is white space."""
    if separator.strip():
        return
    between = separator or "\n\n"
    spans = paragraphs(text)
    out = [
        Edit(before.end, after.start, between)
        for before, after in itertools.pairwise(spans)
        if text[before.end : after.start] != between
    ]
    if spans and spans[0].start and text[: spans[0].start].strip() == "":
        out.insert(0, Edit(0, spans[0].start, ""))
    yield tuple(out)
