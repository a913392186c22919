"""`punctuation`: marks that may not occur, quotation marks around the whole, and the mark at the end."""

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from steady.rules.rule import Constraint, Context, Match, Rule, Searching, Streams, Whole, Window, apply_edits, found
from steady.types import Edit, Finding, Piece, Span

_CLOSING = "\"'”’»)]}*_`"
_APOSTROPHES = "'’"
_SIGNS = "-−–±."  # a sign, a decimal mark: without it the number is another one
_THOUSANDS = re.compile(r"[0-9]{3}(?![0-9])")
_WITHIN_WORD = re.compile(r"(?<=\w)['’](?=\w)")
_OTHER_QUOTES = ("“”", "„“", "«»", "‘’", "''", "``", "「」")


class _Without(Searching):
    """
    A search for marks; each is taken out, or becomes a space where two words would run together.

    Taken out of a number a mark may change what the number is: `1,5` is not 15, `-5` not 5. Only what can stand between
    thousands (`1,000`, `1'000`) goes; for the others there is no fix.
    """

    def __init__(self, marks: tuple[str, ...]) -> None:
        self._marks = frozenset(marks)
        self.streams = Window(1, 4)
        self.reason = f"The text holds {' or '.join(map(repr, marks))}, which may not occur."

    def find(self, text: str, start: int = 0) -> Iterator[Match]:
        for at in range(start, len(text)):
            if text[at] in self._marks:
                yield Match(at, at + 1, self._instead(text, at))

    def _instead(self, text: str, at: int) -> str | None:
        before, after = text[at - 1 : at] if at else "", text[at + 1 : at + 2]
        if text[at] in "%‰" and before.isdigit():
            return None
        if after.isdigit() and before.isdigit():
            grouping = text[at] == "," or text[at] in _APOSTROPHES
            return "" if grouping and _THOUSANDS.match(text, at + 1) else None
        if after.isdigit() and text[at] in _SIGNS and not before.isalpha():
            return None
        if text[at] in _APOSTROPHES or not after or after in self._marks or not after.isalnum():
            return ""
        if before in self._marks:
            return " "
        return " " if before.isalnum() else ""


class _Punctuation:
    streams: Streams = Whole("the end is seen at the end")

    def __init__(self, rule: "Punctuation") -> None:
        self._without = _Without(rule.without) if rule.without else None
        self._quotation, self._ends = rule.quotation, rule.ends

    def judge(self, piece: Piece, context: Context) -> Finding:
        wrong: list[str] = []
        spans: tuple[Span, ...] = ()
        if self._without and not (finding := found(list(self._without.find(piece.text)), self._without.reason)).passed:
            wrong, spans = [finding.reason], finding.spans
        if self._quotation and not _quoted(piece.text):
            wrong.append("The whole text is not inside one pair of double quotation marks.")
        if self._ends and not self._ended(piece.text):
            wrong.append(f"The text does not end with {' or '.join(map(repr, self._ends))}.")
        return Finding(passed=not wrong, reason=" ".join(wrong), spans=spans)

    def _ended(self, text: str) -> bool:
        bare = text.rstrip()
        return bare.endswith(self._ends) or bare.rstrip(_CLOSING).endswith(self._ends)

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        text = piece.text
        if self.judge(piece, context).passed:
            return ()
        marks = list(self._marks(text))
        if any(match.replacement is None for match in marks):
            return None
        edits = {match.start: Edit(match.start, match.end, match.replacement or "") for match in marks}
        if self._ends and not self._ended(text) and (edit := self._end(text)):
            edits[edit.start] = edit
        if self._quotation and not _quoted(text):
            _wrap(text, edits)
        ordered = tuple(sorted(edits.values()))
        if any(first.end > then.start for first, then in itertools.pairwise(ordered)):
            return None
        mended = piece._replace(text=apply_edits(text, ordered))
        return ordered if ordered and self.judge(mended, context).passed else None

    def _marks(self, text: str) -> Iterator[Match]:
        return self._without.find(text) if self._without else iter(())

    def _end(self, text: str) -> Edit | None:
        """The mark put at the end: in the place of a comma, colon or dash, else after the last letter."""
        at = len(text.rstrip().rstrip(_CLOSING))
        if not at:
            return None
        if text[at - 1] in ",;:-–—":
            return Edit(at - 1, at, self._ends[0])
        return Edit(at, at, self._ends[0])


