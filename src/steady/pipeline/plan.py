"""
What one request will do under one policy: whose values hold, which rules the request itself brings, how many draws.

Pure. The policy wins over the client, except under its `allow`; everything overridden is noted. A request's own schema
(`response_format`, a forced tool) becomes an enforced rule beside the policy's and sets the kind for that request.
"""

from fractions import Fraction
from typing import Any

import msgspec
from msgspec import Struct

from steady.errors import RequestError
from steady.pipeline.pieces import prompt_tokens
from steady.policy.document import LISTS, Disclose
from steady.policy.resolved import Bound, Resolved
from steady.rules.constraints import merge
from steady.rules.json_schema import JsonSchema
from steady.rules.json_text import Json
from steady.rules.rule import Constraint, Context, Rule
from steady.rules.tools import ToolCallSchema
from steady.types import UNENFORCED, Kind, Request, Sampling

# The distribution that is drawn from is the preset's; what else the client sends stays, unless the policy sets it.
DISTRIBUTION = (
    "temperature", "top_p", "top_k", "min_p", "frequency_penalty", "presence_penalty", "repeat_penalty", "logit_bias",
)  # fmt: skip
MOST_DRAWS = 64


class Plan(Struct, frozen=True, kw_only=True):
    """One request under one policy."""

    policy: Resolved
    messages: tuple[dict[str, Any], ...]  # cleaned
    fields: dict[str, Any]  # other body fields, as the client sent them
    sampling: Sampling  # what is asked for, before the provider's capabilities
    kind: Kind
    rules: tuple[Bound, ...]
    context: Context
    constraint: Constraint
    first: int  # draws in the first wave
    most: int  # first draws in all
    total: int  # first draws and reasks together
    why_one: str  # why one draw is made, or draws are not independent; "" if several independent ones are
    n: int  # choices the client asked for
    structured: bool  # the answer has a form: a refusal goes into `refusal`, never into the content
    disclose: Disclose
    notes: tuple[str, ...] = ()

    @property
    def independent(self) -> bool:
        """Whether several draws are made that deserve the name."""
        return not self.why_one


def plan(request: Request, policy: Resolved, messages: tuple[dict[str, Any], ...]) -> Plan:
    """Settle what this request does under this policy. Raises RequestError for a request that can't be used."""
    notes: list[str] = []
    sampling = _sampling(request, policy, notes)
    own, kind = _own_rules(request, policy)
    rules = (*policy.rules, *own)
    first, most, total, why_one = _draws(request, policy, sampling, messages)
    disclose = _disclose(request, policy, notes)
    tools = request.fields.get("tools")
    return Plan(
        policy=policy,
        messages=messages,
        fields=_fields(request, policy, notes),
        sampling=sampling,
        kind=kind,
        rules=rules,
        context=Context(messages=messages, tools=tuple(tools) if isinstance(tools, list) else (), kind=kind),
        constraint=_constraint(rules, notes),
        first=first,
        most=most,
        total=total,
        why_one=why_one,
        n=request.n,
        structured=kind in {"json", "tool_call", *LISTS},
        disclose=disclose,
        notes=tuple(notes),
    )


def _sampling(request: Request, policy: Resolved, notes: list[str]) -> Sampling:
    asked = request.options.sampling or Sampling()
    client = {f: getattr(asked, f) if getattr(asked, f) is not None else getattr(request.sampling, f) for f in _ALL}
    ruled = policy.doc.sampling.preset != "client"
    values: dict[str, Any] = {}
    for field in _ALL:
        mine, theirs = getattr(policy.sampling, field), client[field]
        free = field in policy.doc.allow.sampling or (mine is None and not (ruled and field in DISTRIBUTION))
        values[field] = theirs if theirs is not None and (free or field == "seed") else mine
        if theirs is not None and values[field] != theirs:
            notes.append(f"{field} of the request was overridden by the policy")
    return Sampling(**values)


_ALL = Sampling.__struct_fields__


def _own_rules(request: Request, policy: Resolved) -> tuple[tuple[Bound, ...], Kind]:
    kind: Kind = policy.doc.output.kind
    if policy.passes_through:
        return (), kind
    repair, on_fail = policy.doc.output.repair, policy.doc.output.on_fail
    forced = forced_tool(request)
    if forced is not None:
        allowed = (forced,) if forced else None
        return (
            _bound(ToolCallSchema(id="request_tool", required=True, allowed=allowed, on_fail="reask"), "tools"),
        ), "tool_call"
    form = request.fields.get("response_format")
    wanted = form.get("type") if isinstance(form, dict) else None
    if wanted == "json_schema" and isinstance(form, dict):
        schema = (form.get("json_schema") or {}).get("schema")
        if not isinstance(schema, dict):
            raise RequestError("response_format.json_schema.schema must be an object", param="response_format")
        rule = JsonSchema(id="request_schema", schema=schema, repair=repair, on_fail=on_fail)
        return (_bound(rule, "response_format"),), "json"
    if wanted == "json_object":
        return (_bound(Json(id="request_json", type="object", on_fail=on_fail), "response_format"),), "json"
    return (), kind


