"""A constraint may not make impossible what else the answer has to be, and what it sets is on the receipt."""

from typing import Any

import pytest
from msgspec import structs

from steady.pipeline.compiling import compiled
from steady.providers.capabilities import capabilities
from steady.rules.rule import Constraint
from steady.types import Sampling

GPT = capabilities("openai", "gpt-4o")
GBNF = structs.replace(GPT, logit_bias="none", grammar="gbnf")
TOOLS = {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]}
CLOSED = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}, "additionalProperties": False}
MARKS = (Constraint(without=","), Constraint(excludes=("{",)), Constraint(avoids=('"',)))


def bias(constraint: Constraint, fields: dict[str, Any]) -> Any:
    return compiled(constraint, GPT, fields, Sampling()).body.get("logit_bias")


@pytest.mark.parametrize("constraint", MARKS, ids=["without", "excludes", "avoids"])
def test_marks_are_not_forbidden_where_the_model_may_write_json(constraint: Constraint) -> None:
    """The arguments of a call are JSON, and a bias knows no difference between them and the answer."""
    assert bias(constraint, {})
    assert bias(constraint, TOOLS) is None
    assert bias(structs.replace(constraint, json_schema=CLOSED), {}) is None


def test_words_are_forbidden_beside_tools_too() -> None:
    assert bias(Constraint(avoids=("no",)), TOOLS)


@pytest.mark.parametrize("field", ["guided_choice", "json_schema"])
def test_a_form_of_the_clients_own_comes_first_by_whatever_name(field: str) -> None:
    """vLLM and llama.cpp refuse two forms at once, and of two choices of texts no answer might meet both."""
    told = compiled(Constraint(choices=("a", "b")), GBNF, {field: {"type": "object"}}, Sampling())

    assert told.body == {}
    assert told.notes == (f"form not compiled: the request has its own {field}",)


def test_a_bound_that_a_form_brings_is_told() -> None:
    """Where the client names none the answer is cut off there, so whoever reads the receipt has to see why."""
    told = compiled(Constraint(title=True), GBNF, {}, Sampling())
    bound = told.body["max_completion_tokens"]

    assert f"max_completion_tokens set to {bound}: a form needs an end" in told.notes
    assert "max_completion_tokens" not in compiled(Constraint(title=True), GBNF, {}, Sampling(max_tokens=900)).body
