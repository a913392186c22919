"""Contract, section 4: what the user is told, where it goes, and how it comes off again. Each name is a promise."""

import json
from collections.abc import Iterator

import pytest
from tests.serving import Served, by_turns, fresh, openai_like, policy, serving
from tests.upstream import Upstream

from steady.pipeline.disclose import SEPARATOR, header_text

ALWAYS = {"when": "always"}
ANSWER = "Paris is the capital of France."
CALL = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"city": "Paris"}'}}
POLICIES = [
    policy("plain", model="up/m"),
    policy("append", model="up/m", disclose={"place": "append", **ALWAYS}),
    policy("prefix", model="up/m", disclose={"place": "prefix", **ALWAYS}),
    policy("field", model="up/m", disclose={"place": "field", **ALWAYS}),
    policy("header", model="up/m", disclose={"place": "header", **ALWAYS}),
    policy("own", model="up/m", disclose={"place": "append", **ALWAYS, "text": "A machine wrote this."}),
    policy(
        "short",
        model="up/m",
        rules=[{"rule": "not_regex", "pattern": "---", "on_fail": "exception"}],
        disclose={"place": "append", **ALWAYS},
    ),
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Upstream]]:
    """One server for the module."""
    with (
        Upstream() as up,
        serving(tmp_path_factory.mktemp("say"), {"providers": {"up": openai_like(up)}}, POLICIES) as s,
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


def _conversation(steady: Served, up: Upstream, model: str, turns: int = 10) -> tuple[list[str], list[bytes]]:
    """Hold a conversation as a client does: each answer goes back as it came. Return answers and what upstream saw."""
    by_turns(fresh(up), [f"{ANSWER} That is answer {turn}." for turn in range(turns)])
    messages: list[dict[str, str]] = []
    answers = []
    for turn in range(turns):
        messages.append({"role": "user", "content": f"Question {turn}?"})
        answer = steady.ask("POST", "/v1/chat/completions", {"model": model, "messages": messages})
        answers.append(answer.text)
        messages.append(answer.json["choices"][0]["message"])
    return answers, [json.dumps(body["messages"], sort_keys=True).encode() for body in up.bodies]


@pytest.mark.parametrize("place", ["append", "prefix", "own"])
def test_ten_turns_show_one_disclosure_and_none_upstream(steady: Served, up: Upstream, place: str) -> None:
    """And the upstream gets the same bytes as in a conversation without disclosures, so its caches hit alike."""
    told, seen = _conversation(steady, up, place)
    _, plain = _conversation(steady, up, "plain")

    assert [text.count(SEPARATOR) for text in told] == [1] * 10
    assert seen == plain
    assert not any(SEPARATOR.strip().encode() in body for body in seen)


def test_the_history_loses_any_steady_key_and_respelled_disclosures(steady: Served, up: Upstream) -> None:
    up.reply(ANSWER)
    told = steady.chat(model="append").text
    _, _, disclosure = told.partition(SEPARATOR)
    respelled = f"{ANSWER}\r\n\r\n --- \r\n{'  '.join(disclosure.split())} "
    history = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": respelled, "steady": {"receipt": "rcpt_x"}},
        {"role": "user", "content": "b"},
    ]
    steady.ask("POST", "/v1/chat/completions", {"model": "append", "messages": history})

    sent = up.bodies[-1]["messages"][1]
    assert "steady" not in sent
    assert sent["content"].strip() == ANSWER


def test_a_quoted_disclosure_in_the_middle_or_of_a_user_stays(steady: Served, up: Upstream) -> None:
    up.reply(ANSWER)
    told = steady.chat(model="append").text
    history = [
        {"role": "user", "content": told},
        {"role": "assistant", "content": f"You wrote: {told} Is that so?"},
        {"role": "user", "content": "yes"},
    ]
    steady.ask("POST", "/v1/chat/completions", {"model": "append", "messages": history})

    assert up.bodies[-1]["messages"] == history


