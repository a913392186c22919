"""Random things that models say, and rules to hold them to: what the property of L2 is tested over."""

import json
from typing import Any

from hypothesis import strategies as st
from tests.pipeline.worlds import tool_call

EMAILS = ("ann@example.com", "ann.b+c@mail.example.org", "ａnn@example.com", "ann@exa\u200bmple.com", "a@b.co")
CARDS = (
    "4111 1111 1111 1111",
    "4111111111111111",
    "5500-0000-0000-0004",
    "4111\u200b111111111111",
    "４１１１１１１１１１１１１１１１",
)
IBANS = ("DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432")
KEYS = (
    "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----",
    "password = 'hunter2hunter2'",
)
URLS = (
    "https://evil.test/x?y=1",
    "http://example.com",
    "www.evil.test",
    "example.com/path",
    "https://ex\u00adample.com",
)
BANNED = (
    "guarantee",
    "GUARANTEE",
    "ｇｕａｒａｎｔｅｅ",
    "gua\u200brantee",
    "guarantees",
    "refund policy",
    "refund  policy",
)
PHONES = ("+49 170 1234567", "(555) 010-9999", "010-1234-5678")
HALVES = (
    "ann@",
    "@example.com",
    "4111 1111",
    "1111 1111 ",
    "https://",
    "guar",
    "antee",
    "ref",
    "und policy",
    "DE89",
    "sk-",
)
PLAIN = (
    "Paris is the capital.",
    "Hello",
    " ",
    ".",
    "\n",
    "x",
    "42",
    "7 of 8",
    "é日本",
    "😀",
    "\u200b",
    "No",
    "Yes.",
    "a b c d ",
)
TRAPS = ("[EMAIL]", "[email]", "[link removed]", "[SECRET]", "ab-ab-", "bad bad bad bad ")

FRAGMENTS = EMAILS + CARDS + IBANS + KEYS + URLS + BANNED + PHONES + HALVES + PLAIN * 2 + TRAPS
fragment = st.one_of(
    st.sampled_from(PLAIN), st.sampled_from(FRAGMENTS), st.sampled_from(FRAGMENTS), st.text(max_size=6)
)
prose = st.builds(
    lambda parts, glue: glue.join(parts), st.lists(fragment, max_size=7), st.sampled_from(["", "", " ", " ", ", "])
)

SHORT = prose
filler = st.builds(
    lambda word, times: word * times, st.sampled_from(("so it is, ", "日本 ", "Paris\n")), st.integers(1, 90)
)
long_prose = st.builds("".join, st.lists(st.one_of(prose, filler), min_size=1, max_size=5))
"""Longer than the widest hold-back, so that a live stream has something to send before the end."""

_value = st.one_of(st.sampled_from((1, "7", 3.5, None, True)), st.sampled_from(FRAGMENTS), st.integers(-5, 99))
_object = st.dictionaries(st.sampled_from(("total", "currency", "note", "items")), _value, max_size=4)
faulty = st.sampled_from(
    (
        "{0}",
        "```json\n{0}\n```",
        "Here: {0}",
        "{0},",
        "{0}}}",
        " {0} ",
        "[{0}]",
        "'{0}'",
        "{0}\nDone. Mail ann@example.com",
    )
)
json_text = st.builds(lambda value, frame: frame.format(json.dumps(value)), _object, faulty)
cut_json = st.builds(lambda value, at: json.dumps(value)[:at], _object, st.integers(0, 30))
text = st.one_of(
    prose, prose, prose, json_text, cut_json, st.sampled_from(("spam", "Ham", "SPAM!", "the answer is ham"))
)

_arguments = st.one_of(st.builds(lambda a, b: json.dumps({"to": a, "body": b}), fragment, fragment), prose, json_text)
calls = st.lists(st.builds(tool_call, _arguments, st.sampled_from(("send", "look"))), min_size=1, max_size=2)


