"""`no_repetition`: loops and echoes, the commonest failure of small models."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from steady.rules.prose import sentences
from steady.rules.rule import Context, Rule, Streams, Whole, apply_edits
from steady.types import Edit, Finding, Piece, Span

_WORD = re.compile("[\u3041-\u30fa\u3400-\u9fff]|(?:(?![\u3041-\u30fa\u3400-\u9fff])\\w)+")
_SHORT = 3  # words; shorter sentences ("Yes.", "Note:") may come back as often as they like
_SPANS = 50  # repeated places shown


def _same(sentence: str) -> str:
    return " ".join(_WORD.findall(sentence.casefold()))


class _NoRepetition:
    streams: Streams = Whole("a share of the text is known at its end")

    def __init__(self, n: int, max_ratio: float, max_repeats: int) -> None:
        self._n, self._ratio, self._repeats = n, max_ratio, max_repeats

    def judge(self, piece: Piece, context: Context) -> Finding:
        text = piece.text
        echoes, most = self._echoes(text)
        if echoes:
            reason = f"A sentence or line appears {most} times, at most {self._repeats} allowed."
            return Finding(passed=False, reason=reason, spans=tuple(echoes[:_SPANS]))
        repeated, total = self._repeated(text)
        if len(repeated) <= self._ratio * total:
            return Finding(passed=True)
        share = round(100 * len(repeated) / total)
        reason = f"{share}% of the runs of {self._n} words are repeats, at most {round(100 * self._ratio)}% allowed."
        return Finding(passed=False, reason=reason, spans=tuple(_merged(repeated)[:_SPANS]))

    def _echoes(self, text: str) -> tuple[list[Span], int]:
        """The sentences beyond the allowed number, and how often the commonest appears."""
        seen: Counter[str] = Counter()
        out = []
        for span in sentences(text):
            same = _same(text[span.start : span.end])
            if same.count(" ") + 1 < _SHORT:
                continue
            seen[same] += 1
            if seen[same] > self._repeats:
                out.append(span)
        return out, max(seen.values(), default=0)

    def _repeated(self, text: str) -> tuple[list[Span], int]:
        """The runs of n words that came before, and how many runs there are."""
        found = list(_WORD.finditer(text))
        tokens = [match[0].casefold() for match in found]
        seen = set()
        repeated = []
        for at in range(len(tokens) - self._n + 1):
            run = tuple(tokens[at : at + self._n])
            if run in seen:
                repeated.append(Span(found[at].start(), found[at + self._n - 1].end()))
            seen.add(run)
        return repeated, max(0, len(tokens) - self._n + 1)

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        if self.judge(piece, context).passed:
            return ()
        text = piece.text
        edits: list[Edit] = []
        kept: Span | None = None
        last = 0
        for span in sentences(text):
            same = _same(text[span.start : span.end])
            if kept is not None and same and same == _same(text[kept.start : kept.end]):
                start = edits.pop().start if edits and edits[-1].end == last else last
                edits.append(Edit(start, span.end, ""))
            else:
                kept = span
            last = span.end
        fixed = piece._replace(text=apply_edits(text, edits))
        return tuple(edits) if edits and self.judge(fixed, context).passed else None


def _merged(spans: list[Span]) -> list[Span]:
    out: list[Span] = []
    for span in spans:
        if out and span.start <= out[-1].end:
            out[-1] = Span(out[-1].start, max(out[-1].end, span.end))
        else:
            out.append(span)
    return out


class NoRepetition(Rule, frozen=True, kw_only=True, tag="no_repetition"):
    """
    A text must not repeat itself.

    Two measures, both after case is folded and punctuation left out. The share of runs of `n` words that appeared
    before in the text (1 - distinct runs / runs; seq-rep-n of Welleck et al. 2020, "Neural text generation with
    unlikelihood training", where human text has 0.5% to 5% for n = 4). How often one sentence or line of three words or
    more appears.

    A fix takes away sentences and lines that repeat the one right before them; where that does not suffice, there is
    none.
    """

    example: ClassVar[Mapping[str, Any]] = {"max_ratio": 0.2, "on_fail": "fix_reask"}
    can_fix: ClassVar[bool] = True

    n: Annotated[int, Meta(ge=1, le=20)] = 4
    """Words in a run."""
    max_ratio: Annotated[float, Meta(ge=0, le=1)] = 0.3
    """The share of runs that may be repeats."""
    max_repeats: Annotated[int, Meta(ge=1)] = 2
    """How often one sentence or line may appear."""

    def build(self) -> _NoRepetition:
        """See Rule."""
        return _NoRepetition(self.n, self.max_ratio, self.max_repeats)

    def statement(self) -> str:
        """See Rule."""
        return "Do not repeat sentences or phrases."
