"""Contract, section 7, over HTTP: what is spent, and never spent twice. Each test's name is a promise."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from tests.serving import Served, by_turns, fresh, gather, label, openai_like, policy, serving, sha256
from tests.upstream import Behaviour, Upstream, completion

SPAM = Behaviour((json.dumps(completion("spam")).encode(),))
LIMIT = Behaviour((b'{"error": {"message": "slow down", "type": "requests", "code": "rate_limit"}}',), 429)
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"city": "Paris"}'}}
BAN = {"rule": "excludes", "id": "no-lava", "terms": ["lava"]}
POLICIES = [
    label("vote", model="up/m"),
    label("thrifty", model="up/m", candidates={"min": 3, "max": 8, "budget": {"tokens": 40}}),
    label("poor", model="up/m", candidates={"min": 3, "max": 8, "budget": {"tokens": 1}}),
    label("narrow", model="up/m", candidates={"min": 5, "max": 5, "fan_out_up_to": 50}),
    label("wide", model="patient/m", candidates={"min": 10, "max": 10}),
    policy("text", model="up/m", sampling={"preset": "balanced"}, candidates={"min": 3, "max": 3}, rules=[BAN]),
    policy(
        "told",
        model="up/m",
        sampling={"preset": "balanced"},
        candidates={"min": 3, "max": 3},
        disclose={"place": "append"},
    ),
    policy("strict", model="up/m", rules=[{**BAN, "on_fail": "exception"}]),
    policy("reasking", model="up/m", candidates={"max": 3}, rules=[{**BAN, "on_fail": "reask"}]),
]
KEYS = [{"sha256": sha256(name), "tenant": name} for name in ("one", "two")]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Upstream]]:
    """One server for the module, with two tenants."""
    with Upstream() as up:
        providers = {"up": openai_like(up), "patient": openai_like(up, retries=1)}  # a wave of several must not use it
        config = {"providers": providers, "keys": KEYS, "server": {"keepalive_after": "50ms"}}
        with serving(tmp_path_factory.mktemp("many"), config, POLICIES) as steady:
            yield steady, up


@pytest.fixture
def steady(shared: tuple[Served, Upstream]) -> Served:
    """The server."""
    return shared[0]


@pytest.fixture
def up(shared: tuple[Served, Upstream]) -> Upstream:
    """Its upstream, fresh."""
    return fresh(shared[1])


# Budgets


def test_budgets_count_prompt_and_completion(steady: Served, up: Upstream) -> None:
    """Each draw costs 12 tokens by the upstream's count: 3 fit into 40 and a fourth does not; 7 alone would fit 5."""
    by_turns(up, ["spam", "ham"])
    answer = steady.chat("Hi", model="thrifty", key="one")

    assert answer.status == 200
    assert len(up.requests) == 3
    assert answer.json["usage"]["total_tokens"] == 36


def test_the_first_candidate_is_always_made(steady: Served, up: Upstream) -> None:
    up.reply("spam")
    answer = steady.chat(model="poor", key="one")

    assert answer.text == "spam"
    assert len(up.requests) == 1


def test_above_fan_out_up_to_prompt_tokens_one_is_made_and_agreement_is_not_measured(
    steady: Served, up: Upstream
) -> None:
    up.reply("spam")
    long = steady.chat("word " * 200, model="narrow", key="one")
    made = len(up.requests)
    short = steady.chat("word", model="narrow", key="one")

    assert made == 1
    assert len(up.requests) == 6
    assert long.headers["x-steady-agreement"] == "not measured"
    assert "above 50" in long.json["steady"]["agreement"]["why"]
    assert short.headers["x-steady-agreement"] == "1.0000"


def test_a_429_shrinks_the_wave_instead_of_retrying_every_slot(steady: Served, up: Upstream) -> None:
    """Ten slots, of which an upstream that takes two at once refuses eight: the next wave has five, and they agree."""
    lock, seen = threading.Lock(), [0]

    def choose(_: Any) -> Behaviour:
        with lock:
            seen[0] += 1
            return LIMIT if 2 < seen[0] <= 10 else SPAM

    up.choose = choose
    answer = steady.chat(model="wide", key="one")

    assert answer.status == 200
    assert answer.text == "spam"
    assert len(up.requests) == 10 + 5


def test_an_upstream_that_refuses_everything_is_asked_ever_less_and_then_told(steady: Served, up: Upstream) -> None:
    up.error(429, "slow down", headers={"retry-after": "0.05"})
    answer = steady.chat(model="wide", key="one")

    assert answer.status == 429
    assert answer.headers["retry-after"] == "0.05"
    assert answer.error["message"] == "slow down"
    assert len(up.requests) == 10 + 5 + 2 + 1 + 1  # only the last, alone, is patient and tries again
    assert "x-should-retry" not in answer.headers


