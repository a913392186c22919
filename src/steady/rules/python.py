"""The rule `python`: a function of one's own says whether a text passes. The operator lists which ones there are."""

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from steady.rules.aside import aside
from steady.rules.rule import ANSWER, Context, RecordedRule, Streams, Whole
from steady.rules.webhook import verdict_of
from steady.types import Outside, Piece, Surface


class Python(RecordedRule, frozen=True, kw_only=True, tag="python"):
    """
    A function of one's own says that the text passes.

    It is called with the text and a dict (`rule`, `surface`, `name`, `kind`, `finish_reason`, `messages`, `tools`) and
    gives true or false, or (true or false, a reason), or {passed, reason, fix}. A plain function runs in a thread, an
    async one on the event loop. Off unless steady.yaml lists the function under `functions`: without that the policy
    does not load. A call that overruns `timeout` is left behind; its thread can't be stopped.
    """

    example: ClassVar[Mapping[str, Any]] = {"function": "house_style", "timeout": "500ms"}
    default_on: ClassVar[tuple[Surface, ...]] = ANSWER
    can_fix: ClassVar[bool] = True

    function: str
    """Its name under `functions` in steady.yaml, or module:function as it stands there."""
    asks: str = ""
    """What it checks, one sentence: said to a model that is asked again."""

    def build(self) -> "PythonCheck":
        """See Rule."""
        if not self.function.strip():
            raise ValueError("`function` is empty: name one that steady.yaml lists under `functions`.")
        return PythonCheck(self)

    def statement(self) -> str:
        """See Rule."""
        return self.asks or f"The text must pass the check {self.key!r}."


class PythonCheck:
    """See Python."""

    def __init__(self, rule: Python) -> None:
        self.streams: Streams = Whole("a function of one's own sees the whole text")
        self._rule = rule

    async def ask(self, piece: Piece, context: Context, outside: Outside) -> dict[str, Any]:
        """Call the function. Raises RuleError where it is not allowed or gives no verdict; else what it raises."""
        function = outside.function(self._rule.function)
        about = {
            "rule": self._rule.key,
            "surface": piece.surface,
            "name": piece.name,
            "kind": context.kind,
            "finish_reason": context.finish_reason,
            "messages": list(context.messages),
            "tools": list(context.tools),
        }
        if inspect.iscoroutinefunction(function):
            return _verdict(await function(piece.text, about))
        return _verdict(await aside(function, piece.text, about))


def _verdict(given: Any) -> dict[str, Any]:
    if isinstance(given, bool):
        return verdict_of({"passed": given})
    if isinstance(given, tuple) and len(given) == 2:
        return verdict_of({"passed": given[0], "reason": given[1]})
    if isinstance(given, msgspec.Struct):
        given = msgspec.structs.asdict(given)
    return verdict_of(given)
