"""The rule `json`, and the strict reader of JSON that the other structured rules share."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NoReturn

from steady.rules.growing import Anything, Reading
from steady.rules.repair import MAX_DEPTH, find_json
from steady.rules.rule import ANSWER, Constraint, Context, Growing, Rule, Streams, Whole, apply_edits
from steady.types import Edit, Finding, Piece, Span, Surface

MAX_CHARACTERS = 4_000_000  # of a text that is parsed at all
MAX_DIGITS = 1_000  # of one number; Python's own limit can be set from outside, this one can't
CUT = ("length", "content_filter")  # finish reasons after which nothing is ever closed

_BRACKET_OR_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")


class NotJson(ValueError):
    """A text is not one JSON value. `at`: the place, in code points, where that shows, or None."""

    def __init__(self, why: str, at: int | None = None) -> None:
        super().__init__(why)
        self.why, self.at = why, at


def shown(value: str, most: int = 60) -> str:
    """Return `value` cut to `most` characters, fit to print: what can't be encoded is escaped."""
    cut = value if len(value) <= most else value[: most - 1] + "…"
    return cut.encode("utf-8", "backslashreplace").decode("utf-8")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise NotJson(f"the key {shown(json.dumps(key, ensure_ascii=False))} is given twice in one object")
            seen.add(key)
    return out


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise NotJson(f"a number has more than {MAX_DIGITS} digits")
    return int(digits)


def _float(digits: str) -> float:
    if len(digits) > MAX_DIGITS:
        raise NotJson(f"a number has more than {MAX_DIGITS} digits")
    value = float(digits)
    if math.isinf(value):
        raise NotJson(f"the number {shown(digits)} is beyond what a double holds")
    return value


def _constant(word: str) -> NoReturn:
    raise NotJson(f"{word} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=_integer, parse_float=_float, parse_constant=_constant, strict=True
)


def depth_of(text: str) -> int:
    """Return how deep the brackets of `text` are nested outside its strings; linear in its length."""
    if text.count("[") + text.count("{") <= 1:
        return text.count("[") + text.count("{")
    deepest = depth = 0
    for token in _BRACKET_OR_STRING.finditer(text):
        char = text[token.start()]
        if char in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "]}":
            depth -= 1
    return deepest


def parse_json(text: str, max_depth: int = MAX_DEPTH) -> Any:
    """
    Return the one JSON value (RFC 8259) that `text` is.

    Stricter than the RFC where readers differ (I-JSON, RFC 7493): a repeated key, half a surrogate pair, a number
    beyond a double or of more than 1,000 digits, and nesting beyond `max_depth` are refused.

    Raises:
        NotJson: With what is wrong and where. Nothing else, for any text.
    """
    if len(text) > MAX_CHARACTERS:
        raise NotJson(f"the text has more than {MAX_CHARACTERS:,} characters")
    half = _SURROGATE.search(text)
    if half:
        raise NotJson("the text holds half a surrogate pair, which no UTF-8 text can carry", half.start())
    if text.count("[") + text.count("{") > max_depth and depth_of(text) > max_depth:
        raise NotJson(f"it is nested more than {max_depth} deep")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise NotJson(f"{error.msg[:1].lower()}{error.msg[1:]} at {where}", error.pos) from None
    except RecursionError:  # the caller's own stack is nearly full
        raise NotJson("it is nested too deep to be read here") from None
    if "\\u" in text:
        _no_halves(value)
    return value


def _no_halves(value: Any) -> None:
    """Refuse half a surrogate pair that was written as an escape."""
    rest = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, list):
            rest.extend(item)
        elif isinstance(item, dict):
            rest.extend(item)
            rest.extend(item.values())
        elif isinstance(item, str) and _SURROGATE.search(item):
            raise NotJson("a string holds half a surrogate pair, which no UTF-8 text can carry")