@st.composite
def message(draw: st.DrawFn, prose: st.SearchStrategy[str] = prose) -> dict[str, Any]:
    """Return one assistant message: mostly text, now and then everything that a message can hold."""
    made: dict[str, Any] = {"role": "assistant", "content": draw(text if prose is SHORT else prose)}
    extra = draw(
        st.sampled_from(("", "", "", "", "reasoning", "blocks", "calls", "refusal", "unknown", "null", "legacy"))
    )
    if extra == "reasoning":
        made[draw(st.sampled_from(("reasoning", "reasoning_content")))] = draw(prose)
        if draw(st.booleans()):
            made["signature"] = "c2lnbmVk"
    elif extra == "blocks":
        block = {"type": "thinking", "thinking": draw(prose)}
        signed = {"signature": "c2lnbmVk"} if draw(st.booleans()) else {}
        made["reasoning_details"] = [{"type": "text", "text": draw(prose)}, block | signed]
    elif extra == "calls":
        made["tool_calls"] = draw(calls)
        made["content"] = draw(st.one_of(st.none(), prose))
    elif extra == "refusal":
        made |= {"content": None, "refusal": draw(prose)}
    elif extra == "unknown":
        made["thoughts_of_tomorrow"] = draw(
            st.one_of(prose, st.fixed_dictionaries({"deep": st.lists(prose, max_size=2)}))
        )
    elif extra == "null":
        made["content"] = draw(st.sampled_from((None, "")))
    elif extra == "legacy":
        made |= {"content": None, "function_call": {"name": "send", "arguments": draw(_arguments)}}
    return made


finish = st.sampled_from(("stop", "stop", "stop", "stop", "length", "content_filter"))


def choices(said: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda said, why: {"message": said, "finish_reason": "tool_calls" if said.get("tool_calls") else why},
        said,
        finish,
    )


choice = choices(message())
long_choice = choices(message(long_prose))

_TEXT_SURFACES = (
    ["answer"],
    ["answer", "reasoning"],
    ["answer", "tool_arguments", "reasoning"],
    ["tool_arguments"],
    ["reasoning"],
)
SEARCHES: tuple[dict[str, Any], ...] = (
    {"rule": "no_pii"},
    {"rule": "no_pii", "kinds": ["email", "credit_card"]},
    {"rule": "no_pii", "kinds": ["iban", "phone"]},
    {"rule": "no_secrets"},
    {"rule": "no_urls"},
    {"rule": "urls_allowed", "domains": ["example.com"]},
    {"rule": "excludes", "terms": ["guarantee", "refund policy"], "replace": "***"},
    {"rule": "excludes", "terms": ["guarantee", "a"], "words": False, "replace": "_"},
    {"rule": "not_regex", "pattern": "[0-9]{4}", "replace": "####"},
    {"rule": "not_regex", "pattern": "(?i)bad ", "replace": ""},
)
PREFIXES: tuple[dict[str, Any], ...] = (
    {"rule": "length", "characters": {"max": 25}},
    {"rule": "length", "words": {"max": 6}},
    {"rule": "starts_with", "any": ["Paris", "Hello", "No"]},
)
WHOLES: tuple[dict[str, Any], ...] = (
    {"rule": "json"},
    {"rule": "json", "type": "object"},
    {
        "rule": "json_schema",
        "schema": {"type": "object", "required": ["total"], "properties": {"total": {"type": "integer"}}},
    },
    {"rule": "regex", "pattern": "[a-z]"},
    {"rule": "contains", "any": ["a", "e"]},
    {"rule": "ends_with", "any": [".", "!"]},
    {"rule": "length", "characters": {"min": 3}},
    {"rule": "length", "words": {"min": 1, "max": 9}},
    {"rule": "length", "sentences": {"max": 2}},
    {"rule": "one_of", "values": ["spam", "ham"]},
    {"rule": "range", "min": 0, "max": 10},
    {"rule": "no_repetition", "n": 2, "max_ratio": 0.3},
    {"rule": "language", "allow": ["en"]},
    {"rule": "tool_call_schema"},
    {"rule": "expression", "expr": "length < 60"},
)
NOT_FIXED = frozenset(("language", "regex", "contains", "tool_call_schema", "expression"))
ACTIONS = ("filter", "filter", "reask", "refrain", "exception", "custom", "noop", "penalize", "fix", "fix", "fix_reask")


