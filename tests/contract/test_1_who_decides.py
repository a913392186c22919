"""Contract, section 1: client, policy, route. Each test's name is a promise."""

from collections.abc import Iterator

import pytest
from tests.serving import Served, fresh, openai_like, policy, serving, sha256
from tests.upstream import Upstream

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
FORM = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": SCHEMA}}
POLICIES = [
    policy(
        "strict", model="up/m", sampling={"preset": "precise", "max_tokens": 50}, allow={"sampling": ["max_tokens"]}
    ),
    policy("as-sent", model="up/m", sampling={"preset": "client"}, rules=[{"rule": "excludes", "terms": ["lava"]}]),
    policy(
        "cold",
        model="up/m",
        sampling={"preset": "precise", "temperature": 0.25},
        rules=[{"rule": "excludes", "terms": ["lava"]}],
        disclose={"place": "append", "when": "always"},
        allow={"disclose": ["place"]},
    ),
    policy("german", model="up/m", disclose={"place": "field", "locale": "de"}),
    policy("polyglot", model="up/m", disclose={"place": "field", "locale": "request"}),
    policy("m", model="up/other", rules=[{"rule": "excludes", "terms": ["lava"]}]),
    policy("private", model="up/m"),
]
KEYS = [
    {"sha256": sha256("all"), "tenant": "acme"},
    {"sha256": sha256("few"), "tenant": "few", "policies": ["strict", "as-sent"], "models": False},
    {"sha256": sha256("some"), "tenant": "some", "policies": ["strict"]},
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Upstream]]:
    """One server for the module."""
    with Upstream() as up:
        config = {"providers": {"up": openai_like(up)}, "routes": {"gpt-4o": "strict"}, "keys": KEYS}
        with serving(tmp_path_factory.mktemp("who"), config, POLICIES) as steady:
            yield steady, up


@pytest.fixture
def steady(shared: tuple[Served, Upstream]) -> Served:
    """The server."""
    return shared[0]


@pytest.fixture
def up(shared: tuple[Served, Upstream]) -> Upstream:
    """Its upstream, fresh."""
    return fresh(shared[1])


def test_the_policys_sampling_wins_over_the_clients_fields(steady: Served, up: Upstream) -> None:
    answer = steady.chat(model="cold", temperature=1.5, top_p=0.1, key="all")

    assert answer.status == 200
    assert up.bodies[0]["temperature"] == 0.25
    assert up.bodies[0].get("top_p") != 0.1


def test_what_the_policy_allows_the_client_may_set(steady: Served, up: Upstream) -> None:
    answer = steady.chat(model="strict", max_tokens=7, key="all")

    assert up.bodies[0]["max_tokens"] == 7
    assert not any("max_tokens" in note for note in answer.json["steady"].get("notes", ()))


def test_what_was_overridden_is_in_the_steady_object(steady: Served, up: Upstream) -> None:
    answer = steady.chat(model="cold", temperature=1.5, steady={"disclose": {"when": "never"}}, key="all")

    notes = answer.json["steady"]["notes"]
    assert "temperature of the request was overridden by the policy" in notes
    assert "disclose.when of the request was overridden by the policy" in notes


def test_a_preset_client_keeps_the_clients_own_values(steady: Served, up: Upstream) -> None:
    steady.chat(model="as-sent", temperature=1.5, top_p=0.1, max_completion_tokens=9, stop="X", key="all")

    assert up.bodies[0]["temperature"] == 1.5
    assert up.bodies[0]["top_p"] == 0.1
    assert up.bodies[0]["stop"] == ["X"]
    assert 9 in (up.bodies[0].get("max_tokens"), up.bodies[0].get("max_completion_tokens"))


def test_no_choice_of_a_client_loosens_a_rule(steady: Served, up: Upstream) -> None:
    """Whatever a body says beside the messages, the term does not come through."""
    up.reply("hot lava")

    for extra in (
        {"rules": []},
        {"on_fail": "noop"},
        {"mode": "shadow"},
        {"response_format": {"type": "text"}},
        {"tool_choice": "none"},
        {"n": 3},
        {"stream": True},
    ):
        answer = steady.chat(model="cold", key="all", **extra)
        assert b"lava" not in answer.body, extra
    refused = steady.chat(model="cold", key="all", steady={"rules": []})
    assert refused.status == 400
    assert refused.error["param"] == "steady.rules"
    assert "sampling" in refused.error["message"]


def test_policies_that_a_key_may_name_are_listed_for_that_key(steady: Served) -> None:
    kinds = [(m["id"], m["steady"]["kind"]) for m in steady.get("/v1/models", key="few").json["data"]]

    assert kinds == [("as-sent", "policy"), ("strict", "policy"), ("gpt-4o", "route")]
    ids = {m["id"] for m in steady.get("/v1/models", key="all").json["data"]}
    assert {"cold", "private", "pass-through"} <= ids


def test_policy_names_shadow_model_names(steady: Served, up: Upstream) -> None:
    """`m` is a model of the upstream and a policy: the policy answers, so naming a model never skips it."""
    answer = steady.chat(model="m", key="all")

    assert answer.headers["x-steady-policy"] == "m"
    assert up.bodies[0]["model"] == "other"


