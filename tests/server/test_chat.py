"""What passes unchanged, what Steady adds, and what it takes away: requests and answers on their way through."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.serving import Served, by_turns, fresh, label, openai_like, policy, serving
from tests.upstream import Behaviour, Upstream, completion

USER = [{"role": "user", "content": "x"}]
MAIL = "jane.doe@example.com"
FIX = {"rule": "no_pii", "kinds": ["email"], "on_fail": "fix"}
POLICIES = [
    policy("calm", model="up/m", rules=[{"rule": "excludes", "terms": ["lava"]}]),
    policy("fixing", model="up/m", rules=[FIX]),
    policy("answer-only", model="up/m", rules=[{**FIX, "on": ["answer"]}]),
    policy("input", model="up/m", rules=[{**FIX, "on": ["input"]}]),
    policy("arguments", model="up/m", rules=[{"rule": "tool_call_schema", "on_fail": "filter"}]),
    label("vote", model="up/m"),
]
TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def spelled(text: str) -> dict[str, Any]:
    """Return logprobs of one token that says it all."""
    return {"content": [{"token": text, "logprob": -0.1, "bytes": None, "top_logprobs": []}]}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Upstream]]:
    """One server for the module."""
    with Upstream() as up:
        config = {"providers": {"up": openai_like(up)}, "routes": {"gpt-4o": "calm"}}
        with serving(tmp_path_factory.mktemp("chat"), config, POLICIES) as steady:
            yield steady, up


@pytest.fixture
def steady(shared: tuple[Served, Upstream]) -> Served:
    """The server."""
    return shared[0]


@pytest.fixture
def up(shared: tuple[Served, Upstream]) -> Upstream:
    """Its upstream, fresh."""
    return fresh(shared[1])


def _call(arguments: str, name: str = "look_up") -> dict[str, Any]:
    call = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


# Requests


@pytest.mark.parametrize("model", ["mock-model", "calm"])
def test_unknown_fields_reach_the_upstream_unchanged(steady: Served, up: Upstream, model: str) -> None:
    extra = {
        "provider": {"order": ["a", "b"], "allow_fallbacks": False},
        "reasoning_effort": "low",
        "metadata": {"k": "v"},
        "store": False,
        "x": None,
        "deep": [{"a": [1, 2.5, -0.0, 1e300, 123456789012345678901234567890, "\u0000é🌋"]}],
        "user": "u-1",
        "safety_identifier": "s",
        "parallel_tool_calls": False,
    }
    steady.ask("POST", "/v1/chat/completions", {"model": model, "messages": USER, **extra})

    sent = up.bodies[0]
    for name, value in extra.items():
        if value is not None:
            assert json.dumps(sent[name]) == json.dumps(value), name
    assert "steady" not in sent


_VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(max_size=8).map(lambda name: f"x_{name}"), _VALUES, max_size=3))
def test_any_unknown_field_is_equal_upstream(steady: Served, up: Upstream, fields: dict[str, Any]) -> None:
    fresh(up)
    steady.ask("POST", "/v1/chat/completions", {"model": "mock-model", "messages": USER, **fields})

    assert {name: up.bodies[0][name] for name in fields} == fields


def test_a_pass_through_sends_the_clients_own_request(steady: Served, up: Upstream) -> None:
    body = {
        "model": "any-model",
        "messages": [
            {"role": "system", "content": "s"},
            *USER,
            {"role": "assistant", "content": "a", "name": "n"},
            *USER,
        ],
        "temperature": 1.25,
        "max_completion_tokens": 9,
        "stop": ["a", "b"],
        "seed": 4,
        "n": 2,
        "logit_bias": {"5": -100},
        "tools": [TOOL],
        "tool_choice": "auto",
    }
    up.reply(["a", "b"])
    steady.ask("POST", "/v1/chat/completions", body)

    assert up.bodies == [body]


@pytest.mark.parametrize("model", ["mock-model", "calm", "input"])
def test_image_parts_pass_untouched(steady: Served, up: Upstream, model: str) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}}
    audio = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
    steady.chat([{"type": "text", "text": "What is this?"}, image, audio], model=model)

    assert up.bodies[0]["messages"][0]["content"] == [{"type": "text", "text": "What is this?"}, image, audio]


def test_text_beside_an_image_is_judged_where_a_rule_names_the_input(steady: Served, up: Upstream) -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    steady.chat([{"type": "text", "text": f"Is {MAIL} on it?"}, image], model="input")

    text, sent = up.bodies[0]["messages"][0]["content"]
    assert MAIL not in text["text"]
    assert text["text"].startswith("Is ")
    assert sent == image


def test_steadys_own_headers_and_keys_do_not_go_upstream(steady: Served, up: Upstream) -> None:
    steady.chat(model="calm", steady={"explain": True, "user": "u"}, headers={"x-steady-locale": "de", "x-own": "1"})

    assert "steady" not in up.bodies[0]
    assert not any(name.startswith(("x-steady", "x-own")) for name in up.requests[0].headers)


# Answers


def test_an_answer_keeps_every_upstream_field_and_gains_one(steady: Served, up: Upstream) -> None:
    extra = {"system_fingerprint": "fp_1", "service_tier": "default", "citations": ["a"], "x_groq": {"id": "r"}}
    told = completion({"role": "assistant", "content": "hi", "annotations": [], "reasoning_content": "hm"}, **extra)
    told["choices"][0] |= {"native_finish_reason": "eos", "logprobs": spelled("hi")}
    up.add(Behaviour((json.dumps(told).encode(),)))
    for model in ("mock-model", "calm", "fixing"):
        answer = steady.chat(model=model).json

        steadys = answer.pop("steady")
        assert answer == told, model
        assert steadys["policy"] == ("pass-through" if model == "mock-model" else model)


def test_details_of_usage_are_kept_and_summed_over_candidates(steady: Served, up: Upstream) -> None:
    usage = {
        "prompt_tokens": 5,
        "completion_tokens": 7,
        "total_tokens": 12,
        "prompt_tokens_details": {"cached_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    up.reply("spam", usage=usage)

    assert steady.chat(model="calm").json["usage"] == usage
    five = steady.chat(model="vote").json["usage"]
    assert five["total_tokens"] == 60
    assert five["prompt_tokens_details"] == {"cached_tokens": 10}
    assert five["completion_tokens_details"] == {"reasoning_tokens": 15}


def test_headers_say_policy_hash_receipt_and_agreement(steady: Served, up: Upstream) -> None:
    by_turns(up, ["spam", "ham", "spam", "spam", "spam"])
    answer = steady.chat(model="vote")

    assert answer.headers["x-steady-policy"] == "vote"
    assert answer.headers["x-steady-policy-hash"] == answer.json["steady"]["policy_hash"]
    assert answer.headers["x-steady-receipt"] == answer.json["steady"]["receipt"]
    assert answer.headers["x-steady-agreement"] == "0.8000"
    assert (
        answer.json["steady"]["agreement"] | {"value": 0.8, "of": 5, "agreed": 4, "measured": True}
        == (answer.json["steady"]["agreement"])
    )


def test_the_default_policy_changes_nothing_and_says_so(steady: Served, up: Upstream) -> None:
    answer = steady.chat(model="mock-model")

    assert answer.headers["x-steady-policy"] == "pass-through"
    assert answer.headers["x-steady-agreement"] == "not measured"
    assert answer.json["steady"]["unchanged"] is True
    assert answer.json["steady"]["action"] == "passed_through"


def test_logprobs_go_where_the_text_was_fixed_and_stay_where_it_was_not(steady: Served, up: Upstream) -> None:
    """They spell the text that a rule took out, token by token."""
    for content, kept in ((f"Write to {MAIL}.", False), ("Write to us.", True)):
        told = completion(content)
        told["choices"][0]["logprobs"] = spelled(content)
        fresh(up).add(Behaviour((json.dumps(told).encode(),)))
        whole = steady.chat(model="answer-only", logprobs=True).json["choices"][0]

        assert (whole["logprobs"] == spelled(content)) is kept
        if not kept:
            assert whole["logprobs"] is None
        assert up.bodies[0]["logprobs"] is True


def test_what_was_fixed_is_named(steady: Served, up: Upstream) -> None:
    up.reply(f"Write to {MAIL}.")
    answer = steady.chat(model="fixing")

    assert answer.json["steady"]["fixed"] == ["no_pii"]
    assert MAIL.encode() not in answer.body


def test_tool_calls_pass_and_are_judged_where_a_rule_names_them(steady: Served, up: Upstream) -> None:
    good = _call('{"city": "Paris"}')
    up.reply(good)
    passed = [steady.chat(model=model, tools=[TOOL]) for model in ("mock-model", "calm", "arguments")]
    fresh(up).reply(_call('{"town": 5}'))
    wrong = steady.chat(model="arguments", tools=[TOOL])
    fresh(up).reply(_call("{}", name="delete_all"))
    unknown = steady.chat(model="arguments", tools=[TOOL])

    for answer in passed:
        assert answer.json["choices"][0]["message"]["tool_calls"] == good["tool_calls"]
    assert (wrong.status, unknown.status) == (422, 422)


def test_nothing_is_fixed_inside_tool_arguments(steady: Served, up: Upstream) -> None:
    """A changed argument is another call; the answer is asked again, or not given."""
    up.reply(_call(json.dumps({"city": MAIL})))
    answer = steady.chat(model="fixing", tools=[TOOL])

    assert answer.status == 422
    assert MAIL.encode() not in answer.body


def test_tool_results_pass_and_are_judged_where_a_rule_names_the_input(steady: Served, up: Upstream) -> None:
    history = [
        *USER,
        _call('{"city": "Paris"}'),
        {"role": "tool", "tool_call_id": "call_1", "content": f"Ask {MAIL}"},
    ]
    body = {"messages": history, "tools": [TOOL]}
    steady.ask("POST", "/v1/chat/completions", {"model": "calm", **body})
    steady.ask("POST", "/v1/chat/completions", {"model": "input", **body})

    assert up.bodies[0]["messages"] == history
    assert MAIL not in json.dumps(up.bodies[1])
    assert up.bodies[1]["messages"][1] == history[1]


# Explain and receipts


def test_explain_shows_the_candidates_side_by_side_only_when_asked(steady: Served, up: Upstream) -> None:
    by_turns(up, ["spam", "ham", "eggs", "spam", "spam"])
    answer = steady.chat(model="vote", steady={"explain": True})
    quiet = steady.chat(model="vote")
    by_header = steady.chat(model="vote", headers={"x-steady-explain": "true"})

    shown = answer.json["steady"]["explain"]
    assert sorted(c["texts"][0]["text"] for c in shown["candidates"]) == ["eggs", "ham", "spam", "spam", "spam"]
    assert [c["slot"] for c in shown["candidates"]] == [0, 1, 2, 3, 4]
    failed = [v["passed"] for c in shown["candidates"] for v in c["verdicts"] if c["texts"][0]["text"] == "eggs"]
    assert failed == [False]
    assert "explain" not in quiet.json["steady"]
    assert "explain" in by_header.json["steady"]


def test_a_receipt_tells_the_decision_and_not_the_conversation(steady: Served, up: Upstream) -> None:
    up.reply("cool water")
    answer = steady.chat("a very private question", model="calm")
    receipt = steady.receipt(answer)

    assert receipt["policy_hash"] == answer.headers["x-steady-policy-hash"]
    assert receipt["decision"]["choices"][0]["message"]["content"] == "cool water"
    assert receipt["usage"] == {"returned": [5, 7], "total": [5, 7]}
    assert "private" not in json.dumps(receipt)


def test_models_lists_policies_routes_and_models_in_openais_shape(steady: Served) -> None:
    with steady.client() as client:
        listed = {model.id: model for model in client.models.list()}

    assert {"calm", "vote", "pass-through", "gpt-4o"} <= set(listed)
    assert listed["calm"].object == "model"
    assert listed["calm"].owned_by == "steady"


def test_health_is_one_word(steady: Served) -> None:
    answer = steady.get("/healthz")

    assert (answer.status, answer.json) == (200, {"status": "ok"})
    assert steady.ask("HEAD", "/healthz").body == b""


def test_a_lone_surrogate_costs_no_answer(steady: Served, up: Upstream) -> None:
    """JSON can carry half an emoji, UTF-8 can't."""
    up.raw(json.dumps(completion("half \ud83c, whole \U0001f30b, \\ud83c done")), content_type="application/json")
    for model in ("mock-model", "calm"):
        answer = steady.chat(model=model)

        assert answer.status == 200
        assert answer.text == "half \ufffd, whole \U0001f30b, \\ud83c done"


def test_many_at_once_keep_their_own_answers(steady: Served, up: Upstream) -> None:
    from tests.serving import gather

    def echo(body: Any) -> Behaviour:
        return Behaviour((json.dumps(completion(f"echo {body['messages'][0]['content']}")).encode(),))

    up.choose = echo
    answers = gather([lambda n=n: steady.chat(f"number {n}", model="calm") for n in range(24)])

    assert [answer.text for answer in answers] == [f"echo number {n}" for n in range(24)]
    assert len({answer.headers["x-steady-receipt"] for answer in answers}) == 24
