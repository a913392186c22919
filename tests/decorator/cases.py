"""Return annotations and what each makes of an answer: cases of test_values.py, table of docs/decorator.md."""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, NamedTuple, TypedDict

from pydantic import BaseModel, Field


class Colour(Enum):
    """Two labels."""

    RED = "red"
    BLUE = "blue"


class Level(int, Enum):
    """Labels whose values are numbers."""

    LOW = 1
    HIGH = 2


@dataclass
class Point:
    """An object by its fields."""

    x: int
    y: int = 0


class Person(TypedDict):
    """A dict of known keys."""

    name: str


class Line(BaseModel):
    """Nested, so that the schema has references."""

    text: str
    amount: float = Field(ge=0)


class Invoice(BaseModel):
    """A model with a list of models."""

    number: str
    lines: list[Line]


class Case(NamedTuple):
    """One annotation."""

    shown: str  # as a person writes it
    annotation: Any
    kind: str  # of the output; "" where the policy's own holds
    text: str  # an answer
    value: Any  # what the caller gets for it
    refused: str | None = None  # an answer that no value can carry


LINES = '{"number": "7", "lines": [{"text": "tea", "amount": 2.5}]}'
CASES = (
    Case("none, or `Any`", Any, "", "Paris", "Paris"),
    Case("`str`", str, "text", "Paris", "Paris"),
    Case('`Literal["yes", "no"]`', Literal["yes", "no"], "label", "yes", "yes", "perhaps"),
    Case("`Literal[1, 2]`", Literal[1, 2], "label", "2", 2, "3"),
    Case("an `Enum`", Colour, "label", "red", Colour.RED, "green"),
    Case("an `Enum` of ints", Level, "label", "2", Level.HIGH, "9"),
    Case("`bool`", bool, "label", "true", True, "perhaps"),
    Case("`int`", int, "number", "42", 42, "4.5"),
    Case("`float`", float, "number", "4.5", 4.5, "many"),
    Case("`list[str]`", list[str], "json", '["a", "b"]', ["a", "b"], "there is none"),
    Case("`list`", list, "json", '["a", 1]', ["a", 1], "there is none"),
    Case("`dict[str, int]`", dict[str, int], "json", '{"a": 1}', {"a": 1}, '{"a": "b"}'),
    Case("a dataclass", Point, "json", '{"x": 1, "y": 2}', Point(1, 2), '{"x": "far"}'),
    Case("a TypedDict", Person, "json", '{"name": "Ada"}', {"name": "Ada"}, "{}"),
    Case("a Pydantic model", Invoice, "json", LINES, Invoice.model_validate_json(LINES), '{"number": "7"}'),
    Case("a list of Pydantic models", list[Line], "json", '[{"text": "tea", "amount": 2.5}]',
         [Line(text="tea", amount=2.5)], '[{"text": "tea", "amount": -1}]'),
    Case("`int | None`", int | None, "number", "42", 42),
    Case("`Literal[\"yes\", None]`", Literal["yes", None], "label", "yes", "yes"),
)  # fmt: skip


def table() -> str:
    """Return the cases as a Markdown table."""
    rows = ["| annotation | kind | an answer | the value |", "|---|---|---|---|"]
    for case in CASES:
        kind = case.kind or "the policy's own"
        rows.append(f"| {case.shown} | {kind} | `{case.text}` | `{case.value!r}` |".replace("|", "\\|", 0))
    return "\n".join(row.replace("int | None", "int \\| None") for row in rows)
