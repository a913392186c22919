"""docs/actions.md against the real thing: each row is run through a server, a stream and the decorator."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from tests.docs import softening
from tests.serving import Served, serving

from steady import SteadyError, steady
from steady.types import Action

DOC = Path(__file__).resolve().parents[2] / "docs" / "actions.md"
BAN = {"rule": "excludes", "terms": ["lava"]}
JSON = {"rule": "json"}
PII = {"rule": "no_pii", "kinds": ["email"]}
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FORM = {"type": "json_schema", "json_schema": {"name": "answer", "schema": CITY}}


class Case(NamedTuple):
    """How a row of the table comes about."""

    replies: tuple[str, ...]
    policy: dict[str, Any]
    request: Mapping[str, Any] = MappingProxyType({})


def _rule(rule: dict[str, Any], action: str, **fields: Any) -> dict[str, Any]:
    return {"rules": [{**rule, "on_fail": action, **fields}]}


TWICE = {"candidates": {"min": 1, "max": 2}}
LAVA = ("hot lava",)
ACTIONS = {
    ("`reask`", "the next try passes"): Case(("hot lava", "cold rock"), {**_rule(BAN, "reask"), **TWICE}),
    ("`reask`", "no try passes"): Case(LAVA, {**_rule(BAN, "reask"), **TWICE}),
    ("`fix`", "mended"): Case(("Write to ann@example.com.",), _rule(PII, "fix")),
    ("`fix`", "can't be mended"): Case(("no braces",), _rule(JSON, "fix")),
    ("`fix_reask`", "mended"): Case(("Write to ann@example.com.",), {**_rule(PII, "fix_reask")}),
    ("`fix_reask`", "asked again"): Case(("no braces", '{"a": 1}'), {**_rule(JSON, "fix_reask"), **TWICE}),
    ("`filter`", ""): Case(LAVA, _rule(BAN, "filter")),
    ("`refrain`", ""): Case(LAVA, _rule(BAN, "refrain")),
    ("`exception`", ""): Case(("lava is hot",), _rule(BAN, "exception")),  # from its start, so that no text has left
    ("`custom`", "mended"): Case(LAVA, _rule(BAN, "custom", function="soften")),
    ("`custom`", "can't be mended"): Case(LAVA, _rule(BAN, "custom", function="shrug")),
    ("`noop`", ""): Case(LAVA, _rule(BAN, "noop")),
    ("`penalize`", ""): Case(LAVA, _rule(BAN, "penalize")),
    ("any, `mode: shadow`", ""): Case(LAVA, _rule(BAN, "filter", mode="shadow")),
}
HAS = {"rule": "contains", "any": ["cold"]}
ENDS = {"rule": "ends_with", "text": "!"}
MINE = {"rule": "python", "timeout": "5s"}


def _rules(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"rules": list(rules)}


STONE = {**BAN, "replace": "stone", "on_fail": "fix"}
ICE = {"rule": "excludes", "id": "ice", "terms": ["hot lava"], "replace": "ice", "on_fail": "fix"}
FLOW = {"rule": "excludes", "id": "flow", "terms": ["lava flows"], "replace": "stone lies", "on_fail": "fix"}
MORE = {
    ("two with `fix`", "their fixes merge"): Case(LAVA, _rules(STONE, ICE)),
    ("two with `fix`", "their fixes contradict each other"): Case(("hot lava flows",), _rules(ICE, FLOW)),
    ("asks outside", "it passes"): Case(LAVA, _rules({**MINE, "function": "fine"})),
    ("asks outside", "it fails, `fix`"): Case(LAVA, _rules({**MINE, "function": "cooled", "on_fail": "fix"})),
    ("asks outside", "it can't judge, `on_error: fail`"): Case(LAVA, _rules({**MINE, "function": "broken"})),
    ("asks outside", "it can't judge, `on_error: pass`"): Case(
        LAVA, _rules({**MINE, "function": "broken", "on_error": "pass"})
    ),
    ("asks outside", "a pure rule has failed already"): Case(LAVA, _rules(BAN, {**MINE, "function": "broken"})),
    ("`all`", "its rules are searches, `fix`"): Case(
        LAVA, _rules({"rule": "all", "of": [{**BAN, "replace": "stone"}, PII], "on_fail": "fix"})
    ),
    ("`any`", "one of its rules holds"): Case(("cold lava",), _rules({"rule": "any", "of": [HAS, BAN]})),
    ("`any`", "none of its rules holds"): Case(LAVA, _rules({"rule": "any", "of": [HAS, BAN]})),
    ("`not`", "the rule inside holds"): Case(("cold",), _rules({"rule": "not", "of": HAS})),
    ("`not`", "the rule inside can't judge"): Case(LAVA, _rules({"rule": "not", "of": {**MINE, "function": "broken"}})),
    ("`when`", "its condition does not hold"): Case(LAVA, _rules({"rule": "when", "if": HAS, "then": ENDS})),
    ("`when`", "its condition holds, its rule does not, `fix`"): Case(
        ("cold",), _rules({"rule": "when", "if": HAS, "then": ENDS, "on_fail": "fix"})
    ),
}


def _asked(rule: dict[str, Any], action: str, **fields: Any) -> Case:
    return Case(("calm",), {"rules": [{**rule, "on": ["input"], "on_fail": action, **fields}], **TWICE})


HELLO = {"rule": "excludes", "terms": ["hello"]}
INPUT = {
    ("`fix`", "mended"): _asked({**HELLO, "replace": "***"}, "fix"),
    ("`fix`", "can't be mended"): _asked(JSON, "fix"),
    ("`fix_reask`", "mended"): _asked({**HELLO, "replace": "***"}, "fix_reask"),
    ("`custom`", "mended"): _asked(HELLO, "custom", function="bow"),
    **{(f"`{action}`", ""): _asked(HELLO, action) for action in ("reask", "filter", "refrain", "exception")},
    ("`filter`", "`otherwise: message`"): Case(
        ("calm",), {**_asked(HELLO, "filter").policy, "otherwise": {"do": "message", "text": "Sorry."}}
    ),
    **{(f"`{action}`", ""): _asked(HELLO, action) for action in ("noop", "penalize")},
}
FILTER = _rule(BAN, "filter")
OTHERWISE = {
    "`error`": Case(LAVA, FILTER),
    "`message`": Case(LAVA, {**FILTER, "otherwise": {"do": "message", "text": "Sorry."}}),
    "`message`, the request has a schema": Case(
        LAVA,
        {
            "output": {"kind": "json", "schema": CITY, "on_fail": "filter"},
            "otherwise": {"do": "message", "text": "Sorry."},
        },
        {"response_format": FORM},
    ),
    "`value`": Case(LAVA, {**FILTER, "otherwise": {"do": "value", "value": "unknown"}}),
    "`best`": Case(
        ("spam", "ham", "eggs"),
        {
            "output": {"kind": "label", "labels": ["spam", "ham", "eggs"], "on_fail": "filter"},
            "sampling": {"preset": "balanced"},
            "candidates": {"min": 3, "max": 3},
            "choose": {"min_agreement": 0.9},
            "otherwise": {"do": "best"},
        },
    ),
    "`model`": Case(LAVA, {**FILTER, "otherwise": {"do": "model", "model": "spare/m"}}),
}


def _table(after: str) -> list[dict[str, str]]:
    lines = DOC.read_text().partition(after)[2].splitlines()
    rows = [re.split(r" *\| *", line.strip())[1:-1] for line in lines[: _end(lines)] if line.startswith("|")]
    head, _, *body = rows
    return [dict(zip(head, row, strict=True)) for row in body]


def _end(lines: list[str]) -> int:
    return next((i for i, line in enumerate(lines) if line.startswith("## ")), len(lines))


ROWS = _table("## A rule on what the model says")
MORE_ROWS = _table("## Fixes that contradict each other")
INPUT_ROWS = _table("## A rule on the input")
OTHER_ROWS = _table("## When there is no answer")
RUNS = [
    *((row, ACTIONS.get((row["on_fail"], row["case"]))) for row in ROWS),
    *((row, MORE.get((row["rule"], row["case"]))) for row in MORE_ROWS),
    *((row, INPUT.get((row["on_fail"], row["case"]))) for row in INPUT_ROWS),
    *((row, OTHERWISE.get(row["otherwise"])) for row in OTHER_ROWS),
]
IDS = [" ".join(list(row.values())[:2])[:50] for row, _ in RUNS]


def test_the_tables_name_every_action_and_every_otherwise() -> None:
    """A new action has no way out that the docs don't show."""
    from typing import get_args, get_type_hints

    from steady.policy.document import Otherwise

    named = {re.sub(r"`(.+)`", r"\1", row["on_fail"]) for row in ROWS}
    assert set(get_args(Action)) == named - {"any, `mode: shadow`", "any, mode: shadow"}
    given = {row["otherwise"].split("`")[1] for row in OTHER_ROWS}
    assert given == set(get_args(get_type_hints(Otherwise)["do"]))
    assert {(row["on_fail"], row["case"]) for row in ROWS} == set(ACTIONS)
    assert {(row["rule"], row["case"]) for row in MORE_ROWS} == set(MORE)
    assert {(row["on_fail"], row["case"]) for row in INPUT_ROWS} == set(INPUT)
    assert set(get_args(Action)) == {row["on_fail"].strip("`") for row in INPUT_ROWS}
    assert {row["otherwise"] for row in OTHER_ROWS} == set(OTHERWISE)


