"""`regex` and `not_regex`: patterns that a user writes, in RE2, whose time is linear in the text."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import re2
from msgspec import Meta

from steady.rules.partial import at_end
from steady.rules.rule import Context, Match, Rule, Searching, Streams, Whole, Window, apply_edits
from steady.rules.width import Shape, shape
from steady.types import Edit, Finding, Piece, Span

WORK = 300_000_000  # bytes times matches after which a search gives up listing matches: what keeps it linear
FEWEST = 100  # matches listed in any case
_BOUNDARIES = {"\\b", "\\B"}


def compile_pattern(pattern: str) -> "re2._Regexp[str]":
    """Return a user's pattern compiled. Raises ValueError that says what RE2 refuses and what to write instead."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as error:
        why = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise ValueError(
            f"`pattern` is not a linear-time pattern: {why}. RE2 has no lookaround, no backreferences, no possessive "
            "or atomic groups and no count above 1000; write what may stand there itself, or use two rules."
        ) from None


def encode(text: str) -> bytes:
    """Return UTF-8 in which each lone surrogate has become U+FFFD, so that offsets in characters hold."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text).encode()


class Search:
    """
    All matches of one compiled pattern, in characters. Matches of no width do not count.

    Args:
        pattern: What to search.
        bounded: Whether a match has a bounded width. If not, one search may read the whole rest of the text, and the
            number of matches listed is bounded by `WORK`.
    """

    def __init__(self, pattern: "re2._Regexp[str]", *, bounded: bool) -> None:
        self._pattern = pattern
        self._bounded = bounded

    def spans(self, text: str, start: int = 0) -> Iterator[Span]:
        """Yield the matches from `start` on, leftmost first, none overlapping."""
        data = encode(text)
        at = start if len(data) == len(text) else len(encode(text[:start]))
        seen, characters = at, start  # the byte and character offset counted so far
        left = len(data) if self._bounded else max(FEWEST, WORK // (len(data) + 1))
        while at <= len(data) and left and (hit := self._pattern.search(data, at)):
            first, end = hit.span()
            if first == end:
                at = end + 1
                continue
            low = characters + _length(data, seen, first)
            high = low + _length(data, first, end)
            yield Span(low, high)
            at, seen, characters, left = end, end, high, left - 1


def _length(data: bytes, start: int, end: int) -> int:
    part = data[start:end]
    return len(part) if part.isascii() else len(part.decode())


class _MustMatch:
    streams: Streams = Whole("a match may come at the very end")

    def __init__(self, pattern: str, full: bool) -> None:
        compiled = compile_pattern(pattern)
        self._search = None if full else Search(compiled, bounded=False)
        self._pattern = compiled
        self.seeks = not full
        self._reason = f"The text {'as a whole does' if full else 'does'} not match {pattern!r}."

    def judge(self, piece: Piece, context: Context) -> Finding:
        if self._search is None:
            passed = self._pattern.fullmatch(encode(piece.text)) is not None
        else:
            passed = any(True for _ in self._search.spans(piece.text))
        return Finding(passed=True) if passed else Finding(passed=False, reason=self._reason)

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        return () if self.judge(piece, context).passed else None


class Regex(Rule, frozen=True, kw_only=True, tag="regex"):
    """A pattern must match somewhere in the text, or the whole text. A match of no width is none, unless `full`."""

    example: ClassVar[Mapping[str, Any]] = {"pattern": "^Dear "}
    pattern: Annotated[str, Meta(min_length=1)]
    """An RE2 pattern (https://github.com/google/re2/wiki/Syntax); `\\w`, `\\d` and `\\b` know ASCII only."""
    full: bool = False
    """Whether the pattern must cover the whole text."""

    def build(self) -> _MustMatch:
        """See Rule."""
        return _MustMatch(self.pattern, self.full)

    def statement(self) -> str:
        """See Rule."""
        whole = "The whole answer must" if self.full else "The answer must"
        return f"{whole} match the regular expression {self.pattern}"


class _MustNotMatch(Searching):
    def __init__(self, pattern: str, replace: str | None) -> None:
        self._compiled = compile_pattern(pattern)
        self._begun = _begun(pattern)
        known = shape(pattern)
        self._search = Search(self._compiled, bounded=known is not None and known.widest is not None)
        self._replace = replace
        self.reason = f"The text matches {pattern!r}, which is forbidden."
        if known is None or known.widest is None:
            self.streams: Streams = Whole(f"pattern {pattern!r} has no bounded width")
        elif replace is not None and not self._separates(pattern, replace, known):
            self.streams = Whole(f"{replace!r} may form what {pattern!r} forbids, so that a fix is searched again")
        else:
            self.streams = Window(max(known.widest, 1), 1)

    def _separates(self, pattern: str, replace: str, known: Shape) -> bool:
        """
        Whether no text, once fixed, can match again, whatever stands beside the replacement.

        So it is where the replacement holds no match, its outer characters can be in none, and no assertion changes
        its mind: word boundaries only at both ends of the pattern, outer characters that are neither word characters
        nor line breaks.
        """
        if not replace or any(True for _ in self._search.spans(replace)):
            return False
        outer = {replace[0], replace[-1]}
        if any(char.isalnum() or char in "_\n" for char in outer) or any(
            _may_hold(atom, outer) for atom in known.atoms
        ):
            return False
        if not known.asserts & _BOUNDARIES:
            return True
        plain = known.branches == 1 and "\\B" not in known.asserts and pattern.count("\\b") == 2
        return plain and pattern.startswith("\\b") and pattern.endswith("\\b") and not pattern.endswith("\\\\b")

    def find(self, text: str, start: int = 0) -> Iterator[Match]:
        for span in self._search.spans(text, start):
            yield Match(span.start, span.end, self._replace)

    def open(self, text: str, start: int = 0) -> int:
        """See Finder."""
        if self._begun is None or not isinstance(self.streams, Window):
            return super().open(text, start)
        base = max(0, start - 1)
        part = text[base:]
        data = encode(part)
        place = self._begins(data, len(encode(part[: start - base])))
        for match in self._search.spans(part, start - base):
            end = len(encode(part[: match.end]))
            if end > place:
                if len(encode(part[: match.start])) >= place:
                    break
                place = self._begins(data, end)  # what begins inside a match is none itself
        return max(super().open(text, start), base + _length(data, 0, place))

    def _begins(self, data: bytes, at: int) -> int:
        """Return the first place from which the rest is the beginning of a match; the end always is one."""
        hit = self._begun.search(data, at) if self._begun else None
        return hit.start() if hit else len(data)

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        edits = super().fix(piece, context)
        if not edits:
            return edits
        after = apply_edits(piece.text, edits)
        return None if any(True for _ in self._search.spans(after)) else edits


def _begun(pattern: str) -> "re2._Regexp[str] | None":
    """Return what a match of `pattern` may begin with, up to the end of a text, or None where it can't be told."""
    source = at_end(pattern)
    if source is None:
        return None
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(source, options)
    except re2.error:  # it takes more memory than a pattern may
        return None


def _may_hold(atom: str, chars: set[str]) -> bool:
    """Whether the atom, under any flags, can be one of `chars`; if in doubt, yes."""
    options = re2.Options()
    options.log_errors = False
    for flags in ("", "(?s)", "(?i)", "(?is)"):
        try:
            compiled = re2.compile(flags + atom, options)
        except re2.error:
            return True
        if any(compiled.fullmatch(encode(char)) for char in chars):
            return True
    return False


class NotRegex(Rule, frozen=True, kw_only=True, tag="not_regex"):
    """
    A pattern must match nowhere. Matches of no width do not count.

    A pattern of bounded width streams. With `replace` it streams only where the replacement can't form a match with
    what stands beside it; where a fixed text would match again, there is no fix. In a very long text with very many
    matches of a pattern of no bounded width (more than 100, and matches times bytes above 300 million) the first ones
    count and there is no fix.
    """

    example: ClassVar[Mapping[str, Any]] = {"pattern": "(?i)as an ai", "on_fail": "reask"}
    can_fix: ClassVar[bool] = True

    pattern: Annotated[str, Meta(min_length=1)]
    """An RE2 pattern (https://github.com/google/re2/wiki/Syntax); `\\w`, `\\d` and `\\b` know ASCII only."""
    replace: str | None = None
    """What a fix puts in the place of each match, literally; none: there is no fix."""

    def build(self) -> _MustNotMatch:
        """See Rule."""
        return _MustNotMatch(self.pattern, self.replace)

    def statement(self) -> str:
        """See Rule."""
        return f"The answer must not contain anything that matches the regular expression {self.pattern}"
