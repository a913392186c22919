"""
What rules ask of generation, as the fields of one upstream request: as far as the capabilities of the provider go.

A request's own `response_format`, `grammar` and tools come first: beside them nothing is compiled that could contradict
them. Of several ways one is taken: a schema, else a choice of texts, else one grammar of the answer's form. Every rule
still judges the result, since a provider may ignore any of it.
"""

from typing import Any, NamedTuple

from steady.pipeline.plan import offers_tools
from steady.providers.grammar import choices_grammar
from steady.providers.grammar_form import form_grammar
from steady.providers.grammar_settle import Form
from steady.rules.rule import Constraint
from steady.types import Capabilities, Sampling

ROOM = 512  # tokens that a form gets where nobody says how long an answer may be
SPARE = 1.25  # over the estimate of what a form needs, so that it is not cut off before its end
OWN = ("response_format", "grammar", "structured_outputs", "guided_grammar", "guided_json", "guided_regex")


class Compiled(NamedTuple):
    """Body fields, and one short note each for what was compiled and what was not."""

    body: dict[str, Any]
    notes: tuple[str, ...] = ()


def compiled(constraint: Constraint, caps: Capabilities, fields: dict[str, Any], sampling: Sampling) -> Compiled:
    """
    Return what of a constraint the provider is told.

    Args:
        constraint: What all enforced rules ask for together.
        fields: The request's own further fields, which come first.
        sampling: What is asked for already; lengths are only ever lowered.
    """
    body: dict[str, Any] = {}
    notes: list[str] = []
    own = next((name for name in OWN if fields.get(name) is not None), "")
    if own:
        notes += [f"form not compiled: the request has its own {own}"] if _any_form(constraint) else []
    elif constraint.json_schema is not None and caps.json_schema:
        schema = {"name": "answer", "schema": constraint.json_schema, "strict": is_strict(constraint.json_schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
        notes.append("json_schema compiled to response_format")
    elif caps.grammar != "none" and offers_tools(fields):
        notes += ["form not compiled: a grammar would forbid the tools"] if _any_form(constraint) else []
    else:
        _grammar(constraint, caps, sampling, body, notes)
    return Compiled(body, tuple(notes))


def _any_form(constraint: Constraint) -> bool:
    return bool(constraint.choices or constraint.pattern or form_of(constraint).names())


def form_of(constraint: Constraint) -> Form:
    """Return what of a constraint a form grammar can say."""
    return Form(**{name: getattr(constraint, name) for name in Form.__struct_fields__})


def _grammar(
    constraint: Constraint, caps: Capabilities, sampling: Sampling, body: dict[str, Any], notes: list[str]
) -> None:
    if constraint.choices:
        if caps.grammar == "gbnf":
            body["grammar"] = choices_grammar(constraint.choices)
            notes.append("one_of compiled to a grammar")
        elif caps.grammar != "none":
            body["structured_outputs"] = {"choice": list(constraint.choices)}
            notes.append("one_of compiled to a guided choice")
        return
    if caps.grammar not in ("gbnf", "structured") or constraint.json_schema is not None:
        return
    written = form_grammar(form_of(constraint), sampling.max_tokens or constraint.max_tokens or ROOM)
    if written is None:
        return
    notes += [f"{name} not compiled: {why}" for name, why in written.dropped]
    if not written.grammar:
        return
    if caps.grammar == "gbnf":
        body["grammar"] = written.grammar
    else:
        body["structured_outputs"] = {"grammar": written.grammar}
    notes.append(f"{', '.join(written.used)} compiled to a grammar")
    if sampling.max_tokens is None and "max_tokens" in caps.params:
        body[caps.max_tokens_name] = max(ROOM, int(written.tokens * SPARE))
    elif sampling.max_tokens is not None and written.tokens > sampling.max_tokens:
        notes.append(f"the form may need {written.tokens} tokens; max_tokens is {sampling.max_tokens}")


def is_strict(schema: Any) -> bool:
    """Whether a schema keeps the rules of strict structured outputs: closed objects, every property required."""
    if isinstance(schema, list):
        return all(is_strict(item) for item in schema)
    if not isinstance(schema, dict):
        return True
    if "properties" in schema or schema.get("type") == "object":
        properties = schema.get("properties") or {}
        if schema.get("additionalProperties") is not False or set(schema.get("required") or ()) != set(properties):
            return False
    return all(is_strict(value) for value in schema.values())
