"""POST /v1/checks: what a run would do with a text, a choice or an input; no model is asked, nothing is kept."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.serving import Answer, Served, openai_like, policy, serving, sha256
from tests.upstream import Upstream

from steady.policy.library import shipped

DOC = Path(__file__).resolve().parents[2] / "docs" / "checks.md"
EMAIL = {"rule": "no_pii", "kinds": ["email"], "on_fail": "fix"}
POLICIES = [
    policy(
        "mail",
        model="up/m",
        candidates={"max": 2},
        rules=[EMAIL, {"rule": "length", "words": {"max": 9}, "on_fail": "reask"}],
    ),
    policy("calm", model="up/m", rules=[{"rule": "excludes", "terms": ["guarantee"], "on_fail": "filter"}]),
    policy("quiet", model="up/m", rules=[{"rule": "excludes", "terms": ["guarantee"], "on_fail": "refrain"}]),
    policy("strict", model="up/m", rules=[{"rule": "excludes", "terms": ["guarantee"], "on_fail": "exception"}]),
    policy("shadow", model="up/m", rules=[{"rule": "excludes", "terms": ["guarantee"], "mode": "shadow"}]),
    policy(
        "asked",
        model="up/m",
        rules=[
            {**EMAIL, "id": "mask", "on": ["input"]},
            {"rule": "excludes", "id": "no-hack", "on": ["input"], "terms": ["hack"], "on_fail": "refrain"},
        ],
    ),
    policy(
        "outside",
        model="up/m",
        rules=[{"rule": "excludes", "terms": ["guarantee"], "on_fail": "custom", "function": "first"}],
    ),
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Upstream]]:
    """One server over an upstream that must never be called; two keys, one of which may name two policies."""
    keys = [
        {"sha256": sha256("all"), "tenant": "acme"},
        {"sha256": sha256("two"), "tenant": "other", "policies": ["mail", "calm"], "models": False},
    ]
    with Upstream() as up:
        config = {
            "providers": {"up": openai_like(up)},
            "keys": keys,
            "server": {"max_body": "20KiB"},
            "functions": {"first": "builtins:min"},
        }
        with serving(tmp_path_factory.mktemp("checks"), config, POLICIES) as steady:
            yield steady, up


@pytest.fixture
def steady(served: tuple[Served, Upstream]) -> Served:
    return served[0]


def check(steady: Served, key: str = "all", **body: Any) -> Answer:
    return steady.ask("POST", "/v1/checks", body, key=key)


def test_a_text_that_a_rule_fixes_comes_back_fixed_with_its_verdicts(steady: Served) -> None:
    answer = check(steady, policy="mail", text="Write to ann@example.com today.")
    body = answer.json

    assert (answer.status, body["object"], body["action"], body["passed"]) == (200, "steady.check", "fixed", False)
    assert body["text"] == "Write to [EMAIL] today."
    assert [(v["rule"], v["passed"]) for v in body["verdicts"]] == [("no_pii", False), ("length", True)]
    assert answer.headers["x-steady-policy"] == "mail" and answer.headers["x-steady-policy-hash"] == body["policy_hash"]


@pytest.mark.parametrize(
    ("name", "action"),
    [("calm", "dropped"), ("quiet", "refrained"), ("strict", "error"), ("shadow", "passed"), ("mail", "passed")],
)
def test_the_action_is_what_on_fail_says(steady: Served, name: str, action: str) -> None:
    body = check(steady, policy=name, text="I guarantee it.").json

    assert body["action"] == action and body["passed"] is (action == "passed")
    assert body["text"] == ("I guarantee it." if action == "passed" else None)
    assert ("excludes" in body["reason"]) is (action != "passed")


def test_a_reask_says_so(steady: Served) -> None:
    body = check(steady, policy="mail", text="one two three four five six seven eight nine ten").json

    assert (body["action"], body["text"]) == ("asked_again", None) and body["reason"].startswith("the rule length")


def test_a_choice_is_judged_on_every_surface_and_given_back(steady: Served) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "mail", "arguments": '{"to": "x"}'}}
    message = {
        "role": "assistant",
        "content": "hi ann@example.com",
        "reasoning": "bob@example.com",
        "tool_calls": [call],
    }
    body = check(steady, policy="mail", choice={"message": message, "finish_reason": "tool_calls"}).json

    assert body["choice"]["message"]["content"] == "hi [EMAIL]" and body["choice"]["message"]["tool_calls"] == [call]
    surfaces = {v["surface"] for v in body["verdicts"] if v["rule"] == "no_pii"}
    assert surfaces == {"answer", "reasoning", "tool_arguments"}


def test_an_input_is_fixed_or_refused_and_a_refused_one_ends_the_check(steady: Served) -> None:
    fixed = check(steady, policy="asked", input="I am ann@example.com").json
    refused = check(steady, policy="asked", input="hack it", text="a text that nobody judges").json

    assert (fixed["action"], fixed["messages"][-1]["content"]) == ("fixed", "I am [EMAIL]") and "text" not in fixed
    assert (refused["action"], refused["messages"], refused["text"]) == ("refused_input", None, None)
    assert {v["surface"] for v in refused["verdicts"]} == {"input"}


def test_input_rules_judge_nothing_that_was_not_given(steady: Served) -> None:
    body = check(steady, policy="asked", text="hack ann@example.com").json

    assert (body["action"], body["verdicts"]) == ("passed", []) and "messages" not in body


def test_messages_are_context_and_input_their_last(steady: Served) -> None:
    messages = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    body = check(steady, policy="asked", messages=messages, input="three").json

    assert [m["content"] for m in body["messages"]] == ["one", "two", "three"]


def test_a_requests_own_form_is_a_rule_here_too(steady: Served) -> None:
    body = check(steady, policy="calm", text="[1]", response_format={"type": "json_object"}).json

    assert [v["rule"] for v in body["verdicts"] if v["passed"] is False][:1] == ["request_json"]


def test_explain_adds_spans_and_hashes_and_never_what_a_sensitive_rule_matched(steady: Served) -> None:
    plain = check(steady, policy="mail", text="Mail canary@example.com one two three four five six seven eight").json
    told = check(steady, policy="mail", text="Mail canary@example.com", explain=True).json

    assert "spans" not in json.dumps(plain) and told["verdicts"][0]["spans"] == [[5, 23]]
    assert len(told["verdicts"][0]["hashes"][0]) == 16
    assert "canary" not in json.dumps(plain) + json.dumps(told)


def test_a_rule_that_asks_outside_is_asked(steady: Served) -> None:
    """The function is `min` of the text and the reason: what comes back is the reason, so it was called."""
    body = check(steady, policy="outside", text="~ guarantee ~").json

    assert body["action"] == "fixed" and body["text"] == body["verdicts"][0]["reason"]


def test_a_key_names_only_its_policies(steady: Served) -> None:
    allowed, other = check(steady, "two", policy="calm", text="x"), check(steady, "two", policy="strict", text="x")
    nobody = steady.ask("POST", "/v1/checks", {"policy": "calm", "text": "x"})

    assert (allowed.status, other.status, nobody.status) == (200, 404, 401)
    assert other.error["code"] == "model_not_found" and "shadow" not in other.error["message"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "text"),
        ({"policy": "calm"}, "text"),
        ({"text": 3}, "text"),
        ({"text": "x", "choice": {"message": {}}}, "text"),
        ({"choice": {"text": "x"}}, "choice"),
        ({"text": "x", "polcy": "calm"}, "polcy"),
        ({"text": "x", "store": True}, "store"),
        ({"text": "x", "policy": 3}, "policy"),
        ({"text": "x", "explain": "yes"}, "explain"),
        ({"input": ["x"]}, "input"),
        ({"text": "x", "messages": "hi"}, "messages"),
        ({"text": "x", "messages": [{"content": "hi"}]}, "messages[0].role"),
        ({"text": "x", "tools": {"a": 1}}, "tools"),
    ],
)
def test_a_wrong_body_is_a_400_that_names_the_field(steady: Served, body: dict[str, Any], param: str) -> None:
    answer = check(steady, **body)

    assert (answer.status, answer.error["param"], answer.error["type"]) == (400, param, "invalid_request_error")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"text": "\xff"}', b"[" * 3000])
def test_what_is_no_json_object_is_a_400(steady: Served, body: bytes) -> None:
    assert steady.ask("POST", "/v1/checks", body, key="all").status == 400


def test_a_body_over_the_limit_is_a_413_and_get_a_405(steady: Served) -> None:
    assert check(steady, policy="calm", text="x" * 30_000).status == 413
    assert steady.get("/v1/checks", key="all").status == 405


def test_no_model_is_asked_and_nothing_is_kept_but_verdicts_are_counted(served: tuple[Served, Upstream]) -> None:
    steady, up = served
    before = steady.metric("steady_verdicts_total"), steady.metric("steady_requests_total")
    check(steady, policy="mail", text="x")
    store = steady.services.runtime.store

    assert up.requests == [] and store is not None and store.stored + store.queued == 0
    assert steady.metric("steady_verdicts_total") == before[0] + 2
    assert steady.metric("steady_requests_total") == before[1] + 1


def test_the_example_of_the_docs_is_what_is_answered(tmp_path: Path) -> None:
    text = DOC.read_text("utf-8")
    sent = json.loads(re.search(r"-d '(\{.*?\})'", text, re.S)[1])  # type: ignore[index]
    said = json.loads(re.search(r"```json\n(.*?)```", text, re.S)[1])  # type: ignore[index]
    with (
        Upstream() as up,
        serving(
            tmp_path,
            {"providers": {"local": openai_like(up, models=["smollm2-135m"])}, "policies": str(shipped())},
        ) as steady,
    ):
        answered = steady.ask("POST", "/v1/checks", sent).json

    assert {**answered, "policy_hash": "..."} == said