def test_an_unlisted_model_under_a_policy_only_key_is_a_404_with_the_nearest_name(steady: Served, up: Upstream) -> None:
    answer = steady.chat(model="strikt", key="few")

    assert answer.status == 404
    assert answer.error["code"] == "model_not_found"
    assert "Did you mean 'strict'?" in answer.error["message"]
    assert "private" not in answer.error["message"]
    assert up.requests == []


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("strict@up/dear", {}),
        ("dear", {"policy": "strict"}),
        ("up/dear", {"policy": "strict"}),
        ("private", {}),
        ("m", {}),
        ("strict", {"policy": "private"}),
        ("", {"policy": "private"}),
    ],
)
def test_a_policy_only_key_reaches_no_other_model_and_no_other_policy(
    steady: Served, up: Upstream, model: str, options: dict[str, str]
) -> None:
    """Neither `policy@model`, nor a model beside `steady.policy`, is a way round the list."""
    answer = steady.chat(model=model, steady=options, key="few")

    assert answer.status == 404
    assert up.requests == []


def test_a_policy_only_key_may_send_a_routed_name_with_the_policy_it_may_use(steady: Served, up: Upstream) -> None:
    answer = steady.chat(model="gpt-4o", steady={"policy": "as-sent"}, key="few")

    assert answer.status == 200
    assert answer.headers["x-steady-policy"] == "as-sent"
    assert up.bodies[0]["model"] == "m"


def test_a_key_without_the_default_policy_gets_no_pass_through(steady: Served, up: Upstream) -> None:
    answer = steady.chat(model="anything", key="some")

    assert answer.status == 404
    assert up.requests == []


def test_a_routed_model_name_gets_its_policy(steady: Served, up: Upstream) -> None:
    answer = steady.chat(model="gpt-4o", key="few")

    assert answer.headers["x-steady-policy"] == "strict"
    assert up.bodies[0]["model"] == "m"


def test_a_client_may_name_policy_at_model_where_its_key_allows(steady: Served, up: Upstream) -> None:
    answer = steady.chat(model="strict@up/dear", key="some")

    assert answer.headers["x-steady-policy"] == "strict"
    assert up.bodies[0]["model"] == "dear"


def test_a_policy_can_be_named_in_a_header(steady: Served, up: Upstream) -> None:
    answer = steady.chat(headers={"x-steady-policy": "as-sent"}, key="few")

    assert answer.headers["x-steady-policy"] == "as-sent"
    assert len(answer.headers["x-steady-policy-hash"]) == 64


def test_the_body_wins_over_the_header(steady: Served, up: Upstream) -> None:
    answer = steady.chat(headers={"x-steady-policy": "as-sent"}, steady={"policy": "strict"}, key="few")

    assert answer.headers["x-steady-policy"] == "strict"


def test_a_requests_own_schema_is_an_enforced_rule_beside_the_policys(steady: Served, up: Upstream) -> None:
    up.reply('{"town": "Paris"}')
    wrong = steady.chat(model="as-sent", response_format=FORM, key="all")
    fresh(up).reply('{"city": "lava"}')
    both = steady.chat(model="as-sent", response_format=FORM, key="all")
    fresh(up).reply('{"city": "Paris"}')
    right = steady.chat(model="as-sent", response_format=FORM, key="all")

    assert wrong.status == 422
    assert both.status == 422
    assert right.text == '{"city": "Paris"}'


def test_a_requests_own_schema_makes_the_kind_json(steady: Served, up: Upstream) -> None:
    up.reply('{"city": "Paris"}')
    answer = steady.chat(model="cold", response_format=FORM, key="all")

    assert steady.receipt(answer, key="all")["decision"]["kind"] == "json"
    assert answer.text == '{"city": "Paris"}'


def test_a_forced_tool_makes_the_kind_tool_call_and_is_enforced(steady: Served, up: Upstream) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"city": "Paris"}'}}
    choice = {"type": "function", "function": {"name": "look_up"}}
    up.reply("No tool, just words")
    words = steady.chat(model="as-sent", tools=[TOOL], tool_choice=choice, key="all")
    fresh(up).reply(
        {"role": "assistant", "content": None, "tool_calls": [call]},
    )
    called = steady.chat(model="as-sent", tools=[TOOL], tool_choice=choice, key="all")

    assert words.status == 422
    assert called.json["choices"][0]["message"]["tool_calls"] == [call]
    assert steady.receipt(called, key="all")["decision"]["kind"] == "tool_call"


def test_locale_comes_from_the_request_then_accept_language_then_the_policy(steady: Served, up: Upstream) -> None:
    french = {"accept-language": "fr;q=0.9, en;q=0.1"}

    def locale(model: str, **more: object) -> str:
        answer = steady.chat(model=model, key="all", **more)  # type: ignore[arg-type]
        return str(answer.json["steady"]["disclosure"]["locale"]).partition("-")[0]

    assert locale("polyglot", headers=french, steady={"locale": "es"}) == "es"
    assert locale("polyglot", headers=french) == "fr"
    assert locale("german") == "de"