def test_reasks_count_as_candidates_against_max(steady: Served, up: Upstream) -> None:
    up.reply("lava")
    answer = steady.chat(model="reasking", key="one")

    assert answer.status == 422
    assert len(up.requests) == 3


# Never paid twice


def test_after_a_candidate_was_paid_for_an_error_says_not_to_retry(steady: Served, up: Upstream) -> None:
    up.reply("lava")
    answer = steady.chat(model="strict", key="one")

    assert answer.status == 422
    assert answer.headers["x-should-retry"] == "false"


def test_an_error_that_cost_nothing_may_be_retried(steady: Served, up: Upstream) -> None:
    up.error(503, "away")

    assert "x-should-retry" not in steady.chat(model="strict", key="one").headers


def test_the_same_idempotency_key_joins_the_running_generation(steady: Served, up: Upstream) -> None:
    up.reply("spam", delay=0.1)
    header = {"idempotency-key": "k-running"}
    one, two = gather([lambda: steady.chat("same", model="vote", headers=header, key="one")] * 2)

    assert len(up.requests) == 5
    assert one.headers["x-steady-receipt"] == two.headers["x-steady-receipt"]
    assert one.text == two.text == "spam"


def test_the_same_idempotency_key_joins_the_just_finished_generation(steady: Served, up: Upstream) -> None:
    header = {"idempotency-key": "k-finished"}
    up.reply("spam")
    one = steady.chat(model="vote", headers=header, key="one")
    fresh(up).reply("ham")
    two = steady.chat(model="vote", headers=header, key="one")

    assert up.requests == []
    assert two.json["choices"] == one.json["choices"]
    assert two.headers["x-steady-receipt"] == one.headers["x-steady-receipt"]


def test_an_idempotency_key_with_another_body_is_refused(steady: Served, up: Upstream) -> None:
    header = {"idempotency-key": "k-other"}
    steady.chat("one thing", model="strict", headers=header, key="one")
    answer = steady.chat("another", model="strict", headers=header, key="one")

    assert answer.status == 400
    assert answer.error["param"] == "Idempotency-Key"


def test_the_same_body_with_an_sdks_retry_count_joins(steady: Served, up: Upstream) -> None:
    up.reply("spam")
    one = steady.chat("retry me", model="vote", key="one")
    two = steady.chat("retry me", model="vote", headers={"x-stainless-retry-count": "1"}, key="one")

    assert len(up.requests) == 5
    assert two.headers["x-steady-receipt"] == one.headers["x-steady-receipt"]


def test_the_same_body_without_a_retry_count_is_a_new_request(steady: Served, up: Upstream) -> None:
    up.reply("spam")
    for count in ({}, {"x-stainless-retry-count": "0"}):
        steady.chat("not a retry", model="vote", headers=count, key="one")

    assert len(up.requests) == 10


def test_nobody_joins_across_tenants(steady: Served, up: Upstream) -> None:
    up.reply("spam")
    header = {"idempotency-key": "k-tenants", "x-stainless-retry-count": "1"}
    one = steady.chat("ours", model="vote", headers={**header, "x-steady-key": "one"})
    two = steady.chat("ours", model="vote", headers={**header, "x-steady-key": "two"})

    assert len(up.requests) == 10
    assert two.headers["x-steady-receipt"] != one.headers["x-steady-receipt"]


def test_nobody_joins_what_was_asked_under_another_policy(steady: Served, up: Upstream) -> None:
    """The policy may stand in a header, and then the bodies are the same."""
    up.reply("spam")
    steady.chat("which", headers={"x-steady-policy": "vote"}, key="one")
    retry = {"x-stainless-retry-count": "1", "x-steady-policy": "strict"}
    answer = steady.chat("which", headers=retry, key="one")

    assert answer.headers["x-steady-policy"] == "strict"
    assert len(up.requests) == 6


def test_a_failure_that_cost_nothing_is_tried_anew(steady: Served, up: Upstream) -> None:
    up.error(503, "away")
    up.reply("spam")
    first = steady.chat("again", model="strict", key="one")
    second = steady.chat("again", model="strict", headers={"x-stainless-retry-count": "1"}, key="one")

    assert first.status == 503
    assert second.text == "spam"


def test_an_error_that_was_paid_for_is_told_again_not_made_again(steady: Served, up: Upstream) -> None:
    up.reply("lava")
    header = {"x-stainless-retry-count": "1"}
    first = steady.chat("paid", model="strict", key="one")
    second = steady.chat("paid", model="strict", headers=header, key="one")

    assert (first.status, second.status) == (422, 422)
    assert len(up.requests) == 1


