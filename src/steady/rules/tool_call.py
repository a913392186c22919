"""The rule `tool_call`: which tools are called, how often, with which arguments, each value judged by rules."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import msgspec

from steady.errors import nearest
from steady.rules.json_keys import follow, read_path
from steady.rules.json_text import NotJson, kind_of, parse_json, shown
from steady.rules.rule import Context, Rule, Streams, Whole
from steady.rules.tools import ToolCallCheck, ToolCallSchema
from steady.types import Edit, Finding, Piece, Surface

Item = dict[str, Any]
MAX_ARGUMENTS = 100  # places of arguments that one rule may name
MAX_RULES = 20  # rules for one place
MAX_VALUES = 1_000  # values that one place may lead to in one call


class ToolCall(Rule, frozen=True, kw_only=True, tag="tool_call"):
    """
    Tool calls: which tools, with arguments that are valid and whose values pass rules of this catalogue.

    `arguments` names places as `tool.path` (`send_email.to`, `search.filters.*.value`, `*.url` for any tool) or as
    `tool/pointer`, and gives each the rules that its value must pass: pure ones, without `on_fail` and the like. A text
    is judged as it is, any other value as JSON. A place that is not there passes; a schema can require it. Nothing is
    ever fixed inside arguments, and no tool is renamed: a name is what the caller runs. `aliases` lets names that a
    model is known to use count as the tool that they stand for, where the caller understands them.
    """

    example: ClassVar[Mapping[str, Any]] = {
        "denied": ["delete_account"],
        "arguments": {"send_email.to": [{"rule": "regex", "pattern": "@example\\.com$"}]},
        "on_fail": "reask",
    }
    default_on: ClassVar[tuple[Surface, ...]] = ("tool_arguments",)
    cost: ClassVar[Any] = "medium"

    allowed: tuple[str, ...] | None = None
    """The tools that may be called; all that the request offers if not given."""
    denied: tuple[str, ...] = ()
    """Tools that must not be called, though they are offered."""
    arguments: dict[str, tuple[Item, ...]] = msgspec.field(default_factory=dict)
    """Place of an argument -> the rules that its value must pass."""
    valid: bool = True
    """Whether the arguments must be valid under the schema that the request gives for the tool."""
    aliases: dict[str, str] = msgspec.field(default_factory=dict)
    """Other names of tools -> the name under which the request offers them; a call by one is judged as the other."""
    required: bool = False
    """Whether an answer without a tool call fails."""

    @property
    def requires_text(self) -> bool:  # type: ignore[override]
        """Whether a candidate without a tool call fails, rather than the rule being not applicable."""
        return self.required

    def build(self) -> "_ToolCall":
        """See Rule. Raises ValueError that names the place of an argument's rule that can't be compiled."""
        if self.surfaces != ("tool_arguments",):
            raise ValueError("`on` must be [tool_arguments]: only there is a tool call.")
        if self.allowed == ():
            raise ValueError("`allowed` is empty, so that no tool may be called; name at least one.")
        both = sorted(set(self.allowed or ()) & set(self.denied))
        if both:
            raise ValueError(f"`denied` holds {both[0]!r}, which `allowed` allows.")
        for alias, name in self.aliases.items():
            if name in self.aliases or not alias or not name:
                raise ValueError(f"`aliases` leads from {alias!r} to {name!r}, which is itself an alias or empty.")
        if len(self.arguments) > MAX_ARGUMENTS:
            raise ValueError(f"`arguments` names {len(self.arguments)} places; at most {MAX_ARGUMENTS} may be.")
        return _ToolCall(self)

    def statement(self) -> str:
        """See Rule."""
        parts = [f"Call no other tools than {', '.join(self.allowed)}."] if self.allowed else []
        parts += [f"Do not call {', '.join(self.denied)}."] if self.denied else []
        parts += ["Arguments must be one JSON object valid under the tool's parameters."] if self.valid else []
        for place, items in self.arguments.items():
            said = " ".join(_rule(place, item).statement() for item in items)
            parts.append(f"For {place}: {said}")
        return " ".join(parts) or "Call only tools that were offered."


class _Place:
    def __init__(self, written: str, items: tuple[Item, ...]) -> None:
        tool, mark, path = written.partition("/") if "/" in written.split(".", 1)[0] else written.partition(".")
        if not tool or not path:
            raise ValueError(f"`arguments` holds {written!r}; write tool.path, such as send_email.to.")
        if not 1 <= len(items) <= MAX_RULES:
            raise ValueError(f"`arguments` gives {written!r} {len(items)} rules; give 1 to {MAX_RULES}.")
        self.written, self.tool = written, tool
        self.steps = read_path("arguments", mark + path if mark == "/" else path)
        self.checks = [(str(item.get("rule")), _compiled(written, item)) for item in items]

    def wrong(self, value: Any, context: Context) -> Iterator[str]:
        """Say which values do not pass, and why."""
        for count, (one,) in enumerate(follow(value, self.steps)):
            if count == MAX_VALUES:
                yield f"{self.written}: it has more than {MAX_VALUES} values"
                return
            text = one if isinstance(one, str) else msgspec.json.encode(one).decode()
            for name, check in self.checks:
                finding = check.judge(Piece("tool_arguments", (), text, self.tool), context)
                if not finding.passed:
                    yield f"{self.written} fails {name}: {shown(finding.reason.rstrip('.'), 300)}"


def _rule(place: str, item: Item) -> Rule:
    from steady.rules.catalog import RULES  # the catalogue holds this rule too
    from steady.rules.compose import outer_only

    type_ = RULES.get(str(item.get("rule"))) if isinstance(item, dict) else None
    if type_ is None:
        raise ValueError(f"`arguments` gives {place!r} no rule of the catalogue: {shown(repr(item), 60)}.")
    if wrong := sorted(outer_only(type_) & set(item)):
        raise ValueError(f"`arguments` gives {place!r} `{wrong[0]}`, which is said once, of the rule around it.")
    try:
        return msgspec.convert(item, type_)
    except msgspec.ValidationError as error:
        raise ValueError(f"`arguments` of {place!r}: {error}") from None


def _compiled(place: str, item: Item) -> Any:
    rule = _rule(place, item)
    if isinstance(rule, ToolCall | ToolCallSchema):
        raise ValueError(f"`arguments` gives {place!r} the rule {rule.name}, which judges calls, not values.")
    try:
        if not rule.is_pure():
            raise ValueError(f"{rule.name} asks outside; only pure rules can judge a value.")
        return rule.build()
    except ValueError as error:
        raise ValueError(f"`arguments` of {place!r}: {error}") from None


class _ToolCall:
    streams: Streams = Whole("arguments are judged when they are complete")

    def __init__(self, rule: ToolCall) -> None:
        self._rule = rule
        self._places = [_Place(written, items) for written, items in rule.arguments.items()]
        self._schema = ToolCallCheck(ToolCallSchema(allowed=rule.allowed))

    def judge(self, piece: Piece, context: Context) -> Finding:
        """Fail a call of a tool that may not be called, and arguments that are not valid or do not pass."""
        name = self._rule.aliases.get(piece.name, piece.name)
        piece = piece._replace(name=name)
        if name in self._rule.denied:
            return Finding(passed=False, reason=f"{shown(repr(name))} must not be called.")
        if self._rule.valid:
            finding = self._schema.judge(piece, context)
            if not finding.passed:
                return finding
        elif self._rule.allowed is not None and name not in self._rule.allowed:
            near = nearest(name, list(self._rule.allowed))
            hint = f" Did it mean {shown(repr(near))}?" if near else ""
            return Finding(passed=False, reason=f"{shown(repr(name))} may not be called.{hint}")
        return self._values(piece, context)

    def _values(self, piece: Piece, context: Context) -> Finding:
        places = [place for place in self._places if place.tool in ("*", piece.name)]
        if not places:
            return Finding(passed=True)
        try:
            value = parse_json(piece.text)
        except NotJson as error:
            return Finding(passed=False, reason=f"The arguments are not one JSON value: {error.why}.")
        if not isinstance(value, dict):
            return Finding(passed=False, reason=f"The arguments must be one JSON object, not {kind_of(value)}.")
        try:
            wrong = [said for place in places for said in place.wrong(value, context)]
        except ValueError as error:
            return Finding(passed=False, reason=f"{error}")
        if not wrong:
            return Finding(passed=True)
        return Finding(passed=False, reason=f"{'; '.join(wrong[:5])}.")

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        """Nothing is ever fixed inside tool arguments."""
        return () if self.judge(piece, context).passed else None
