"""
`no_invisible_text`: what a reader does not see and a machine reads.

Each character is judged by one character to its left and at most `TAIL` to its right, so that a part of a text and the
whole say the same. What is found is a run of invisible characters, in pieces of at most `PIECE`; a piece never leaves
fewer than `TAIL` behind, so that no end of a long run can pass for a legal short one.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from steady.rules.rule import EVERYWHERE, Match, Rule, Searching, Window
from steady.types import Surface

InvisibleKind = Literal["zero_width", "tags", "bidi", "ansi", "control", "variation"]
KINDS: tuple[InvisibleKind, ...] = ("zero_width", "tags", "bidi", "ansi", "control", "variation")
PIECE = 64  # characters of a run that one match covers
TAIL = 9  # a run's rest that is taken along
SEQUENCE = 128  # characters of one escape sequence of a terminal

# Unicode 15: Default_Ignorable_Code_Point and Bidi_Control, without the fillers that some keyboards type.
_OF_KIND: Mapping[str, str] = {
    "zero_width": "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2060-\u2064\u206a-\u206f\u3164\ufeff"
    "\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a",
    "tags": "\U000e0000-\U000e007f",
    "bidi": "\u202a-\u202e\u2066-\u2069",
    "ansi": "\x1b\x9b",
    "control": "\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9a\x9c-\x9f\ufffe\uffff",
    "variation": "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef",
}
_ESCAPE = re.compile(  # ECMA-48: control sequences, strings that end with BEL or ST, and two-character escapes
    rf"(?:\x1b\[|\x9b)[0-?]{{0,{SEQUENCE - 35}}}[ -/]{{0,32}}[@-~]"
    rf"|\x1b[\]P^_X][^\x07\x1b]{{0,{SEQUENCE - 4}}}(?:\x07|\x1b\\)"
    r"|\x1b[ -/]{0,4}[0-Z\\-~]|[\x1b\x9b]"
)
_JOINERS = "\u200c\u200d"
_MARKS = "\u200e\u200f\u061c"
_RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
# Scripts whose letters take joiners: Arabic and its kin, the Indic scripts, Khmer, Mongolian, Myanmar.
_JOINING = re.compile("[\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\ua840-\ua87f\ufb50-\ufdff\ufe70-\ufefc]")
_EMOJI = re.compile(
    "[\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff\U0001f1e6-\U0001f1ff]"
)  # the blocks that emoji are in
_FLAG = re.compile("[\U000e0030-\U000e0039\U000e0061-\U000e007a]{0,6}\U000e007f(?![\U000e0000-\U000e007f])")
_BASE = re.compile("[0-9#*\u00a9\u00ae\u1000-\u109f\u1820-\u18aa\u2010-\u9fff\uf900-\ufaff\U0001f000-\U0003ffff]")


_ALL = re.compile(f"[{''.join(_OF_KIND.values())}]")


def _legal(text: str, at: int) -> bool:
    """Whether an invisible character does what it is for: joins emoji or letters that join, chooses a form, ..."""
    char, left, right = text[at], text[at - 1 : at] if at else "", text[at + 1 : at + 2]
    if char in _JOINERS:
        letters = _JOINING.match(left) and (_JOINING.match(right) or (char == "\u200c" and right in ("", " ", "\n")))
        emoji = char == "\u200d" and (_EMOJI.match(left) or left == "\ufe0f") and _EMOJI.match(right)
        return bool(letters or emoji)
    if char in _MARKS:
        return bool(_RTL.match(left) or _RTL.match(right))
    if "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef" or "\u180b" <= char <= "\u180f":
        return bool(_BASE.match(left)) and not _ALL.match(left)
    if "\U000e0000" <= char <= "\U000e007f":
        return ("\U000e0000" <= left <= "\U000e007f" or left == "\U0001f3f4") and _FLAG.match(text, at) is not None
    return False


class _Invisible(Searching):
    """See NoInvisibleText."""

    reason = "The text holds characters that a reader does not see."

    def __init__(self, kinds: tuple[InvisibleKind, ...]) -> None:
        self.streams = Window(max(PIECE + TAIL, SEQUENCE), TAIL)
        self._kinds = {kind: re.compile(f"[{_OF_KIND[kind]}]") for kind in KINDS if kind in kinds}
        self._any = re.compile(f"[{''.join(_OF_KIND[kind] for kind in self._kinds)}]")
        run = "".join(chars for kind, chars in _OF_KIND.items() if kind in self._kinds and kind != "ansi")
        self._run = re.compile(f"[{run}]{{1,{PIECE + TAIL}}}") if run else None

    def find(self, text: str, start: int = 0) -> Iterator[Match]:
        """See Finder."""
        at = start
        while hit := self._any.search(text, at):
            first = hit.start()
            at = first + 1
            if hit[0] in "\x1b\x9b" and "ansi" in self._kinds:
                found = _ESCAPE.match(text, first)
                at = found.end() if found else at
                yield Match(first, at, "", "ansi")
            elif not _legal(text, first):
                found = self._run.match(text, first) if self._run else None
                if found:
                    at = found.end() if found.end() - first < PIECE + TAIL else first + PIECE
                label = next(kind for kind, chars in self._kinds.items() if chars.match(hit[0]))
                yield Match(first, at, "", label)


class NoInvisibleText(Rule, frozen=True, kw_only=True, tag="no_invisible_text"):
    """
    No characters that a reader does not see and a machine reads. A fix takes them away.

    - `zero_width`: blanks and joiners of no width, soft hyphens, fillers. Legal: joiners between emoji and between
      letters of scripts that join (Arabic, Devanagari, ...), direction marks beside right-to-left letters.
    - `tags`: the copy of ASCII at U+E0000, which spells hidden instructions. Legal: in flags (England, Scotland).
    - `bidi`: what turns the direction of text (U+202A to 202E, 2066 to 2069).
    - `ansi`: escape sequences of a terminal: colours, cursor, links, titles.
    - `control`: control characters but tabs and line breaks, and noncharacters.
    - `variation`: variation selectors in a row, or after a letter that has no variants, which carry hidden data.
    """

    example: ClassVar[Mapping[str, Any]] = {"on_fail": "fix"}
    default_on: ClassVar[tuple[Surface, ...]] = EVERYWHERE
    can_fix: ClassVar[bool] = True

    kinds: tuple[InvisibleKind, ...] = KINDS
    """What counts."""

    def build(self) -> _Invisible:
        """See Rule."""
        if not self.kinds:
            raise ValueError("`kinds` is empty: name at least one.")
        return _Invisible(self.kinds)

    def statement(self) -> str:
        """See Rule."""
        return "Do not use invisible characters, control characters or terminal escape sequences."
