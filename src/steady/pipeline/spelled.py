"""A text of JSON as its reader reads it: escapes may spell what a rule forbids, and are looked through as they come."""

import re
from collections.abc import Sequence

from steady.pipeline.fixing import opening
from steady.rules.escapes import unescaped
from steady.rules.rule import Finder

_TOKEN = re.compile(
    r"[^\\]+|\\u[dD][89abAB][0-9a-fA-F]{2}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2})?|\\(?:u[0-9a-fA-F]{4}|[^u]|u)", re.DOTALL
)
_BEGUN = re.compile(r"\\(?:u[0-9a-fA-F]{0,3}|u[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u[0-9a-fA-F]{0,3})?)?)?\Z")


class Spelled:
    """
    The hold-back of a text with its escapes read, beside that of the text as it is written.

    `safe`: up to which character, as written, nothing that is spelled there can become a match.
    """

    def __init__(self, finders: Sequence[Finder]) -> None:
        self._finders = finders
        self._raw = ""  # an escape of which the end has not come
        self._taken = 0  # characters before that
        self._view = ""  # what is read and not let go yet, behind one character of context
        self._starts: list[int] = []  # where each of its characters begins, as written
        self._context = 0
        self.safe = 0

    def feed(self, text: str, *, final: bool = False) -> bool:
        """Take the next part; return whether there is a match that no further text undoes."""
        self._read(text, final=final)
        cut = len(self._view) if final else opening(self._finders, self._view, self._context)
        for finder in self._finders:
            first = next((match.start for match in finder.find(self._view, self._context)), None)
            if first is not None and first < cut:
                return True
        self.safe = self._starts[cut] if cut < len(self._starts) else self._taken
        if cut > 0:
            self._view, self._starts, self._context = self._view[cut - 1 :], self._starts[cut - 1 :], 1
        return False

    def _read(self, text: str, *, final: bool) -> None:
        raw = self._raw + text
        begun = None if final else _BEGUN.search(raw)
        end = begun.start() if begun else len(raw)
        for token in _TOKEN.finditer(raw, 0, end):
            said = unescaped(token[0])
            at = self._taken + token.start()
            plain = len(said) == len(token[0])
            self._view += said
            self._starts += range(at, at + len(said)) if plain else [at] * len(said)
        self._raw, self._taken = raw[end:], self._taken + end
