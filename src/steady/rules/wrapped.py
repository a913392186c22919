"""A search for terms that is told in another rule's words: what `no_profanity` and `competitors` share."""

from collections.abc import Iterator, Mapping

from steady.rules.normal import normalise
from steady.rules.rule import Match, Searching
from steady.rules.terms import Excludes


class TermSearch(Searching):
    """
    `excludes` for whole words, with a label for each term and a reason of its own.

    Args:
        labels: Term -> what is told of it. Terms that are alike once folded keep the first one's label.
        replace: What a fix puts in the place of each; None: there is no fix.
        reason: One sentence for the finding.
    """

    def __init__(self, labels: Mapping[str, str], replace: str | None, reason: str) -> None:
        self._inner = Excludes(terms=tuple(labels), replace=replace).build()
        self._labels: dict[str, str] = {}
        for term, label in labels.items():
            self._labels.setdefault(normalise(term).text, label)
        self.streams = self._inner.streams
        self.reason = reason

    def find(self, text: str, start: int = 0) -> Iterator[Match]:
        """See Finder."""
        for match in self._inner.find(text, start):
            label = match.label or self._labels.get(normalise(text[match.start : match.end]).text, "")
            yield match._replace(label=label)

    def open(self, text: str, start: int = 0) -> int:
        """See Finder."""
        return self._inner.open(text, start)
