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
from steady.rules.tokens import token_of
from steady.types import Capabilities, Sampling

ROOM = 512  # tokens that a form gets where nobody says how long an answer may be
SPARE = 1.25  # over the estimate of what a form needs, so that it is not cut off before its end
OWN = (
    "response_format", "grammar", "structured_outputs", "guided_grammar", "guided_json", "guided_regex",
    "guided_choice", "json_schema",
)  # fmt: skip


MOST_BIASED = 300  # tokens, which is what OpenAI takes
MOST_STOPS = 4  # likewise


class Compiled(NamedTuple):
    """Body fields, and one short note each for what was compiled and what was not."""

    body: dict[str, Any]
    notes: tuple[str, ...] = ()


def compiled(
    constraint: Constraint, caps: Capabilities, fields: dict[str, Any], sampling: Sampling, *, strict: bool = False
) -> Compiled:
    """
    Return what of a constraint the provider is told.

    Args:
        constraint: What all enforced rules ask for together.
        fields: The request's own further fields, which come first.
        sampling: What is asked for already; lengths are only ever lowered.
        strict: Whether an enforced rule wants tool calls to be valid.
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
    if strict and caps.strict_tools:
        _tools(fields, body, notes)
    _lengths(constraint, caps, sampling, body, notes)
    if caps.logit_bias != "none" and "logit_bias" in caps.params:
        _bias(
            constraint,
            caps.logit_bias,
            sampling,
            body,
            notes,
            marks=not own and constraint.json_schema is None and not offers_tools(fields),
        )
    return Compiled(body, tuple(notes))


def _tools(fields: dict[str, Any], body: dict[str, Any], notes: list[str]) -> None:
    """Ask for strict calls of the tools whose parameters are closed; what the client says of `strict` stays."""
    tools = fields.get("tools")
    out, named = [], []
    for tool in tools if isinstance(tools, list) else ():
        function = tool.get("function") if isinstance(tool, dict) else None
        schema = function.get("parameters") if isinstance(function, dict) else None
        if isinstance(function, dict) and isinstance(schema, dict) and "strict" not in function and is_strict(schema):
            tool = {**tool, "function": {**function, "strict": True}}
            named.append(str(function.get("name", "")))
        out.append(tool)
    if named:
        body["tools"] = out
        notes.append(f"parameters compiled to strict tools: {len(named)} of {len(out)}")


def _lengths(
    constraint: Constraint, caps: Capabilities, sampling: Sampling, body: dict[str, Any], notes: list[str]
) -> None:
    """An end phrase is no stop text: a provider leaves out what it stopped at, and the answer would lack its end."""
    most = constraint.max_tokens
    if (
        most
        and "max_tokens" in caps.params
        and most < (body.get(caps.max_tokens_name) or sampling.max_tokens or most + 1)
    ):
        body[caps.max_tokens_name] = most
        notes.append(f"length compiled to {caps.max_tokens_name}: {most}")
    if constraint.stop and "stop" in caps.params:
        texts = list(dict.fromkeys((*(sampling.stop or ()), *constraint.stop)))
        body["stop"] = texts[:MOST_STOPS]
        notes.append("stop compiled" if len(texts) <= MOST_STOPS else f"stop compiled: the first {MOST_STOPS} texts")


def _bias(
    constraint: Constraint, tokenizer: str, sampling: Sampling, body: dict[str, Any], notes: list[str], *, marks: bool
) -> None:
    """Forbid the tokens that a term is, alone or after a blank, in each usual case; one of several tokens is left."""
    banned: dict[str, float] = {}
    left = 0
    terms = [term for term in (*constraint.excludes, *constraint.avoids) if marks or any(map(str.isalnum, term))]
    for term in (*terms, *(constraint.without if marks else "")):
        cases = dict.fromkeys((term, term.lower(), term.capitalize(), term.upper()))
        found = [token_of(tokenizer, blank + case) for case in cases for blank in ("", " ")]
        mine = [str(one) for one in found if one is not None]
        left += not mine
        if len(banned) + len(mine) <= MOST_BIASED:
            banned |= dict.fromkeys(mine, -100.0)
    if banned:
        body["logit_bias"] = {**banned, **(sampling.logit_bias or {})}
        notes.append(f"excluded terms compiled to logit_bias: {len(banned)} tokens")
    if left:
        notes.append(f"{left} excluded terms not compiled: each is several tokens")


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
    if constraint.pattern and caps.grammar == "structured":
        body["structured_outputs"] = {"regex": constraint.pattern}
        notes.append("pattern compiled to structured outputs")
        return
    if constraint.pattern:
        notes.append("pattern not compiled: no grammar is made of patterns")
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
        notes.append(f"{caps.max_tokens_name} set to {body[caps.max_tokens_name]}: a form needs an end")
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
