"""
What may leave a live stream early: fixed round by round, then held against every rule that can end it.

A rule ends it by a match (Finder), by a beginning that fails for good (Prefix), or by what it reads as it comes
(Growing).
"""

from collections.abc import Sequence
from itertools import islice

from steady.pipeline.act import fixing_finders
from steady.pipeline.fixing import LIVE_ROUNDS, Stage, masks_of, opening
from steady.pipeline.spelled import Spelled
from steady.policy.resolved import Bound
from steady.rules.growing import Reading, Reads
from steady.rules.rule import Check, Context, Finder, Growing, Partial, Prefix
from steady.types import UNENFORCED, Piece, Surface

AGAIN = 64  # characters, or this part of the text if that is more, after which a `Partial` is asked again


class Gate:
    """The hold-back of one text of one stream. Once a rule that can't be fixed fails, nothing more leaves it."""

    def __init__(self, surface: Surface, path: tuple[str | int, ...], rules: Sequence[Bound], context: Context) -> None:
        mine = [b for b in rules if surface in b.rule.surfaces and b.rule.mode == "enforce"]
        mine = [b for b in mine if b.rule.on_fail not in UNENFORCED]
        fixing = fixing_finders(mine)
        masks = masks_of([bound for bound, _ in fixing])
        self._stages = [Stage([f for _, f in fixing], masks) for _ in range(LIVE_ROUNDS if fixing else 0)]
        self._finders = [b.check for b in mine if isinstance(b.check, Finder)]
        self._prefixes: list[Check] = [b.check for b in mine if isinstance(b.check.streams, Prefix)]  # type: ignore[misc]
        self._readings = [_reading(b.check, context) for b in mine if isinstance(b.check.streams, Growing)]
        self._piece, self._context = Piece(surface, path, ""), context
        parsed = surface == "answer" and context.kind in {"json", "tool_call"}  # whoever parses it reads its escapes
        self._spelled = Spelled(self._finders) if parsed and self._finders else None
        self._held = ""
        self.released = ""
        self.shut = False

    def feed(self, text: str, *, final: bool = False) -> str:
        """Take the next part of the text; return what can leave."""
        for stage in self._stages:
            text = stage.feed(text, final=final)
            self.shut = self.shut or bool(stage.clash)
        if self.shut:
            return ""
        self._held += text
        self.shut = any(reading.feed(text) is not None for reading in self._readings)
        if self._spelled is not None and not self.shut:
            self.shut = self._spelled.feed(text, final=final)
        return "" if self.shut else self._leave(final=final)

    def _leave(self, *, final: bool) -> str:
        left = self.released[-1:]  # one character of context to the left, as a search may look at
        view = left + self._held
        cut = len(view) if final else opening(self._finders, view, len(left))
        if any(match.start < cut for finder in self._finders for match in islice(finder.find(view, len(left)), 1)):
            self.shut = True
            return ""
        out = view[len(left) : max(len(left), min(cut, self._safe() - len(self.released) + len(left)))]
        if not self._passes(out, final=final):
            return ""
        self._held = self._held[len(out) :]
        self.released += out
        return out

    def _safe(self) -> int:
        """Up to which character nothing that was read as it came can turn out wrong."""
        read = [reading.safe for reading in self._readings] + ([self._spelled.safe] if self._spelled else [])
        return min(read, default=len(self.released) + len(self._held))

    def _passes(self, out: str, *, final: bool) -> bool:
        for check in self._prefixes:
            hold = check.streams.hold if isinstance(check.streams, Prefix) else 0
            if len(self.released) + len(out) < hold and not final:
                return False
            if not check.judge(self._piece._replace(text=self.released + out), self._context).passed:
                self.shut = True
                return False
        return True

    @property
    def holding(self) -> int:
        """Characters held back now."""
        return len(self._held) + sum(stage.holding for stage in self._stages)


class _Again:
    """Reads for a check that only knows whole beginnings: it is asked from time to time, never at every piece."""

    def __init__(self, check: Partial, context: Context) -> None:
        self._check, self._context = check, context
        self._text = ""
        self.safe = 0

    def feed(self, more: str) -> str | None:
        self._text += more
        if len(self._text) - self.safe < max(AGAIN, len(self._text) // AGAIN):
            return None
        found = self._check.doomed(self._text, self._context)
        self.safe = len(self._text)
        return None if found is None else found.reason


def _reading(check: object, context: Context) -> Reading | _Again:
    if isinstance(check, Reads):
        return check.reading(context)
    if isinstance(check, Partial):
        return _Again(check, context)
    raise TypeError(f"{type(check).__name__} says that it grows, and can't be read as it does")
