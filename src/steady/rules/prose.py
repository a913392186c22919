"""What a text is made of: words, sentences, lines and paragraphs, and how each is counted."""

import re

import re2

from steady.rules.patterns import encode
from steady.types import Span

_UNIT = r"(?:\p{Nd}+(?:[.,]\p{Nd}+)+[\p{L}\p{M}\p{N}_]*|[\p{L}\p{M}\p{N}_]+)"
_WORD = re2.compile(rf"{_UNIT}(?:['’\-‐‑]{_UNIT})*")
# Most texts hold nothing but these; on them Python's own \w and \d say the same, ten times as fast.
_LATIN = re.compile("[\x00-\x7f\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u2010-\u2014\u2018-\u201f\u2026\u20ac]*+")
_LATIN_UNIT = r"(?:\d+(?:[.,]\d+)+\w*|\w+)"
_LATIN_WORD = re.compile(rf"{_LATIN_UNIT}(?:['’\-‐‑]{_LATIN_UNIT})*")
_EAST_ASIAN = re.compile("([\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])")

_END = re.compile(
    "(?<![.!?…‽؟۔।॥።])[.!?…‽؟۔।॥።]++[\"'”’»)\\]*_]*+(?=\\s|$)"  # before white space, closing marks between
    "|[。！？｡]++[\"'”’」』）]*+"  # needs no white space
    "|[\\r\\n]+"
)
_WORD_BEFORE = re.compile(r"[^\s(\[\"'“‘«]{1,20}$")
_ABBREVIATIONS = (
    "dr mr mrs ms prof sr jr st mt ft gen col lt sgt capt rev hon messrs mme mlle hr fr vs cf al approx dept est inc "
    "ltd e.g i.e z.b d.h u.a bzw ca vgl p.ex"
)
_TITLES = frozenset(_ABBREVIATIONS.split())
_BEFORE_NUMBER = ("no", "nr", "nos", "fig", "figs", "p", "pp", "vol", "art", "sec", "ch", "eq", "tab", "op", "num")

_DOTTED = re.compile(r"(?:\w\.)+\w")
_RUN = re2.compile(r"[\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{200c}\x{200d}]+")
_ASCII_RUN = re.compile(r"\w+", re.ASCII)  # the same, faster
_BLANK = re.compile(r"\n[^\S\n]*\n\s*")
_MARKED = re.compile(
    "(?<![.!?…‽؟۔।॥።])[.!?…‽؟۔।॥።]++[\"'”’»)\\]*]*+(?=\\s)"  # before white space, closing marks between
    "|[。！？｡]++[\"'”’」』）]*+"  # needs no white space
)


def words(text: str) -> int:
    """
    Return how many words a text has.

    A word is a run of letters, marks, digits and underscores of any script; an apostrophe or hyphen between two runs
    joins them, as do a point or comma between digits (`don't`, `well-known`, `1,000.5` are one each). Each Han,
    Hiragana or Katakana character is a word. Scripts written without spaces otherwise (Thai, Lao, Khmer) count by their
    spaces.
    """
    if _LATIN.fullmatch(text):
        return len(_LATIN_WORD.findall(text))
    return len(_WORD.findall(encode(_EAST_ASIAN.sub(r" \1 ", text))))


