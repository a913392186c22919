"""The rule `tool_call_schema`: each tool call names a tool of the request and has arguments that its schema takes."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar

from steady.errors import nearest
from steady.rules.json_schema import JsonSchemaCheck
from steady.rules.json_text import shown
from steady.rules.rule import Context, Rule, Streams, Whole
from steady.rules.schema_safety import canonical, compile_schema
from steady.types import Edit, Finding, Piece, Surface

KEPT_SCHEMAS = 256  # compiled schemas of tools that are kept, the least recently used goes first
NO_PARAMETERS: dict[str, Any] = {"type": "object"}


class ToolCallSchema(Rule, frozen=True, kw_only=True, tag="tool_call_schema"):
    """Each tool call names a tool that the request offers, with arguments valid under its `parameters`. Never fixed."""

    example: ClassVar[Mapping[str, Any]] = {"on_fail": "reask"}
    default_on: ClassVar[tuple[Surface, ...]] = ("tool_arguments",)

    allowed: tuple[str, ...] | None = None
    """The tools that may be called; all that the request offers if not given."""
    required: bool = False
    """Whether an answer without a tool call fails."""

    @property
    def requires_text(self) -> bool:  # type: ignore[override]
        """Whether a candidate without a tool call fails, rather than the rule being not applicable."""
        return self.required

    def build(self) -> "ToolCallCheck":
        """Return the check. Raises ValueError for an empty list of tools or another surface than tool_arguments."""
        if self.allowed is not None and not self.allowed:
            raise ValueError("`allowed` is empty, so that no tool may be called; name at least one.")
        if self.surfaces != ("tool_arguments",):
            raise ValueError("`on` must be [tool_arguments]: only there is a tool call.")
        return ToolCallCheck(self)

    def statement(self) -> str:
        """See Rule."""
        which = f"one of these tools: {', '.join(self.allowed)}" if self.allowed else "a tool that was offered"
        call = f"Call {which}" if self.required else f"If you call a tool, call {which}"
        return f"{call}, with arguments that are one JSON object valid under the tool's parameters."


@lru_cache(maxsize=KEPT_SCHEMAS)
def _compiled(schema: bytes) -> JsonSchemaCheck | str:
    """Return the check of a schema given as canonical JSON, or why it can't be used."""
    import msgspec

    try:
        return JsonSchemaCheck(compile_schema(msgspec.json.decode(schema)), "none")
    except ValueError as error:
        return str(error)


class ToolCallCheck:
    """See ToolCallSchema."""

    def __init__(self, rule: ToolCallSchema) -> None:
        self.streams: Streams = Whole("arguments are judged when they are complete")
        self._rule = rule

    def judge(self, piece: Piece, context: Context) -> Finding:
        """Fail a call of an unknown or disallowed tool, and arguments that its schema does not take."""
        name = shown(repr(piece.name))
        offered = {str(tool.get("name")): tool for tool in map(_function, context.tools) if tool.get("name")}
        legal = [one for one in offered if self._rule.allowed is None or one in self._rule.allowed]
        if piece.name not in legal:
            near = nearest(piece.name, legal)
            hint = f" Did it mean {shown(repr(near))}?" if near else ""
            known = ", ".join(shown(one) for one in sorted(legal)[:10]) or "none"
            why = "may not be called" if piece.name in offered else "is no tool of this request"
            return Finding(passed=False, reason=f"{name} {why}.{hint} Legal tools: {known}.")
        check = self._check(offered[piece.name])
        if isinstance(check, str):
            return Finding(passed=False, reason=f"The arguments of {name} can't be judged: {check}")
        return check.judge(piece, context)

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        """Nothing is ever fixed inside tool arguments."""
        return () if self.judge(piece, context).passed else None

    def _check(self, tool: dict[str, Any]) -> JsonSchemaCheck | str:
        parameters = tool.get("parameters")
        try:
            return _compiled(canonical(NO_PARAMETERS if parameters is None else parameters))
        except ValueError as error:
            return str(error)


def _function(tool: Any) -> dict[str, Any]:
    """Return the function of a tool in OpenAI's shape, {} for what has another."""
    function = tool.get("function") if isinstance(tool, dict) else None
    return function if isinstance(function, dict) else {}