@pytest.mark.parametrize("place", ["append", "prefix"])
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ('{"city": "Paris"}', "JSON"),
        ("[1, 2, 3]", "JSON"),
        ("city: Paris\ncountry: France", "YAML"),
        ("<city>Paris</city>", "XML"),
        ("def f(x):\n    return x + 1", ""),
        ("Here:\n```python\nprint(1)", ""),
        ("spam", ""),
    ],
    ids=["object", "array", "yaml", "xml", "code", "open-fence", "word"],
)
def test_append_and_prefix_become_field_and_header_where_a_program_may_read(
    steady: Served, up: Upstream, place: str, answer: str, reason: str
) -> None:
    up.reply(answer)
    got = steady.chat(model=place)

    said = got.json["steady"]["disclosure"]
    assert got.text == answer
    assert said["place"] == "field"
    assert said["why"]
    assert reason in said["why"]
    assert header_text(got.headers["x-steady-disclosure"]) == said["text"]


def test_append_becomes_field_and_header_beside_tool_calls(steady: Served, up: Upstream) -> None:
    up.reply({"role": "assistant", "content": ANSWER, "tool_calls": [CALL]})
    got = steady.chat(model="append", tools=[{"type": "function", "function": {"name": "look_up"}}])

    assert got.text == ANSWER
    assert got.json["steady"]["disclosure"]["why"] == "the answer carries tool calls"
    assert "x-steady-disclosure" in got.headers


@pytest.mark.parametrize("place", ["append", "prefix"])
def test_one_fixed_separator_sets_the_text_off(steady: Served, up: Upstream, place: str) -> None:
    up.reply(ANSWER)
    got = steady.chat(model=place)

    disclosure = got.json["steady"]["disclosure"]["text"]
    assert disclosure
    wanted = (ANSWER, disclosure) if place == "append" else (disclosure, ANSWER)
    assert got.text == SEPARATOR.join(wanted)


def test_the_answer_is_judged_without_its_disclosure(steady: Served, up: Upstream) -> None:
    """The rule forbids what the separator is made of."""
    up.reply(ANSWER)
    got = steady.chat(model="short")

    assert got.status == 200
    assert len(got.text) > len(ANSWER)


@pytest.mark.parametrize("locale", ["en", "de", "fr", "ja", "zh", "es", "pt", "it"])
def test_headers_are_ascii_in_every_language(steady: Served, up: Upstream, locale: str) -> None:
    up.reply(ANSWER)
    got = steady.chat(model="header", steady={"locale": locale})

    value = got.headers["x-steady-disclosure"]
    said = got.json["steady"]["disclosure"]
    assert value.isascii()
    assert value.isprintable()
    assert said["locale"].startswith(locale)
    assert header_text(value) == said["text"]
    assert value == said["text"] or value.startswith("UTF-8''")


def test_a_field_disclosure_is_told_and_leaves_the_content_alone(steady: Served, up: Upstream) -> None:
    up.reply(ANSWER)
    got = steady.chat(model="field")

    assert got.text == ANSWER
    assert got.json["steady"]["disclosure"]["place"] == "field"
    assert got.json["steady"]["disclosure"]["text"]


@pytest.mark.parametrize("content", [ANSWER, "", '{"a": 1}', f"quoted{SEPARATOR}text", "naïve \U0001f469‍\U0001f52c"])
def test_pass_through_never_alters_content(steady: Served, up: Upstream, content: str) -> None:
    up.reply(content)
    whole = steady.chat(model="mock-model")
    streamed = steady.chat(model="mock-model", stream=True)

    assert whole.json["steady"]["unchanged"] is True
    assert whole.text == content
    assert streamed.streamed == content


@pytest.mark.parametrize("place", ["append", "prefix", "field"])
def test_a_streamed_answer_is_disclosed_as_a_whole_one_is(steady: Served, up: Upstream, place: str) -> None:
    up.reply(ANSWER)
    whole = steady.chat(model=place)
    streamed = steady.chat(model=place, stream=True)

    assert streamed.streamed == whole.text
    assert streamed.events[-1]["steady"]["disclosure"] == whole.json["steady"]["disclosure"]