def sentences(text: str, by: str = "lines") -> list[Span]:
    """
    Return the sentences of a text, without the white space around them.

    A sentence ends at . ! ? … or another script's mark, with the closing quotes and brackets after it, before white
    space (East Asian marks need none), and at every line break. A point ends none after a title or abbreviation (`Dr.`,
    `e.g.`), after a single capital letter, after a number that begins a line (a list), nor after `No.`, `Fig.` and the
    like before a digit; dotted abbreviations (`U.S.`, `a.m.`) end one only before a line break. What holds no letter
    or digit is no sentence.

    Args:
        text: What is split.
        by: "lines", as said, or "marks": line breaks end no sentence, so that a list without marks is one. Dotted
            abbreviations then end one before a capital letter (`P.S. I`), and a single small letter ends none either.
    """
    out: list[Span] = []
    start = 0
    pattern = _END if by == "lines" else _MARKED
    ends = _ends if by == "lines" else _stops
    found = (hit.end() for hit in pattern.finditer(text) if ends(text, hit.start(), hit.end()))
    seen = 0  # what stands before it, from `start` on, holds no letter or digit
    for end in [*found, len(text)]:
        part, seen = text[seen:end], end
        if any(char.isalnum() for char in part):
            whole = text[start:end]
            bare = whole.strip()
            first = start + whole.index(bare[0])
            out.append(Span(first, first + len(bare)))
            start = end
        elif "\n" in part or "\r" in part:
            start = end
    return out


def _ends(text: str, at: int, end: int) -> bool:
    if text[at] != "." or text[at + 1 : at + 2] in (".", "!", "?"):
        return True
    before = _WORD_BEFORE.search(text, max(0, at - 20), at)
    word = before[0] if before else ""
    after = text[end : end + 2].strip(" ")[:1]
    if after in ("", "\n", "\r"):
        return True
    if word.casefold() in _TITLES or (word.casefold() in _BEFORE_NUMBER and after.isdigit()):
        return False
    if _numbers_a_line(text, before):
        return False
    return not ((len(word) == 1 and word.isupper()) or _DOTTED.fullmatch(word))


def _stops(text: str, at: int, end: int) -> bool:
    """The same where line breaks are white space like any other: after an abbreviation the next word decides."""
    if text[at] != "." or text[at + 1 : at + 2] in (".", "!", "?"):
        return True
    before = _WORD_BEFORE.search(text, max(0, at - 20), at)
    word = before[0] if before else ""
    following = text[end : end + 40].lstrip()[:1]
    if len(word) == 1 and word.isalpha():
        return False
    if _DOTTED.fullmatch(word):
        return following.isupper()
    if word.casefold() in _TITLES or (word.casefold() in _BEFORE_NUMBER and following.isdigit()):
        return not following
    return not _numbers_a_line(text, before)


def _numbers_a_line(text: str, before: "re.Match[str] | None") -> bool:
    """Whether the word before a point is a number at the beginning of its line: an item of a list."""
    if before is None or not before[0].isdigit() or len(before[0]) > 3:
        return False
    return text[max(0, before.start() - 40) : before.start()].rstrip(" \t")[-1:] in ("", "\n", "\r")


def runs(text: str) -> int:
    """Return how many unbroken runs of letters, marks, digits and underscores there are: `don't` is two."""
    return len(_ASCII_RUN.findall(text)) if text.isascii() else len(_RUN.findall(encode(text)))


def lines(text: str) -> int:
    """Return how many lines a text has that are not blank; a line ends at a line feed."""
    return sum(1 for line in text.split("\n") if line.strip())


def paragraphs(text: str, separator: str = "") -> list[Span]:
    """
    Return the paragraphs of a text, each without the white space around it.

    Args:
        text: What is split.
        separator: What stands between two paragraphs. "": one or more blank lines. White space: just that; parts that
            are blank are no paragraphs. Anything else: just that; a blank part at either end is none, while one between
            two separators is an empty paragraph, as a span of no width.
    """
    out, start = [], 0
    cuts = [m.span() for m in _BLANK.finditer(text)] if not separator else _places(text, separator)
    for first, end in [*cuts, (len(text), len(text))]:
        part = text[start:first]
        bare = part.strip()
        if bare:
            low = start + part.index(bare[0])
            out.append(Span(low, low + len(bare)))
        elif separator.strip() and start and first < len(text):
            out.append(Span(first, first))
        start = end
    return out


def _places(text: str, mark: str) -> list[tuple[int, int]]:
    out, at = [], text.find(mark)
    while at >= 0:
        out.append((at, at + len(mark)))
        at = text.find(mark, at + len(mark))
    return out
