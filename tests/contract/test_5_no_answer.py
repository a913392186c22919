"""Contract, section 5, over HTTP: what comes when there is no answer. Each test's name is a promise."""

from collections.abc import Iterator

import pydantic
import pytest
from tests.serving import Served, by_turns, fresh, label, openai_like, policy, serving
from tests.upstream import Upstream

BAN = {"rule": "excludes", "id": "no-lava", "terms": ["lava"]}
SORRY = {"do": "message", "text": "I can't answer that."}
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
FORM = {"type": "json_schema", "json_schema": {"name": "answer", "schema": CITY}}
JSON_OUT = {"kind": "json", "schema": CITY, "on_fail": "filter"}
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": CITY}}
FORCED = {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "look_up"}}}
POLICIES = [
    policy("sorry", model="up/m", rules=[BAN], otherwise=SORRY, disclose={"place": "append"}),
    policy("refrain", model="up/m", rules=[{**BAN, "on_fail": "refrain"}]),
    policy("refrain-sorry", model="up/m", rules=[{**BAN, "on_fail": "refrain"}], otherwise=SORRY),
    policy("error", model="up/m", rules=[BAN]),
    policy("raise", model="up/m", rules=[{**BAN, "on_fail": "exception"}]),
    policy("ask", model="up/m", rules=[{**BAN, "on": ["input"], "on_fail": "refrain"}], otherwise=SORRY),
    policy("ask-raise", model="up/m", rules=[{**BAN, "on": ["input"], "on_fail": "exception"}], otherwise=SORRY),
    policy("city-sorry", model="up/m", output=JSON_OUT, otherwise=SORRY),
    policy("city-value", model="up/m", output=JSON_OUT, otherwise={"do": "value", "value": {"city": "unknown"}}),
    policy("value", model="up/m", rules=[BAN], otherwise={"do": "value", "value": '{"city":"unknown"}'}),
    policy("wrong-value", model="up/m", rules=[BAN], otherwise={"do": "value", "value": '{"town": 5}'}),
    policy("other", model="up/m", rules=[BAN], otherwise={"do": "model", "model": "up/spare"}),
    label("unsure", model="up/m", choose={"min_agreement": 0.9}, otherwise=SORRY),
    label("unsure-best", model="up/m", choose={"min_agreement": 0.9}, otherwise={"do": "best"}),
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Upstream]]:
    """One server for the module."""
    with (
        Upstream() as up,
        serving(tmp_path_factory.mktemp("no"), {"providers": {"up": openai_like(up)}}, POLICIES) as s,
    ):
        yield s, up


@pytest.fixture
def steady(shared: tuple[Served, Upstream]) -> Served:
    """The server."""
    return shared[0]


@pytest.fixture
def up(shared: tuple[Served, Upstream]) -> Upstream:
    """Its upstream, fresh."""
    return fresh(shared[1])


def _withheld(answer: object) -> tuple[object, object, object]:
    choice = answer.json["choices"][0]  # type: ignore[attr-defined]
    return choice["message"]["content"], choice["message"].get("refusal"), choice["finish_reason"]


@pytest.mark.parametrize(
    ("model", "extra"), [("sorry", {"response_format": FORM}), ("sorry", FORCED), ("city-sorry", {})]
)
def test_where_the_answer_has_a_form_a_message_is_a_refusal_that_stops(
    steady: Served, up: Upstream, model: str, extra: dict[str, object]
) -> None:
    up.reply("hot lava")
    answer = steady.chat(model=model, **extra)

    assert answer.status == 200
    assert _withheld(answer) == (None, "I can't answer that.", "stop")
    assert answer.json["steady"]["action"] == "otherwise"


def test_the_sdks_parse_reads_the_refusal(steady: Served, up: Upstream) -> None:
    """With `content_filter` it would raise, and hide the text (openai-python#2690)."""

    class City(pydantic.BaseModel):
        city: str

    up.reply('{"city": "lava"}')
    with steady.client() as client:
        messages = [{"role": "user", "content": "Which?"}]
        got = client.chat.completions.parse(model="sorry", messages=messages, response_format=City)  # type: ignore[arg-type]

    assert got.choices[0].message.parsed is None
    assert got.choices[0].message.refusal == "I can't answer that."
    assert got.choices[0].finish_reason == "stop"


def test_the_sdks_parse_reads_an_answer(steady: Served, up: Upstream) -> None:
    class City(pydantic.BaseModel):
        city: str

    up.reply('{"city": "Paris"}')
    with steady.client() as client:
        messages = [{"role": "user", "content": "Which?"}]
        got = client.chat.completions.parse(model="sorry", messages=messages, response_format=City)  # type: ignore[arg-type]

    assert got.choices[0].message.parsed == City(city="Paris")


def test_a_free_text_gets_the_message_as_its_content(steady: Served, up: Upstream) -> None:
    up.reply("hot lava")
    answer = steady.chat(model="sorry")

    assert str(answer.text).startswith("I can't answer that.")
    assert answer.json["choices"][0]["finish_reason"] == "stop"
    assert "no-lava" in answer.json["steady"]["reason"]
    assert b"hot" not in answer.body


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["sorry", "refrain", "error", "city-value"])
def test_nothing_around_an_answer_that_is_withheld_quotes_it(
    steady: Served, up: Upstream, model: str, stream: bool
) -> None:
    """Upstreams put citations, search results and more beside the choices."""
    up.reply("hot lava", citations=["hot lava"], x_search={"results": [{"text": "hot lava"}]}, system_fingerprint="fp")
    answer = steady.chat(model=model, stream=stream)

    assert b"hot" not in answer.body


