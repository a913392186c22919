"""
Views of a text that rules search instead of the raw text, each with a map back to raw offsets.

Two views, both made character by character, so that the view of a part is that part of the view:

- `normalise`: for terms. Width and compatibility forms (NFKD), case, look-alikes of Latin letters; white space of any
  kind is a space; invisible characters are left out.
- `plain`: for formats made of ASCII (addresses, keys, numbers). One ASCII character for each visible raw character:
  full-width and styled digits, dashes and spaces become their ASCII form, any other letter becomes `LETTER`, anything
  else `OTHER`.

A single invisible character is left out of a view. Two or more in a row are not: each becomes `OPAQUE` and breaks any
match, so that the raw width of a match is at most twice its width in the view, plus one. Rules report such a run, where
it splits what could be a match, as a match of its own (`hidden_runs`); no evasion passes by adding more of them.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

LETTER = "\x01"  # in a plain view: a letter, digit or mark outside ASCII
OTHER = "\x02"  # in a plain view: any other character outside ASCII
OPAQUE = "\ufffe"  # a noncharacter: stands for each character of a run of invisible ones
REPLACED = "\ufffd"  # stands for a lone surrogate, and is what a fix puts in the place of a hidden run
RIGHT = 2  # raw characters after a match that decide whether it ends there: one invisible, one visible
RUN = 16  # the longest part of a hidden run that one match covers

# Unicode 15 DerivedCoreProperties.txt, Default_Ignorable_Code_Point; control characters that no terminal or browser
# draws; interlinear marks; and the overlays U+0334..0338, which strike a letter through without changing it.
_INVISIBLE = (
    "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u0334-\u0338\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_IS_INVISIBLE = re.compile(f"[{_INVISIBLE}]")
_RUNS = re.compile(f"[{_INVISIBLE}]{{2,}}")

# Letters that look like a Latin one in both cases, so that folding keeps case-insensitive search consistent.
# Source: Unicode Technical Standard 39, confusables.txt; Cyrillic, Greek, Armenian and Latin extensions.
_LOOKALIKES = str.maketrans(
    "авекорсухіѕјһԁԛԝүӏ" + "αεικορτχβ" + "օ" + "ıɡɑ",
    "abekopcyxisjhdqwyl" + "aeikoptxb" + "o" + "iga",
)
del _LOOKALIKES[ord("в")]  # its small form looks like no Latin letter
_DASHES = frozenset("‐‑‒–—―−﹘﹣－")
_DOTS = frozenset("。．｡․")


class View(NamedTuple):
    """What is searched, and where each of its characters comes from."""

    text: str
    starts: Sequence[
        int
    ]  # raw offset at which view character i begins; one invisible character before it is part of it
    ends: Sequence[int]  # raw offset at which it ends


def invisible(char: str) -> bool:
    """Whether a reader can't see this one character."""
    return _IS_INVISIBLE.match(char) is not None


def visible(text: str) -> str:
    """Return the text without its invisible characters."""
    return _IS_INVISIBLE.sub("", text)


def word_char(char: str) -> bool:
    """Whether a view character belongs to a word: letters, digits, marks and the underscore of any script."""
    return char.isalnum() or char in ("_", LETTER) or unicodedata.category(char)[0] == "M"


def _folded(char: str, fold_case: bool) -> str:
    if invisible(char):
        return ""
    if "\ud800" <= char <= "\udfff":
        return REPLACED
    if char.isspace():
        return " "
    out = unicodedata.normalize("NFKD", char)
    if fold_case:
        out = "i" if char == "İ" else unicodedata.normalize("NFKD", out.casefold()).translate(_LOOKALIKES)
    return "".join(c for c in out if not invisible(c)) or " "


def _plain(char: str) -> str:
    if invisible(char):
        return ""
    if char.isascii():
        return char
    if char in _DASHES:
        return "-"
    if char in _DOTS:
        return "."
    out = unicodedata.normalize("NFKC", char)
    if len(out) == 1 and out.isascii():
        return out
    return LETTER if char.isalnum() or unicodedata.category(char)[0] == "M" else OTHER


_SPACES = str.maketrans("\t\n\v\f\r\x1c\x1d\x1e\x1f", " " * 9)
_TABLE_SIZE = 20_000  # entries kept; a text of more different characters than that is folded more slowly


class _Table(dict[int, str]):
    """A lazily filled table for str.translate."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if char == OPAQUE:
            out = OTHER if self.kind == "plain" else OPAQUE
        else:
            out = _plain(char) if self.kind == "plain" else _folded(char, self.kind == "fold")
        if len(self) < _TABLE_SIZE:
            self[code] = out
        return out


_PLAIN, _FOLD, _KEEP = _Table("plain"), _Table("fold"), _Table("keep")


def _view(text: str, table: _Table) -> View:
    text = text.replace(OPAQUE, "\uffff")  # the noncharacter itself, if a text holds it, is no marker
    hidden = _IS_INVISIBLE.search(text) is not None
    if not hidden and text.isascii():
        if table is not _PLAIN:
            text = (text.lower() if table is _FOLD else text).translate(_SPACES)
        return View(text, range(len(text)), range(1, len(text) + 1))
    if hidden:
        text = _RUNS.sub(lambda run: OPAQUE * len(run[0]), text)
    out = text.translate(table)
    if not hidden and all(len(table[ord(char)]) == 1 for char in set(text)):
        return View(out, range(len(text)), range(1, len(text) + 1))
    starts: list[int] = []
    ends: list[int] = []
    before = 0  # where a character starts that has one invisible one before it
    for at, char in enumerate(text):
        width = len(table[ord(char)])
        if width:
            starts += [before] * width
            ends += [at + 1] * width
            before = at + 1
            if char == OPAQUE:
                before = at  # what follows a run takes its last character along
    return View(out, starts, ends)


def normalise(text: str, *, fold_case: bool = True) -> View:
    """
    Return the view in which terms are searched.

    Args:
        text: Any text, lone surrogates included.
        fold_case: Whether case and look-alike letters are folded; width and invisible characters always are.
    """
    return _view(text, _FOLD if fold_case else _KEEP)


def plain(text: str) -> View:
    """Return the view in which formats made of ASCII are searched; every character of it is ASCII."""
    return _view(text, _PLAIN)


def trailing_run(text: str) -> int:
    """Return where the invisible characters at the end of `text` begin: len(text) if there are none."""
    at = len(text)
    while at and _IS_INVISIBLE.match(text, at - 1):
        at -= 1
    return at


class Hidden(NamedTuple):
    """A run of invisible characters in the middle of something: [start, end) is what a match reports."""

    start: int
    end: int
    before: str  # the visible raw character before the run
    after: str | None  # the visible raw character after it, "" at the end of the text; None: over RUN characters long


def hidden_runs(text: str, start: int = 0) -> Iterator[Hidden]:
    """
    Yield the runs of two or more invisible characters that begin at or after `start` behind a visible character.

    The last character of a run is not part of it: it belongs to what follows.
    """
    at = start
    while run := _RUNS.search(text, at):
        first, end = run.span()
        at = end
        if first == 0 or invisible(text[first - 1]):
            continue
        after = text[end : end + 1] if end - first <= RUN else None
        yield Hidden(first, min(end - 1, first + RUN), text[first - 1], after)
