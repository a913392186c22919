"""`case`: capital and small letters, their share, and words that are wholly in capitals."""

import re
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct

from steady.rules.length import Bounds
from steady.rules.rule import Constraint, Context, Prefix, Rule, Streams, Whole, apply_edits
from steady.types import Edit, Finding, Piece, Span

# Words as the Penn Treebank cuts them (Marcus et al. 1993), as far as it matters for capitals: marks stand apart, a
# apostrophe divides ("I'm" is "I" and "'m"), hyphens, slashes and points inside do not.
_TOKEN = re.compile(r"[^\s()\[\]{}<>\"“”«»‘`,:;@#$%&?!*\u2012-\u2015'’|~=+^\\…]+")
_DASHES = re.compile(r"-{2,}")
_JOINED = re.compile(r"(?:(CAN)(NOT)|(GIM|LEM)(ME)|(GON|WAN)(NA)|(GOT)(TA))")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_JOINING = (
    "a an and as at but by en for from if in into nor of off on onto or out over per so than the to up upon via vs with"
)
_SMALL = frozenset(_JOINING.split())
_LONG = 4  # letters of a word that a fix puts into capitals


class Share(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """From `min` to `max`, both included, of 0 to 1; either may be left out."""

    min: Annotated[float, Meta(ge=0, le=1)] | None = None
    max: Annotated[float, Meta(ge=0, le=1)] | None = None


def capital_words(text: str) -> list[Span]:
    """
    Return the words that are wholly in capitals: at least one letter with case, and none that is small.

    `I` and `A` count, so do `U.S.` and `COVID-19`; `I'm` holds one (`I`). `CANNOT` is two, as the Penn Treebank has it.
    """
    out = []
    for token in _TOKEN.finditer(text):
        for start, end in _parts(token[0]):
            low, high = token.start() + start, token.start() + end
            if not text[low:high].isupper():
                continue
            joined = _JOINED.fullmatch(text, low, high)
            if joined:
                cut = low + len(next(part for part in joined.groups() if part))
                out += [Span(low, cut), Span(cut, high)]
            else:
                out.append(Span(low, high))
    return out


def _parts(token: str) -> Iterator[tuple[int, int]]:
    at = 0
    for dashes in _DASHES.finditer(token):
        yield at, dashes.start()
        at = dashes.end()
    yield at, len(token)


def _wrong(letters: str, text: str) -> Iterator[int]:
    """Where letters stand in the wrong case."""
    if letters == "title":
        yield from _small_starts(text)
        return
    for at, char in enumerate(text):
        bad = char.isupper() if letters == "lower" else char.islower()
        if bad or (char.istitle() and not char.isupper()):
            yield at


def _small_starts(text: str) -> Iterator[int]:
    line_start = True
    at = 0
    for word in _WORD.finditer(text):
        line_start = line_start or "\n" in text[at : word.start()]
        at = word.end()
        if word[0][0].islower() and (line_start or word[0].casefold() not in _SMALL):
            yield word.start()
        line_start = False


def _turned(text: str, places: Iterator[int], turn: Callable[[str], str]) -> tuple[Edit, ...]:
    """The edits that turn the letters at these places, neighbours in one."""
    out: list[Edit] = []
    for at in places:
        new = turn(text[at])
        if new == text[at]:
            continue
        if out and out[-1].end == at:
            out[-1] = out[-1]._replace(end=at + 1, text=out[-1].text + new)
        else:
            out.append(Edit(at, at + 1, new))
    return tuple(out)


class _Case:
    def __init__(self, rule: "Case", streams: Streams) -> None:
        self.streams = streams
        self._letters = rule.letters
        self._share = rule.capitals
        self._words = rule.capital_words

    def judge(self, piece: Piece, context: Context) -> Finding:
        wrong, spans = [], []
        if self._letters and (at := next(_wrong(self._letters, piece.text), None)) is not None:
            wrong.append(f"the first letter in the wrong case is character {at + 1}; {self._letters} case is wanted")
            spans.append(Span(at, at + 1))
        if self._share and (reason := _share_wrong(self._share, piece.text)):
            wrong.append(reason)
        if self._words:
            count, low, high = len(capital_words(piece.text)), self._words.min or 0, self._words.max
            if count < low:
                wrong.append(f"{count} words are wholly in capitals, at least {low} needed")
            if high is not None and count > high:
                wrong.append(f"{count} words are wholly in capitals, at most {high} allowed")
        reason = "; ".join(wrong)
        return Finding(
            passed=not wrong, reason=f"{reason[:1].upper()}{reason[1:]}." if wrong else "", spans=tuple(spans)
        )

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        if self.judge(piece, context).passed:
            return ()
        for edits in self._tries(piece.text):
            if self.judge(piece._replace(text=apply_edits(piece.text, edits)), context).passed:
                return edits
        return None

    def _tries(self, text: str) -> Iterator[tuple[Edit, ...]]:
        if self._letters == "lower":
            yield _turned(text, _wrong("lower", text), str.lower)
        elif self._letters:
            yield _turned(text, _wrong(self._letters, text), str.upper)
        if self._words and not self._letters:
            count = len(capital_words(text))
            if count < (self._words.min or 0):
                yield _raised(text, (self._words.min or 0) - count)
            elif self._words.max is not None and count > self._words.max:
                yield _lowered(text, count - self._words.max)


def _share_wrong(share: Share, text: str) -> str:
    capital = sum(1 for char in text if char.isupper())
    small = sum(1 for char in text if char.islower())
    if not capital + small:
        return ""
    is_now = Fraction(capital, capital + small)
    if share.min is not None and is_now < Fraction(str(share.min)):
        return f"{capital} of {capital + small} letters are capital, a share of at least {share.min} is needed"
    if share.max is not None and is_now > Fraction(str(share.max)):
        return f"{capital} of {capital + small} letters are capital, a share of at most {share.max} is allowed"
    return ""


def _raised(text: str, count: int) -> tuple[Edit, ...]:
    """The first words of four letters or more, put into capitals."""
    chosen: list[int] = []
    for word in _WORD.finditer(text):
        if count and len(word[0]) >= _LONG and not word[0].isupper() and capital_words(word[0].upper()):
            chosen += range(word.start(), word.end())
            count -= 1
    return _turned(text, iter(chosen), str.upper)


def _lowered(text: str, count: int) -> tuple[Edit, ...]:
    """The last words in capitals, put into small letters but for their first; those of one letter wholly."""
    chosen: list[int] = []
    for span in capital_words(text)[-count:]:
        letters = [at for at in range(span.start, span.end) if text[at].isupper()]
        chosen += letters[1:] or letters
    return _turned(text, iter(chosen), str.lower)


class Case(Rule, frozen=True, kw_only=True, tag="case"):
    """
    The case of letters. Letters without case (Chinese, Arabic, Hindi) satisfy every demand.

    `title`: each word begins with a capital, but for short joining words (`a`, `of`, `the`) that don't begin a line.

    A fix changes case and nothing else: all letters for `letters`; for `capital_words` the first words of four letters
    or more are put into capitals, or the last words in capitals into small letters.
    """

    example: ClassVar[Mapping[str, Any]] = {"letters": "lower"}
    can_fix: ClassVar[bool] = True

    letters: Literal["", "lower", "upper", "title"] = ""
    """The case of all letters: `lower`, `upper`, or `title` for the first of each word."""
    capitals: Share | None = None
    """Which share of the letters that have case may be capital, from 0 to 1."""
    capital_words: Bounds | None = None
    """How many words may be wholly in capitals; `I` is one, `I'm` holds one."""

    def build(self) -> _Case:
        """See Rule."""
        if not self.letters and not any(
            bounds and (bounds.min or bounds.max is not None) for bounds in (self.capitals, self.capital_words)
        ):
            raise ValueError("`letters`, `capitals` and `capital_words` say nothing: give one of them.")
        for field, bounds in (("capitals", self.capitals), ("capital_words", self.capital_words)):
            if bounds and bounds.min is not None and bounds.max is not None and bounds.min > bounds.max:
                raise ValueError(
                    f"`{field}.min` {bounds.min} is over `{field}.max` {bounds.max}: no text can meet both."
                )
        return _Case(self, self._streams())

    def _streams(self) -> Streams:
        if self.capitals or self.capital_words:
            return Whole("capitals can be counted only in the whole text")
        if self.letters == "title":
            return Whole("whether a word is a short one is seen at its end")
        if self.on_fail in ("fix", "fix_reask"):
            return Whole("its fix changes text that would have been released")
        return Prefix(0)

    def constraint(self) -> Constraint | None:
        """See Rule."""
        letters = self.letters if self.letters in ("lower", "upper") else ""
        words = None if self.capital_words is None else (self.capital_words.min or 0, self.capital_words.max)
        return Constraint(letters=letters, capitals=words) if letters or words else None

    def statement(self) -> str:
        """See Rule."""
        how = {"lower": "small letters only", "upper": "capital letters only", "title": "title case"}
        parts = [f"Write the answer in {how[self.letters]}."] if self.letters else []
        for bounds, what in ((self.capitals, "of the letters must be capital"), (self.capital_words, "")):
            if bounds is None:
                continue
            said = [f"at least {bounds.min:g}"] if bounds.min else []
            said += [f"at most {bounds.max:g}"] if bounds.max is not None else []
            if what:
                parts.append(f"A share of {' and '.join(said)} {what}.")
            else:
                parts.append(f"The answer must have {' and '.join(said)} words wholly in capital letters.")
        return " ".join(parts)
