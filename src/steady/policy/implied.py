"""
The rule that a policy's `output` implies, and what its `on_fail` means where a fix can't be made.

| output | implied rule | id |
|---|---|---|
| `kind: label`, `labels` | `one_of` with those values | `output` |
| `kind: flag` | `one_of` with its two labels (yes, no) | `output` |
| `kind: json`, `schema` | `json_schema` with that schema | `output` |
| `kind: json` | `json` | `output` |
| `kind: ranking` | `json_schema`: an array of different items; with `labels` all of them, each once | `output` |
| `kind: items` | `json_schema`: an array of different items, with `labels` only those | `output` |
| `kind: clusters` | `json_schema`: an array of arrays of items, with `labels` only those | `output` |
| `kind: number` | `range` without bounds: the answer is a number | `output` |
| `kind: tool_call` | `tool_call_schema`, `required`: there is a call, its arguments fit the tool's schema | `output` |
| `kind: code`, a `language` that can be read | `code` with `whole`: the answer parses | `output` |
| `kind: text` | none | |

Where the rule has no fix, or `repair: none` forbids it, `fix` means `filter`, and `fix_reask` means `reask`; `reask` in
turn means `filter` where only one candidate may be made, since a reask counts as one. The policy's own words stay as
they are in the document; the rule carries what is done.
"""

from typing import Any

from steady.policy.document import Output, Policy
from steady.rules.rule import Rule
from steady.types import Action

OUTPUT_ID = "output"
FLAG = ("yes", "no")  # what raises a flag, and what does not, where the policy has no words of its own


def implied_rule(policy: Policy) -> Rule | None:
    """Return the rule that the output's kind, labels or schema imply, or None for text and code that can't be read."""
    output = policy.output
    rule = _of_kind(output)
    if rule is None:
        return None
    can_fix = rule.can_fix and output.repair != "none"
    action: Action = output.on_fail
    if not can_fix and action in {"fix", "fix_reask"}:
        action = "filter" if action == "fix" else "reask"
    if action == "reask" and policy.candidates.max == 1:
        action = "filter"
    return _with(rule, action)


def _of_kind(output: Output) -> Rule | None:
    from steady.rules.code import LANGUAGES, Code
    from steady.rules.json_schema import JsonSchema
    from steady.rules.json_text import Json
    from steady.rules.tools import ToolCallSchema
    from steady.rules.values import OneOf, Range

    match output.kind:
        case "label":
            return OneOf(values=output.labels or (), repair=output.repair)
        case "flag":
            return OneOf(values=output.labels or FLAG, repair=output.repair)
        case "number":
            return Range()
        case "ranking" | "items" | "clusters":
            return JsonSchema(schema=list_schema(output), repair=output.repair)
        case "json" if isinstance(output.schema, dict):
            return JsonSchema(schema=output.schema, repair=output.repair)
        case "json":
            return Json(repair=output.repair)
        case "tool_call":
            return ToolCallSchema(required=True)
        case "code" if output.language in LANGUAGES:
            return Code(languages=(output.language,), whole=True)
    return None


def list_schema(output: Output) -> dict[str, Any]:
    """Return the JSON Schema of the answers of a kind that is a list."""
    item: dict[str, Any] = {"enum": list(output.labels)} if output.labels else {"type": ["string", "number"]}
    items = {"type": "array", "items": item, "uniqueItems": True, "minItems": 1}
    if output.kind == "clusters":
        return {"type": "array", "items": items, "minItems": 1}
    if output.kind == "ranking" and output.labels:
        items |= {"minItems": len(output.labels), "maxItems": len(output.labels)}
    return items


def _with(rule: Rule, action: Action) -> Rule:
    from msgspec.structs import replace

    return replace(rule, id=OUTPUT_ID, on_fail=action)