@st.composite
def any_rule(draw: st.DrawFn) -> dict[str, Any]:
    """Return any rule with any action and surfaces that are legal for it."""
    made = dict(draw(st.one_of(st.sampled_from(SEARCHES), st.sampled_from(PREFIXES), st.sampled_from(WHOLES))))
    legal = [a for a in ACTIONS if not (a.startswith("fix") and made["rule"] in NOT_FIXED)]
    made["on_fail"] = draw(st.sampled_from(legal))
    if made["on_fail"] == "custom":
        made["function"] = draw(st.sampled_from(("blank", "same", "drop", "mail", "raise")))
    if made["rule"] != "tool_call_schema" and draw(st.booleans()):
        made["on"] = draw(st.sampled_from(_TEXT_SURFACES))
    if draw(st.integers(0, 9)) == 0:
        made["mode"] = "shadow"
    return made


@st.composite
def live_rule(draw: st.DrawFn) -> dict[str, Any]:
    """Return a rule under which a text can be streamed live."""
    made = dict(draw(st.one_of(st.sampled_from(SEARCHES), st.sampled_from(SEARCHES), st.sampled_from(PREFIXES))))
    made["on_fail"] = "exception" if made in PREFIXES else draw(st.sampled_from(("fix", "fix", "exception")))
    if draw(st.booleans()):
        made["on"] = draw(st.sampled_from(_TEXT_SURFACES))
    if draw(st.integers(0, 9)) == 0:
        made |= {"mode": "shadow", "on_fail": "filter"}
    return made


def named(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rules with ids that differ."""
    return [{**rule, "id": f"r{i}"} for i, rule in enumerate(rules)]


async def blank(text: str, reason: str) -> str | None:
    return "Hello there"


async def same(text: str, reason: str) -> str | None:
    return text


async def drop(text: str, reason: str) -> str | None:
    return None


async def mail(text: str, reason: str) -> str | None:
    return "write to ann@example.com, we guarantee 4111111111111111"


async def broken(text: str, reason: str) -> str | None:
    raise ValueError("this function is broken")


FUNCTIONS = {"blank": blank, "same": same, "drop": drop, "mail": mail, "raise": broken}
DISCLOSED = (
    {"place": "none", "when": "never"},
    {"place": "append"},
    {"place": "prefix"},
    {"place": "field"},
    {"place": "append", "text": "Written by AI. {agreed}/{of}"},
)
OTHERWISE: tuple[dict[str, Any], ...] = (
    {"do": "error"},
    {"do": "message", "text": "Ask ann@example.com."},
    {"do": "best"},
    {"do": "model", "model": "other/m2"},
)
"""The message breaks every rule on purpose: what the policy's own author wrote is not judged."""


@st.composite
def document(draw: st.DrawFn, live: bool) -> dict[str, Any]:
    """Return a policy. `live`: one that mostly can stream live."""
    rule = live_rule() if live else any_rule()
    most = 1 if live else draw(st.sampled_from((1, 2, 3, 4)))
    made: dict[str, Any] = {
        "rules": named(draw(st.lists(rule, min_size=1, max_size=4))),
        "candidates": {"min": draw(st.integers(1, most)), "max": most},
        "disclose": draw(st.sampled_from([d for d in DISCLOSED if not live or d["place"] != "prefix"])),
        "otherwise": draw(st.sampled_from(OTHERWISE)),
    }
    if not live:
        made["output"] = draw(
            st.sampled_from(
                ({"kind": "text"}, {"kind": "text"}, {"kind": "json"}, {"kind": "label", "labels": ["spam", "ham"]})
            )
        )
        if most > 1 and draw(st.booleans()):
            made["choose"] = draw(
                st.sampled_from(({"min_agreement": 0.5}, {"by": "first"}, {"variability_penalty": 0.5}))
            )
    return made
