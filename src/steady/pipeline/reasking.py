"""
reask: what a model is told of an answer that failed: each rule with what was found and what would pass, and what was
right and may stay.

Where a rule on secrets or personal data failed, neither the answer nor any word of it is shown, only the kind of what
was found: a rule's statement and reason never hold more. All of it is bounded in size.
"""

from typing import Any

import msgspec

from steady.pipeline.act import Acted
from steady.pipeline.pieces import answer_text, calls_text
from steady.rules.json_reader import Node
from steady.rules.json_schema import JsonSchema, JsonSchemaCheck
from steady.rules.repair import outline
from steady.rules.rule import Context, Rule
from steady.types import Piece, Span

QUOTED = 2_000  # characters of the failed answer, of its tool calls, and of the fields to be kept
FOUND = 400  # characters of one rule's evidence
SAID = 2_400  # characters of one rule's statement: a JSON Schema may be long
LONGEST = 12_000  # characters of the whole message
POINTERS = 10


def reasked(failed: Acted) -> list[dict[str, Any]]:
    """Return what follows the conversation: the answer that failed, where it may be shown, and what to do."""
    private = any(bound.rule.sensitive for bound, _ in failed.failing)
    text = "" if private else answer_text(failed.choice)
    calls = "" if private or not failed.choice.get("message", {}).get("tool_calls") else calls_text(failed.choice)
    lines = ["That answer can't be used."]
    if calls:
        lines.append(f"You made these tool calls: {_cut(calls, QUOTED)}")
    lines.append("What is wrong, and what would pass:")
    lines += dict.fromkeys(_line(bound.rule, reason, private) for bound, reason in failed.failing)
    lines.append(_kept(failed, text, calls))
    messages: list[dict[str, Any]] = []
    if text and not calls:
        messages.append({"role": "assistant", "content": text[:QUOTED]})
    messages.append({"role": "user", "content": _cut("\n".join(lines), LONGEST)})
    return messages


def _line(rule: Rule, reason: str, private: bool) -> str:
    """One rule: what would pass, then what was found. Beside a private rule the others' evidence could quote it."""
    said = _cut(rule.statement(), SAID)
    found = "" if private and not rule.sensitive else _cut(reason, FOUND)
    if said and found:
        return f"- {said} Found: {found}"
    return f"- {said or found or rule.key}"


def _kept(failed: Acted, text: str, calls: str) -> str:
    if calls:
        return "Make the calls again, all of them, and keep the arguments that were right as they were."
    if text:
        wrong, right = _json_parts(failed, text)
        if right is not None:
            told = f" and change only {', '.join(wrong[:POINTERS])}" if wrong else ""
            return (
                f"These fields were right, keep them as they are{told}: {_cut(right, QUOTED)}\nAnswer again, in full."
            )
        return "Answer again, in full. What the rules do not touch may stay as it was."
    return "Answer the question again, in full."


def _json_parts(failed: Acted, text: str) -> tuple[list[str], str | None]:
    """Return the pointers of what is wrong in a JSON object, and its other fields as JSON; None if nothing is right."""
    checks = [bound.check for bound, _ in failed.failing if isinstance(bound.check, JsonSchemaCheck)]
    if not checks or len(failed.failing) > len(checks):
        return [], None
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return [], None
    if not isinstance(value, dict):
        return [], None
    tree, piece = outline(text), Piece("answer", ("message", "content"), text)
    whole = Span(tree.start, tree.end)
    spans = sorted({span for check in checks for span in check.judge(piece, Context()).spans})
    known = [names for bound, _ in failed.failing if (names := _closed(bound.rule)) is not None]
    right: dict[str, Any] = {}
    for key, node in tree.members:
        name = msgspec.json.decode(text[key.start : key.end])
        touched = any(span.start < node.end and node.start < span.end for span in spans if span != whole)
        if not touched and all(name in names for names in known):
            right[name] = value[name]
    wrong = [pointer for span in spans if (pointer := _pointer(text, tree, span))]
    return wrong, msgspec.json.encode(right).decode() if right else None


def _closed(rule: Rule) -> frozenset[str] | None:
    """The names that a schema allows, if it allows no others."""
    schema = rule.schema if isinstance(rule, JsonSchema) else None
    if not isinstance(schema, dict) or schema.get("additionalProperties") is not False:
        return None
    return frozenset(schema.get("properties") or ())


def _pointer(text: str, node: Node, span: Span) -> str:
    """Return the JSON pointer of the value at `span`; "" for the top or for none."""
    steps = [(str(n), item) for n, item in enumerate(node.items)]
    steps += [(str(msgspec.json.decode(text[key.start : key.end])), value) for key, value in node.members]
    for step, inner in steps:
        if inner.start <= span.start and span.end <= inner.end:
            here = "/" + step.replace("~", "~0").replace("/", "~1")
            return here + ("" if (inner.start, inner.end) == span else _pointer(text, inner, span))
    return ""


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."