def test_a_joiner_that_leaves_ends_nobody_elses_generation(steady: Served, up: Upstream) -> None:
    up.reply("spam", delay=0.15)
    body = {"model": "strict", "messages": [{"role": "user", "content": "leave"}], "stream": True}
    head = {"authorization": "Bearer one", "idempotency-key": "k-leave"}
    owner = steady.socket(body, head)
    assert up.wait(lambda u: len(u.requests) == 1)
    steady.socket(body, head).close()
    again = steady.ask("POST", "/v1/chat/completions", body, head)
    owner.close()

    assert again.streamed == "spam"
    assert len(up.requests) == 1


def test_the_sdks_own_retries_pay_once(steady: Served, up: Upstream) -> None:
    """A client that gives up waiting retries by itself, half a second later; that joins the first try."""
    up.reply("spam", delay=0.2)
    with steady.client("one", max_retries=1, timeout=0.1) as client:
        message: Any = {"role": "user", "content": "impatient"}
        answer = client.chat.completions.create(model="strict", messages=[message])

    assert answer.choices[0].message.content == "spam"
    assert len(up.requests) == 1


# Tools


@pytest.mark.parametrize("model", ["text", "told"])
def test_tool_turns_under_a_policy_of_another_kind_are_one_candidate_checked_and_undisclosed(
    steady: Served, up: Upstream, model: str
) -> None:
    up.reply({"role": "assistant", "content": None, "tool_calls": [CALL]})
    answer = steady.chat(model=model, tools=[TOOL], key="one")

    assert len(up.requests) == 1
    assert answer.json["choices"][0]["message"]["tool_calls"] == [CALL]
    assert answer.text is None
    assert answer.json["steady"]["agreement"]["measured"] is False
    assert steady.receipt(answer, key="one")["decision"]["disclosure"].get("place") in (None, "none", "field")


def test_tool_arguments_are_judged_where_a_rule_names_them(steady: Served, up: Upstream) -> None:
    bad = {**CALL, "function": {"name": "look_up", "arguments": '{"city": "lava"}'}}
    up.reply({"role": "assistant", "content": None, "tool_calls": [bad]})

    answer = steady.chat(model="text", tools=[TOOL], key="one")

    assert answer.status == 422
    assert b"no-lava" in answer.body


# Prices and usage


def test_usage_is_what_all_candidates_cost_and_its_split_is_under_steady(steady: Served, up: Upstream) -> None:
    up.reply("spam")
    answer = steady.chat(model="vote", key="one")

    assert answer.json["usage"]["total_tokens"] == 5 * 12
    split = answer.json["steady"]["usage"]
    assert split["total"] == {"prompt_tokens": 25, "completion_tokens": 35, "total_tokens": 60}
    assert split["returned"] == {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    assert answer.json["steady"]["candidates"] == 5


def test_n_returns_the_n_best_accepted_answers(steady: Served, up: Upstream) -> None:
    by_turns(up, ["spam", "spam", "ham", "spam", "spam"])
    answer = steady.chat(model="vote", n=2, key="one")

    assert [c["message"]["content"] for c in answer.json["choices"]] == ["spam", "spam"]
    assert [c["index"] for c in answer.json["choices"]] == [0, 1]


def test_n_returns_fewer_only_with_a_word_about_it(steady: Served, up: Upstream) -> None:
    by_turns(up, ["spam", "lava", "stone"])
    answer = steady.chat(model="strict", n=1, key="one")
    by_turns(fresh(up), ["cool water", "hot lava", "hot lava"])
    fewer = steady.chat(model="text", n=3, key="one")

    assert answer.status == 200
    assert [c["message"]["content"] for c in fewer.json["choices"]] == ["cool water"]
    assert "3 choices were asked for; 1 passed the rules" in fewer.json["steady"]["notes"]


def test_a_call_made_by_a_decorated_function_runs_rules_only(steady: Served, up: Upstream) -> None:
    """The function draws its own candidates; here nothing multiplies and nothing is written into the text."""
    up.reply("Paris it is, and nothing else.")
    answer = steady.chat(model="told", headers={"x-steady-decorated": "1"}, key="one")
    fresh(up).reply("hot lava")
    ruled = steady.chat(model="text", headers={"x-steady-decorated": "1"}, key="one")

    assert answer.text == "Paris it is, and nothing else."
    assert answer.json["steady"]["candidates"] == 1
    assert ruled.status == 422
    assert len(up.requests) == 1


def test_candidates_that_fail_cost_only_themselves(steady: Served, up: Upstream) -> None:
    lock, seen = threading.Lock(), [0]

    def choose(_: Any) -> Behaviour:
        with lock:
            seen[0] += 1
            return Behaviour((b"<html>",), 200, {"content-type": "text/html"}) if seen[0] == 2 else SPAM

    up.choose = choose
    answer = steady.chat(model="vote", key="one")

    assert answer.text == "spam"
    assert answer.json["steady"]["candidates"] >= 4
    assert answer.json["steady"]["agreement"]["of"] == answer.json["steady"]["candidates"]
