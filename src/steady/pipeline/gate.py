"""What may leave a live stream early: fixed round by round, then held against every rule that can end it."""

from collections.abc import Sequence
from itertools import islice

from steady.pipeline.act import fixing_finders
from steady.pipeline.fixing import LIVE_ROUNDS, Stage, masks_of, opening
from steady.policy.resolved import Bound
from steady.rules.rule import Check, Context, Finder, Prefix
from steady.types import UNENFORCED, Piece, Surface


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
        self._piece, self._context = Piece(surface, path, ""), context
        self._held = ""
        self.released = ""
        self.shut = False

    def feed(self, text: str, *, final: bool = False) -> str:
        """Take the next part of the text; return what can leave."""
        for stage in self._stages:
            text = stage.feed(text, final=final)
            self.shut = self.shut or bool(stage.clash)
        self._held += text
        if self.shut:
            return ""
        return self._leave(final=final)

    def _leave(self, *, final: bool) -> str:
        left = self.released[-1:]  # one character of context to the left, as a search may look at
        view = left + self._held
        cut = len(view) if final else opening(self._finders, view, len(left))
        if any(match.start < cut for finder in self._finders for match in islice(finder.find(view, len(left)), 1)):
            self.shut = True
            return ""
        out = view[len(left) : cut]
        if not self._passes(out, final=final):
            return ""
        self._held = self._held[len(out) :]
        self.released += out
        return out

    def _passes(self, out: str, *, final: bool) -> bool:
        for check in self._prefixes:
            hold = check.streams.hold if isinstance(check.streams, Prefix) else 0
            if len(self.released) + len(out) < hold and not final:
                return False
            if not check.judge(self._piece._replace(text=self.released + out), self._context).passed:
                self.shut = True
                return False
        return True