def _bound(rule: Rule, param: str) -> Bound:
    try:
        return Bound(rule, rule.build())
    except ValueError as error:
        raise RequestError(f"{param} can't be used: {error}", param=param) from error


def forced_tool(request: Request) -> str | None:
    """Return the name of the tool that the request forces, "" if it forces any, None if none."""
    choice = request.fields.get("tool_choice")
    if choice == "required":
        return ""
    if isinstance(choice, dict) and isinstance(choice.get("function"), dict):
        return str(choice["function"].get("name", ""))
    return None


def offers_tools(fields: dict[str, Any]) -> bool:
    """Whether the model may answer with a tool call."""
    return bool(fields.get("tools") or fields.get("functions")) and fields.get("tool_choice") != "none"


def _draws(
    request: Request, policy: Resolved, sampling: Sampling, messages: tuple[dict[str, Any], ...]
) -> tuple[int, int, int, str]:
    doc = policy.doc.candidates
    n = request.n
    if n > MOST_DRAWS:
        raise RequestError(f"n is {n}; at most {MOST_DRAWS} choices can be made under a policy.", param="n")
    why = ""
    prompt = prompt_tokens(messages) if doc.max > 1 else 0
    if doc.max == 1:
        why = "one candidate is made under this policy"
    elif sampling.temperature == 0 or sampling.top_k == 1:
        why = "draws are not independent at temperature 0"
    elif sampling.top_p == 0 or sampling.min_p == 1:
        why = "draws are not independent where only the likeliest token may be drawn"
    elif request.options.decorated:
        why = "the call was made by a decorated function, which draws its own candidates"
    elif offers_tools(request.fields) and policy.doc.output.kind != "tool_call":
        why = "one candidate is made where tools are offered"
    elif prompt > doc.fan_out_up_to:
        why = f"the prompt has about {prompt} tokens; above {doc.fan_out_up_to} one candidate is made"
    most = n if why else max(doc.max, n)
    first = min(n if why else max(doc.min, n), _affordable(policy, sampling, messages))
    return max(1, min(first, most)), most, max(doc.max, most), why


def _affordable(policy: Resolved, sampling: Sampling, messages: tuple[dict[str, Any], ...]) -> int:
    tokens = policy.doc.candidates.budget.tokens
    if tokens is None:
        return MOST_DRAWS
    return max(1, tokens // max(1, prompt_tokens(messages) + (sampling.max_tokens or 0)))


def _fields(request: Request, policy: Resolved, notes: list[str]) -> dict[str, Any]:
    fields = dict(request.fields)
    if policy.doc.output.kind in {"json", "label"} and "response_format" in fields and forced_tool(request) is None:
        form = fields["response_format"] or {}  # null is what some clients send for none
        if policy.doc.output.kind == "label" or (policy.doc.output.schema and form.get("type") != "json_schema"):
            del fields["response_format"]
            notes.append("response_format of the request was overridden by the policy")
    return fields


def _constraint(rules: tuple[Bound, ...], notes: list[str]) -> Constraint:
    """
    Merge what the enforced rules on the answer ask of generation; the request's own come after the policy's.

    Case is left to a rule that fixes it: changing case is exact, and a model that is held to one writes worse.
    """
    asked: list[tuple[str, Constraint]] = []
    for rule in (b.rule for b in rules):
        if rule.mode != "enforce" or rule.on_fail in UNENFORCED or "answer" not in rule.surfaces:
            continue
        constraint = rule.constraint()
        if constraint is not None and constraint.letters and rule.can_fix and rule.on_fail in ("fix", "fix_reask"):
            notes.append(f"case of {rule.key} not asked for: its fix sees to it")
            constraint = msgspec.structs.replace(constraint, letters="")
        if constraint is not None:
            asked.append((rule.key, constraint))
    merged = merge(asked)
    notes += merged.notes
    return merged.constraint


def _disclose(request: Request, policy: Resolved, notes: list[str]) -> Disclose:
    doc, asked = policy.doc.disclose, request.options.disclose or {}
    values = {f: getattr(doc, f) for f in doc.__struct_fields__}
    for field, value in sorted(asked.items()):
        if field in policy.doc.allow.disclose:
            values[field] = value
        else:
            notes.append(f"disclose.{field} of the request was overridden by the policy")
    if request.options.decorated:
        values["place"] = "field"
    try:
        return msgspec.convert(values, Disclose)
    except msgspec.ValidationError as error:
        raise RequestError(f"steady.disclose can't be used: {error}", param="steady.disclose") from error


def min_agreement(policy: Resolved) -> Fraction | None:
    """Return the policy's threshold as an exact fraction of the decimal that was written."""
    value = policy.doc.choose.min_agreement
    return None if value is None else Fraction(str(value))
