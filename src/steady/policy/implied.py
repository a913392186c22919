"""
The rule that a policy's `output` implies, and what its `on_fail` means where a fix can't be made.

| output | implied rule | id |
|---|---|---|
| `kind: label`, `labels` | `one_of` with those values | `output` |
| `kind: json`, `schema` | `json_schema` with that schema | `output` |
| `kind: json` | `json` | `output` |
| `kind: number` | `range` without bounds: the answer is a number | `output` |
| `kind: text` | none | |

Where the rule has no fix, or `repair: none` forbids it, `fix` means `filter`, and `fix_reask` means `reask`; `reask` in
turn means `filter` where only one candidate may be made, since a reask counts as one. The policy's own words stay as
they are in the document; the rule carries what is done.
"""

from steady.policy.document import Policy
from steady.rules.rule import Rule
from steady.types import Action

OUTPUT_ID = "output"


def implied_rule(policy: Policy) -> Rule | None:
    """Return the rule that the output's kind, labels or schema imply, or None for text."""
    output = policy.output
    if output.kind == "text":
        return None
    rule = _of_kind(policy)
    can_fix = rule.can_fix and output.repair != "none"
    action: Action = output.on_fail
    if not can_fix and action in {"fix", "fix_reask"}:
        action = "filter" if action == "fix" else "reask"
    if action == "reask" and policy.candidates.max == 1:
        action = "filter"
    return _with(rule, action)


def _of_kind(policy: Policy) -> Rule:
    from steady.rules.json_schema import JsonSchema
    from steady.rules.json_text import Json
    from steady.rules.values import OneOf, Range

    output = policy.output
    if output.kind == "label":
        return OneOf(values=output.labels or (), repair=output.repair)
    if output.kind == "number":
        return Range()
    if isinstance(output.schema, dict):
        return JsonSchema(schema=output.schema, repair=output.repair)
    return Json(repair=output.repair)


def _with(rule: Rule, action: Action) -> Rule:
    from msgspec.structs import replace

    return replace(rule, id=OUTPUT_ID, on_fail=action)
