"""The rule `json_schema`: the answer is JSON that a schema takes. The compiled engine decides; the other words why."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, ClassVar, Literal

from steady.rules.growing import Reading
from steady.rules.growing_schema import SchemaPlace, Schemas
from steady.rules.json_reader import Node
from steady.rules.json_text import NotJson, depth_of, not_json, parse_json, repaired, shown
from steady.rules.repair import compose, outline
from steady.rules.rule import ANSWER, Constraint, Context, Growing, Rule, Streams, apply_edits
from steady.rules.schema_repair import conform
from steady.rules.schema_safety import Compiled, compile_schema
from steady.types import Edit, Finding, Piece, Span, Surface

MAX_ERRORS = 3  # that a reason names
MAX_WORDED = 20_000  # characters of a text for which the second engine is asked
MAX_WORDED_DEPTH = 30

Repair = Literal["any", "form_only", "none"]


class JsonSchema(Rule, frozen=True, kw_only=True, tag="json_schema"):
    """
    The answer is one JSON value that the schema takes, and nothing else.

    A fix first mends form: fences and prose around, commas, quotation marks, comments, Python's `None` and `True`. Then
    it leaves out keys that the schema forbids (with `form_only` too: nothing is added by that), and with `any` makes
    `"12"` a number and 12 a text, snaps a text to the one value of an `enum` that it can mean, puts a single item into
    its list, fills in defaults of required keys and closes the last objects. A text or a list that was cut off is never
    closed, a number never rounded, and what is still not valid stays as it was. Each value that a fix adds is marked
    `invented`. No `$ref` is fetched; size, depth and patterns of a schema are capped.
    """

    example: ClassVar[Mapping[str, Any]] = {"schema": {"type": "object", "required": ["total"]}}
    default_on: ClassVar[tuple[Surface, ...]] = ANSWER
    can_fix: ClassVar[bool] = True

    schema: dict[str, Any] | str
    """A JSON Schema (draft 7, 2019-09 or 2020-12), inline or the path of a file beside the policy."""
    repair: Repair = "any"
    """Whether a fix may add a value that the model did not give (`any`), only mend form, or do nothing."""

    def build(self) -> "JsonSchemaCheck":
        """Return the check. Raises ValueError for a schema that is invalid, unsafe, or not inlined."""
        return JsonSchemaCheck(compile_schema(self.schema), self.repair)

    def constraint(self) -> Constraint | None:
        """See Rule."""
        return Constraint(json_schema=self.schema) if isinstance(self.schema, dict) else None

    def statement(self) -> str:
        """See Rule."""
        import msgspec

        text = msgspec.json.encode(self.schema).decode()
        named = f" {text}" if len(text) <= 2_000 else " that you were given"
        return f"Answer with one JSON value only, without text around it, valid under this JSON Schema:{named}."


class JsonSchemaCheck:
    """See JsonSchema."""

    def __init__(self, compiled: Compiled, repair: Repair = "any") -> None:
        self.streams: Streams = Growing("what is required, and the least of anything,")
        self._compiled = compiled
        self._repair = repair
        self._schemas = Schemas(compiled.schema, compiled.draft, {id(compiled.schema): compiled.validator})

    def judge(self, piece: Piece, context: Context) -> Finding:
        """Fail what is not JSON, and what the schema does not take, with the places of the first errors."""
        return judge(self._compiled, piece.text)

    def reading(self, context: Context) -> Reading:
        """See growing.Reads."""
        return Reading(SchemaPlace(self._schemas, iter([self._compiled.schema])), self._compiled.max_depth, parse_json)

    def doomed(self, text: str, context: Context) -> Finding | None:
        """See Partial."""
        why = self.reading(context).feed(text)
        return None if why is None else Finding(passed=False, reason=why)

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        """Mend form, then coerce, snap, fill in and leave out; None unless the result is valid."""
        if self.judge(piece, context).passed:
            return ()
        if self._repair == "none":
            return None
        form = repaired(piece.text, context, self._expected())
        if form is None or (self._repair == "form_only" and any(edit.invented for edit in form)):
            return None
        middle = apply_edits(piece.text, form)
        second: tuple[Edit, ...] = ()
        if not judge(self._compiled, middle).passed:
            second = conform(middle, self._compiled.schema)
            if self._repair == "form_only":
                second = tuple(edit for edit in second if not edit.invented)
        edits = compose(piece.text, form, second)
        return edits if edits and judge(self._compiled, apply_edits(piece.text, edits)).passed else None

    def _expected(self) -> Literal["object", "array", "any"]:
        schema = self._compiled.schema
        kind = schema.get("type") if isinstance(schema, dict) else None
        return "object" if kind == "object" else "array" if kind == "array" else "any"


def judge(compiled: Compiled, text: str) -> Finding:
    """Say whether the schema takes `text`. Never raises."""
    try:
        value = parse_json(text, compiled.max_depth)
    except NotJson as error:
        return not_json(error, text)
    if compiled.validator.is_valid(value):
        return Finding(passed=True)
    errors = worded(compiled, text, value)
    tree = outline(text)
    spans = sorted({_span(text, tree, path) for path, _ in errors})
    reason = " ".join(f"At {_pointer(path)}: {why}." for path, why in errors)
    return Finding(passed=False, reason=reason, spans=tuple(spans))


def _pointer(path: Sequence[str | int]) -> str:
    steps = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return shown(steps, 80) or "the top"


def _span(text: str, tree: Node, path: Sequence[str | int]) -> Span:
    """Return where the value at `path` stands."""
    node = tree
    for step in path:
        if isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            node = next((value for key, value in node.members if parse_json(text[key.start : key.end]) == step), node)
    return Span(node.start, node.end)


def worded(compiled: Compiled, text: str, value: Any) -> list[tuple[tuple[str | int, ...], str]]:
    """Return (path, what is wrong) of the first errors in a value that the compiled engine refused."""
    found: list[tuple[tuple[str | int, ...], str]] = []
    if compiled.plain and len(text) <= MAX_WORDED and depth_of(text) <= MAX_WORDED_DEPTH:
        found = _by_words(compiled, value)
    if not found:  # the two engines differ, or the second was not asked
        errors = islice(compiled.validator.iter_errors(value), MAX_ERRORS)
        found = [(tuple(error.instance_path), shown(str(error.message), 200)) for error in errors]
    return sorted(found, key=lambda error: tuple(map(str, error[0])))


def _by_words(compiled: Compiled, value: Any) -> list[tuple[tuple[str | int, ...], str]]:
    import jsonschema.exceptions
    import jsonschema.validators
    from referencing import Registry

    base = {7: "Draft7Validator", 2019: "Draft201909Validator", 2020: "Draft202012Validator"}[compiled.draft]
    engine = jsonschema.validators.extend(getattr(jsonschema.validators, base), {"pattern": _pattern})
    try:
        errors = list(islice(engine(compiled.schema, registry=Registry()).iter_errors(value), MAX_ERRORS))
        best = [jsonschema.exceptions.best_match([error]) for error in errors]
    except (RecursionError, ArithmeticError):  # numbers of hundreds of digits, a full stack: the first engine words it
        return []
    return [(tuple(error.absolute_path), _why(error)) for error in best]


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Any:
    """The keyword `pattern` in linear time."""
    import re2
    from jsonschema.exceptions import ValidationError

    if isinstance(instance, str) and not re2.search(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _why(error: Any) -> str:
    """Return the library's sentence with nothing long quoted."""
    if error.validator in ("additionalProperties", "unevaluatedProperties") and isinstance(error.instance, dict):
        known = error.schema.get("properties") or {}
        extra = [shown(repr(name)) for name in error.instance if name not in known]
        return f"properties that the schema does not know: {', '.join(extra[:5])}"
    quoted = repr(error.instance)
    message = str(error.message)
    return shown(message.replace(quoted, shown(quoted)) if len(quoted) > 60 else message, 200)