def _quoted(text: str) -> bool:
    bare = text.strip()
    return len(bare) > 1 and bare[0] == bare[-1] == '"'


def _around(bare: str, pair: str) -> bool:
    """Whether two marks at the ends are one pair around all, not the ends of two (`'a' and 'b'`) or of a code fence."""
    inner = _WITHIN_WORD.sub("", bare[1:-1])
    return len(bare) > 1 and pair[1] not in inner


def _wrap(text: str, edits: dict[int, Edit]) -> None:
    """Add to `edits` those that put double quotation marks around the text."""
    bare = text.strip()
    if not bare:
        return
    first = text.index(bare[0])
    last = first + len(bare) - 1
    if any(pair[0] == bare[0] and pair[1] == bare[-1] and _around(bare, pair) for pair in _OTHER_QUOTES):
        edits[first], edits[last] = Edit(first, first + 1, '"'), Edit(last, last + 1, '"')
        return
    if not (bare[0] == '"' and bare.count('"') % 2):
        at_start = edits.get(first)
        edits[first] = Edit(first, first, '"') if at_start is None else at_start._replace(text=f'"{at_start.text}')
    if not (bare[-1] == '"' and bare.count('"') % 2 and bare[0] != '"'):
        at_end = edits.pop(last, None) or edits.pop(last + 1, None)
        end = Edit(last + 1, last + 1, "") if at_end is None else at_end
        edits[end.start] = end._replace(text=f'{end.text}"')


class Punctuation(Rule, frozen=True, kw_only=True, tag="punctuation"):
    """
    Punctuation marks.

    A fix takes a forbidden mark out, and puts a space in its place only where two words would run together (`a,b`);
    where it would make another number (`1,5`, `-5`, `50%`; not `1,000`) there is none. It wraps the whole text in
    double quotation marks, in the place of other quotation marks around it; and it puts the first of `ends` at the
    end, in the place of a comma, colon or dash there.
    """

    example: ClassVar[Mapping[str, Any]] = {"without": [","], "on_fail": "fix"}
    can_fix: ClassVar[bool] = True

    without: tuple[str, ...] = ()
    """Marks that may not occur, each one character."""
    quotation: bool = False
    """Whether the whole text stands in double quotation marks (")."""
    ends: tuple[str, ...] = ()
    """Marks with which it may end; closing quotation marks, brackets and asterisks after them are looked past."""

    def build(self) -> "_Punctuation | _Without":
        """See Rule."""
        if not (self.without or self.quotation or self.ends):
            raise ValueError("`without`, `quotation` and `ends` say nothing: give one of them.")
        for field, marks in (("without", self.without), ("ends", self.ends)):
            for mark in marks:
                if len(mark) != 1 or mark.isalnum() or mark.isspace():
                    raise ValueError(f"`{field}` holds {mark!r}, which is not one punctuation mark.")
        if self.quotation and '"' in self.without:
            raise ValueError('`without` forbids ", which `quotation` needs: no text can satisfy both.')
        if self.ends and set(self.ends) <= set(self.without):
            raise ValueError("`without` forbids every mark of `ends`: no text can satisfy both.")
        return _Punctuation(self) if self.quotation or self.ends else _Without(self.without)

    def constraint(self) -> Constraint | None:
        """See Rule."""
        wrapped = ('"', '"') if self.quotation else None
        ends = self.ends[0] if len(self.ends) == 1 and not self.quotation else ""
        if not (self.without or wrapped or ends):
            return None
        return Constraint(without="".join(sorted(set(self.without))), wrapped=wrapped, ends=ends)

    def statement(self) -> str:
        """See Rule."""
        parts = []
        if self.without:
            parts.append(f"Do not use {' or '.join(map(repr, self.without))} anywhere.")
        if self.quotation:
            parts.append("Put the whole answer in double quotation marks.")
        if self.ends:
            parts.append(f"End the answer with {' or '.join(map(repr, self.ends))}.")
        return " ".join(parts)