def _document(case: Case) -> dict[str, Any]:
    return {"steady": 1, "name": "p", "model": "s/m", "disclose": {"place": "none", "when": "never"}, **case.policy}


def _config(folder: Path, case: Case) -> dict[str, Any]:
    (folder / "replies.yaml").write_text(json.dumps(list(case.replies)))
    (folder / "spare.yaml").write_text(json.dumps(["a spare answer"]))
    made = {"kind": "scripted", "models": ["m"]}
    return {
        "providers": {"s": {**made, "script": "replies.yaml"}, "spare": {"kind": "scripted", "script": "spare.yaml"}},
        "functions": {name: f"tests.docs.softening:{name}" for name in softening.__all__},
    }


@pytest.fixture
def served(case: Case, tmp_path: Path) -> Iterator[Served]:
    """A server under the row's policy."""
    with serving(tmp_path, _config(tmp_path, case), [_document(case)]) as one:
        yield one


@pytest.mark.parametrize(("row", "case"), RUNS, ids=IDS)
def test_status_finish_reason_and_action_are_as_the_table_says(row: dict[str, str], case: Case, served: Served) -> None:
    answer = served.chat("Hello", model="p", **case.request)

    assert str(answer.status) == row["HTTP"], answer.body
    finish = answer.json["choices"][0]["finish_reason"] if answer.status == 200 else "-"
    assert (finish, answer.json["steady"]["action"]) == (row["finish_reason"], row["steady.action"])
    if answer.status != 200:
        code = "rule_violation" if row.get("on_fail") == "`exception`" else "no_acceptable_answer"
        assert answer.error["code"] == code
        paid = row not in INPUT_ROWS  # a refused request may be sent again: it cost nothing
        assert answer.headers.get("x-should-retry") == ("false" if paid else None)
    if "refusal" in (row.get("the request") or row.get("what the caller gets") or ""):
        assert answer.json["choices"][0]["message"]["content"] is None
        assert answer.json["choices"][0]["message"]["refusal"]


