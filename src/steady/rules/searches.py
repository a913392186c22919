"""Several searches as one: what `all` of searches compiles to."""

from collections.abc import Iterator, Sequence

from steady.rules.composed import all_of, told
from steady.rules.rule import Context, Finder, Match, Searching, Window
from steady.types import Edit, Finding, Piece


class Searches(Searching):
    """
    `all` of searches is a search, and so can stream.

    Its parts are searches that act together: `find` gives the matches of all, by where they begin; two of different
    parts may overlap, and whoever replaces them merges them, as it does those of different rules.
    """

    def __init__(self, parts: Sequence[Finder]) -> None:
        self.parts = tuple(parts)
        windows = [part.streams for part in parts if isinstance(part.streams, Window)]
        if len(windows) == len(parts):
            self.streams = Window(max(w.width for w in windows), max(w.right for w in windows))
        else:
            self.streams = next(part.streams for part in parts if not isinstance(part.streams, Window))

    def find(self, text: str, start: int = 0) -> Iterator[Match]:
        """See Finder."""
        found = [(match, i) for i, part in enumerate(self.parts) for match in part.find(text, start)]
        yield from (m for m, _ in sorted(found, key=lambda item: (item[0].start, -item[0].end, item[1])))

    def open(self, text: str, start: int = 0) -> int:
        """See Finder."""
        return min(part.open(text, start) for part in self.parts)

    def judge(self, piece: Piece, context: Context) -> Finding:
        """Fail where a part finds something; what each of them says stands in the reason."""
        return all_of([told(part.judge(piece, context)) for part in self.parts]).finding  # type: ignore[attr-defined]

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        """Replace all that is found; None where two that overlap would be replaced differently."""
        merged: list[Match] = []
        for match in self.find(piece.text):
            if match.replacement is None:
                return None
            if merged and match.start < merged[-1].end:
                if match.replacement != merged[-1].replacement:
                    return None
                merged[-1] = merged[-1]._replace(end=max(match.end, merged[-1].end))
            else:
                merged.append(match)
        return tuple(Edit(m.start, m.end, m.replacement or "") for m in merged)