@pytest.mark.parametrize("stream", [False, True])
def test_a_refrain_is_a_refusal_that_stops_and_carries_nothing_of_the_answer(
    steady: Served, up: Upstream, stream: bool
) -> None:
    up.reply("hot lava")
    answer = steady.chat(model="refrain", stream=stream)

    assert answer.status == 200
    assert b"hot" not in answer.body
    assert b"withheld" in answer.body
    assert b"content_filter" not in answer.body
    if not stream:
        assert _withheld(answer)[0] is None
        assert answer.json["steady"]["action"] == "refrained"


def test_a_refrain_gives_the_policys_message_where_it_has_one(steady: Served, up: Upstream) -> None:
    up.reply("hot lava")

    assert steady.chat(model="refrain-sorry").text == "I can't answer that."


def test_a_fallback_value_satisfies_the_schema(steady: Served, up: Upstream) -> None:
    up.reply("not JSON, lava")
    answer = steady.chat(model="city-value")
    with_own_schema = steady.chat(model="value", response_format=FORM)

    assert answer.text == '{"city":"unknown"}'
    assert with_own_schema.text == '{"city":"unknown"}'


def test_a_fallback_value_that_breaks_the_requests_schema_is_not_given(steady: Served, up: Upstream) -> None:
    up.reply("lava")
    answer = steady.chat(model="wrong-value", response_format=FORM)

    assert answer.status == 422
    assert answer.error["code"] == "no_acceptable_answer"
    assert "fallback value" in answer.error["message"]


def test_a_fallback_value_that_breaks_the_policys_schema_does_not_load() -> None:
    from steady.errors import ConfigError
    from steady.policy.load import parse

    with pytest.raises(ConfigError, match="otherwise"):
        parse(policy("x", output=JSON_OUT, otherwise={"do": "value", "value": {"town": 5}}))


def test_without_an_otherwise_it_is_an_error_that_says_which_rule(steady: Served, up: Upstream) -> None:
    up.reply("hot lava")
    answer = steady.chat(model="error")

    assert answer.status == 422
    assert answer.error["code"] == "no_acceptable_answer"
    assert "no-lava" in answer.error["message"]
    assert answer.headers["x-steady-receipt"].startswith("rcpt_")


def test_a_rule_that_raises_is_its_own_code(steady: Served, up: Upstream) -> None:
    up.reply("hot lava")
    answer = steady.chat(model="raise")

    assert answer.status == 422
    assert answer.error["code"] == "rule_violation"
    assert steady.receipt(answer)["decision"]["action"] == "error"


def test_a_refused_input_reaches_no_model(steady: Served, up: Upstream) -> None:
    message = steady.chat("lava?", model="ask")
    error = steady.chat("lava?", model="ask-raise")

    assert message.text == "I can't answer that."
    assert message.json["steady"]["action"] == "refused_input"
    assert error.status == 422
    assert up.requests == []


def test_a_refused_message_does_not_refuse_the_next_turn(steady: Served, up: Upstream) -> None:
    messages = [
        {"role": "user", "content": "lava?"},
        {"role": "assistant", "content": "I can't answer that."},
        {"role": "user", "content": "Then, water?"},
    ]
    up.reply("Water it is.")
    answer = steady.ask("POST", "/v1/chat/completions", {"model": "ask", "messages": messages})

    assert answer.text == "Water it is."


def test_another_model_is_asked_once_under_the_same_rules(steady: Served, up: Upstream) -> None:
    up.reply("hot lava")
    up.reply("cool water")
    good = steady.chat(model="other")
    models = [body["model"] for body in up.bodies]
    fresh(up).reply("hot lava")
    bad = steady.chat(model="other")

    assert good.text == "cool water"
    assert models == ["m", "spare"]
    assert good.json["steady"]["agreement"]["measured"] is False
    assert bad.status == 422
    assert len(up.requests) == 2


def test_too_little_agreement_gives_the_message(steady: Served, up: Upstream) -> None:
    by_turns(up, ["spam", "ham", "spam", "ham", "spam"])
    answer = steady.chat(model="unsure")

    assert _withheld(answer)[:2] in {("I can't answer that.", None), (None, "I can't answer that.")}
    assert answer.json["steady"]["action"] == "otherwise"
    assert answer.headers["x-steady-agreement"] == "0.6000"


def test_the_best_answer_is_flagged_where_the_policy_gives_it_all_the_same(steady: Served, up: Upstream) -> None:
    by_turns(up, ["spam", "ham", "spam", "ham", "spam"])
    answer = steady.chat(model="unsure-best")

    assert answer.text == "spam"
    assert answer.json["steady"]["action"] == "otherwise"
    assert "the best accepted candidate is given all the same" in answer.json["steady"]["notes"]


@pytest.mark.parametrize("model", ["sorry", "refrain", "city-sorry", "unsure"])
def test_no_finish_reason_is_content_filter_unless_the_upstream_said_so(
    steady: Served, up: Upstream, model: str
) -> None:
    up.reply("hot lava")

    assert steady.chat(model=model).json["choices"][0]["finish_reason"] == "stop"