STREAMED = [i for i, (row, _) in enumerate(RUNS) if "stream" in row]


@pytest.mark.parametrize(("row", "case"), [RUNS[i] for i in STREAMED], ids=[IDS[i] for i in STREAMED])
def test_a_policy_streams_as_the_table_says(row: dict[str, str], case: Case, served: Served) -> None:
    streamed = served.chat("Hello", model="p", stream=True, **case.request)
    policy = served.services.runtime.library.resolved("p", None)

    assert ("live" if policy.plan.live else "buffered") == row["stream"]
    if row["HTTP"] == "200":
        last = streamed.events[-1]
        assert last["steady"]["action"] == row["steady.action"]
        assert last["steady"]["stream"]["live"] is (row["stream"] == "live")
    else:
        assert str(streamed.status) == row["HTTP"]  # no text had left, so the error keeps its status


@pytest.mark.parametrize(("row", "case"), RUNS, ids=IDS)
def test_the_decorators_caller_gets_what_the_table_says(row: dict[str, str], case: Case, served: Served) -> None:
    said = iter(case.replies * 8)
    document = {key: value for key, value in _document(case).items() if key != "model"}

    @steady(document, config=served.services.runtime.found.file)
    def answer(prompt: str, *, temperature: float = 1.0, seed: int = 0) -> str:
        return next(said)

    wanted = row["decorator's caller gets"]
    if wanted == "value":
        assert isinstance(answer("Hello"), str)
        return
    with pytest.raises(SteadyError) as caught:
        answer("Hello")
    assert type(caught.value).__name__ == wanted


LONG = ("All is calm here and nothing is said of it. " * 8 + "But then: hot lava.",)


@pytest.mark.parametrize("case", [Case(LONG, _rule(BAN, "exception"))], ids=["exception"])
def test_a_live_stream_that_breaks_a_rule_part_way_ends_with_one_error_event(case: Case, served: Served) -> None:
    served.services.runtime.providers["s"]._size = 5  # type: ignore[attr-defined]  # characters in one piece
    streamed = served.chat("Hello", model="p", stream=True)
    errors = [event for event in streamed.events if "error" in event]

    assert streamed.status == 200 and streamed.streamed and "lava" not in streamed.streamed
    assert errors == streamed.events[-1:] and errors[0]["error"]["code"] == 422
    assert "[DONE]" not in streamed.body.decode()
    assert not [c for event in streamed.events for c in event.get("choices", ()) if c.get("finish_reason")]