def kind_of(value: Any) -> str:
    """Return JSON's word for the type of a parsed value."""
    if value is None:
        return "null"
    names: tuple[tuple[type, str], ...] = (
        (bool, "boolean"),
        (str, "string"),
        (dict, "object"),
        (list, "array"),
    )
    return next((name for python, name in names if isinstance(value, python)), "number")


def not_json(error: NotJson, text: str) -> Finding:
    """Return the finding for a text that can't be parsed, with the place where it breaks."""
    at = None if error.at is None else min(error.at, max(len(text) - 1, 0))
    spans = () if at is None or not text else (Span(at, at + 1),)
    return Finding(passed=False, reason=f"The text is not one JSON value: {error.why}.", spans=spans)


def repaired(text: str, context: Context, expect: Literal["object", "array", "any"]) -> tuple[Edit, ...] | None:
    """Return edits after which `text` parses, () if it parses as it is, None if form alone can't mend it."""
    try:
        parse_json(text)
    except NotJson:
        pass
    else:
        return ()
    if len(text) > MAX_CHARACTERS:
        return None
    edits = find_json(text, expect, may_close=context.finish_reason not in CUT)
    if not edits:
        return None
    try:
        parse_json(apply_edits(text, edits))
    except NotJson:
        return None
    return edits


_FENCED = re.compile(r"\s*```[ \t]*(?:[Jj][Ss][Oo][Nn])?[ \t]*\n(.*?)\n?[ \t]*```\s*", re.DOTALL)


class Json(Rule, frozen=True, kw_only=True, tag="json"):
    """The answer is one JSON value and nothing else. Its fix mends the form, never the content."""

    example: ClassVar[Mapping[str, Any]] = {"type": "object"}
    default_on: ClassVar[tuple[Surface, ...]] = ANSWER
    can_fix: ClassVar[bool] = True

    type: Literal["object", "array", "any"] = "any"
    """What the value must be."""
    repair: Literal["any", "form_only", "none"] = "any"
    """Whether a fix may add the braces that end the last objects (`any`), only mend form, or do nothing."""

    fence: bool = False
    """Whether one code fence around the value is legal."""

    def build(self) -> "JsonCheck":
        """Return the check."""
        return JsonCheck(self)

    def constraint(self) -> Constraint | None:
        """See Rule."""
        return None if self.type == "any" else Constraint(json_schema={"type": self.type})

    def statement(self) -> str:
        """See Rule."""
        what = {"object": "one JSON object", "array": "one JSON array", "any": "one JSON value"}[self.type]
        return f"Answer with {what} only: no text before or after it and no code fence."


class JsonCheck:
    """See Json."""

    def __init__(self, rule: Json) -> None:
        late = "whether it is complete"
        self.streams: Streams = Whole("a fence around it is known at its end") if rule.fence else Growing(late)
        self._rule = rule

    def judge(self, piece: Piece, context: Context) -> Finding:
        """Fail a text that is not one JSON value of the type asked for."""
        fenced = _FENCED.fullmatch(piece.text) if self._rule.fence else None
        try:
            value = parse_json(fenced[1] if fenced else piece.text)
        except NotJson as error:
            return not_json(error, piece.text)
        if self._rule.type not in ("any", kind_of(value)):
            return Finding(passed=False, reason=f"The value must be of type {self._rule.type}, not {kind_of(value)}.")
        return Finding(passed=True)

    def reading(self, context: Context) -> Reading:
        """See growing.Reads."""
        return Reading(Anything(self._rule.type), MAX_DEPTH, parse_json)

    def doomed(self, text: str, context: Context) -> Finding | None:
        """See Partial."""
        why = self.reading(context).feed(text)
        return None if why is None else Finding(passed=False, reason=why)

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        """Mend the form; None where the content is cut off or it is unclear which part is meant."""
        if self.judge(piece, context).passed:
            return ()
        if self._rule.repair == "none":
            return None
        edits = repaired(piece.text, context, self._rule.type)
        if not edits or (self._rule.repair == "form_only" and any(edit.invented for edit in edits)):
            return None
        mended = piece._replace(text=apply_edits(piece.text, edits))
        return edits if self.judge(mended, context).passed else None
