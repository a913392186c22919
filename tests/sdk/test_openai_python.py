"""The official Python client against a running Steady: `base_url` is all that changes."""

import json
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion
from tests.sdk.asking import CALLED, HELLO, PIXEL, PLACE, TOOL, Place
from tests.upstream import Behaviour, Upstream, completion

# whole answers


@pytest.mark.parametrize("model", ["up/m", "gpt-4o", "voting"])
def test_an_answer_is_a_chat_completion(client: openai.OpenAI, up: Upstream, model: str) -> None:
    up.reply("Paris", system_fingerprint="fp_1")

    made = client.chat.completions.create(model=model, messages=HELLO)

    assert isinstance(made, ChatCompletion)
    assert made.choices[0].message.content == "Paris"
    assert (made.choices[0].finish_reason, made.object, made.model) == ("stop", "chat.completion", "mock-model")
    assert made.system_fingerprint == "fp_1"
    candidates = 3 if model == "voting" else 1
    assert made.usage
    assert (made.usage.prompt_tokens, made.usage.completion_tokens) == (5 * candidates, 7 * candidates)


def test_steady_says_its_part_where_clients_keep_unknown_fields(client: openai.OpenAI, up: Upstream) -> None:
    made = client.chat.completions.create(model="ruled", messages=HELLO)

    said: Any = (made.model_extra or {})["steady"]
    assert said["policy"] == "ruled"
    assert said["action"] == "answered"


def test_the_steady_object_goes_in_by_extra_body_and_headers(client: openai.OpenAI, up: Upstream) -> None:
    by_body = client.chat.completions.create(model="x", messages=HELLO, extra_body={"steady": {"policy": "ruled"}})
    by_header = client.chat.completions.create(model="x", messages=HELLO, extra_headers={"x-steady-policy": "ruled"})

    for made in (by_body, by_header):
        assert (made.model_extra or {})["steady"]["policy"] == "ruled"
    assert all("steady" not in body for body in up.bodies)


def test_a_raw_response_shows_the_headers(client: openai.OpenAI, up: Upstream) -> None:
    raw = client.chat.completions.with_raw_response.create(model="voting", messages=HELLO)

    assert raw.headers["x-steady-policy"] == "voting"
    assert len(raw.headers["x-steady-policy-hash"]) == 64
    assert raw.headers["x-steady-agreement"] == "1.0000"
    assert raw.headers["x-steady-receipt"] == (raw.parse().model_extra or {})["steady"]["receipt"]


async def test_the_async_client_works_unchanged(later: openai.AsyncOpenAI, up: Upstream) -> None:
    up.reply("Paris")

    async with later:
        made = await later.chat.completions.create(model="ruled", messages=HELLO)

    assert made.choices[0].message.content == "Paris"


def test_what_the_client_sets_reaches_the_upstream(client: openai.OpenAI, up: Upstream) -> None:
    client.chat.completions.create(
        model="up/m",
        messages=HELLO,
        seed=7,
        logprobs=True,
        top_logprobs=2,
        logit_bias={"5": -100},
        user="u",
        metadata={"a": "b"},
        reasoning_effort="low",
        max_completion_tokens=9,
        extra_body={"vendor_field": [1]},
    )

    sent = up.bodies[0]
    assert sent["model"] == "m"
    assert (sent["seed"], sent["logprobs"], sent["top_logprobs"]) == (7, True, 2)
    assert (sent["logit_bias"], sent["user"], sent["metadata"]) == ({"5": -100}, "u", {"a": "b"})
    assert (sent["reasoning_effort"], sent["max_completion_tokens"], sent["vendor_field"]) == ("low", 9, [1])


@pytest.mark.parametrize("model", ["up/m", "ruled"])
def test_logprobs_come_back(client: openai.OpenAI, up: Upstream, model: str) -> None:
    tokens = [{"token": "Paris", "logprob": -0.25, "bytes": None, "top_logprobs": []}]
    whole = completion("Paris")
    whole["choices"][0]["logprobs"] = {"content": tokens, "refusal": None}
    up.add(Behaviour((json.dumps(whole).encode(),)))

    made = client.chat.completions.create(model=model, messages=HELLO, logprobs=True)

    assert made.choices[0].logprobs and made.choices[0].logprobs.content
    assert made.choices[0].logprobs.content[0].logprob == -0.25


@pytest.mark.parametrize("model", ["up/m", "voting"])
def test_n_returns_as_many_choices(client: openai.OpenAI, up: Upstream, model: str) -> None:
    up.choose = lambda body: Behaviour((json.dumps(completion(["Paris"] * (body.get("n") or 1))).encode(),))

    made = client.chat.completions.create(model=model, messages=HELLO, n=2)

    assert [(choice.index, choice.message.content) for choice in made.choices] == [(0, "Paris"), (1, "Paris")]


@pytest.mark.parametrize("model", ["up/m", "ruled"])
def test_image_parts_pass(client: openai.OpenAI, up: Upstream, model: str) -> None:
    parts: Any = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": PIXEL}}]

    client.chat.completions.create(model=model, messages=[{"role": "user", "content": parts}])

    assert up.bodies[0]["messages"][0]["content"] == parts


def test_models_list_gives_policies_routes_and_models(client: openai.OpenAI) -> None:
    found = {model.id: model for model in client.models.list()}

    assert {"ruled", "voting", "polite", "gpt-4o", "pass-through"} <= found.keys()
    assert all(model.object == "model" for model in found.values())


# tools


@pytest.mark.parametrize("model", ["up/m", "ruled"])
@pytest.mark.parametrize("choice", ["auto", "required", {"type": "function", "function": {"name": "look_up"}}])
def test_tool_calls_come_back_whole(client: openai.OpenAI, up: Upstream, model: str, choice: Any) -> None:
    up.reply(CALLED)

    made = client.chat.completions.create(model=model, messages=HELLO, tools=[TOOL], tool_choice=choice)

    call: Any = (made.choices[0].message.tool_calls or [])[0]
    assert (call.id, call.function.name, call.function.arguments) == ("c1", "look_up", PLACE)
    assert up.bodies[0]["tools"] == [TOOL]
    assert up.bodies[0]["tool_choice"] == choice


@pytest.mark.parametrize("model", ["up/m", "ruled"])
def test_a_tool_turn_goes_up_as_it_came(client: openai.OpenAI, up: Upstream, model: str) -> None:
    turns: Any = [*HELLO, CALLED, {"role": "tool", "tool_call_id": "c1", "content": "2 people"}]

    client.chat.completions.create(model=model, messages=turns, tools=[TOOL])

    assert up.bodies[0]["messages"] == turns


def test_a_forced_tool_with_wrong_arguments_is_refused(client: openai.OpenAI, up: Upstream) -> None:
    wrong = {**CALLED["tool_calls"][0], "function": {"name": "look_up", "arguments": '{"city": 1}'}}  # type: ignore[dict-item,index]
    up.reply({**CALLED, "tool_calls": [wrong]})

    with pytest.raises(openai.UnprocessableEntityError) as refused:
        client.chat.completions.create(
            model="strict",
            messages=HELLO,
            tools=[TOOL],
            tool_choice={"type": "function", "function": {"name": "look_up"}},
        )

    assert refused.value.code == "no_acceptable_answer"


# streams


@pytest.mark.parametrize("model", ["up/m", "ruled", "voting"])
def test_a_stream_is_chunks_to_the_same_text(client: openai.OpenAI, up: Upstream, model: str) -> None:
    up.reply("Paris is a city")

    chunks = list(client.chat.completions.create(model=model, messages=HELLO, stream=True))

    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Paris is a city"
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]
    assert all(c.usage is None for c in chunks)
    assert (chunks[-1].model_extra or {})["steady"]["receipt"]


@pytest.mark.parametrize("model", ["up/m", "ruled", "voting"])
async def test_an_async_stream_is_chunks_to_the_same_text(later: openai.AsyncOpenAI, up: Upstream, model: str) -> None:
    up.reply("Paris is a city")

    async with later:
        stream = await later.chat.completions.create(model=model, messages=HELLO, stream=True)
        texts = [c.choices[0].delta.content or "" async for c in stream if c.choices]

    assert "".join(texts) == "Paris is a city"


@pytest.mark.parametrize("model", ["up/m", "ruled", "voting"])
def test_usage_comes_last_where_it_is_asked_for(client: openai.OpenAI, up: Upstream, model: str) -> None:
    chunks = list(
        client.chat.completions.create(model=model, messages=HELLO, stream=True, stream_options={"include_usage": True})
    )

    assert chunks[-1].choices == []
    assert chunks[-1].usage
    assert chunks[-1].usage.total_tokens == (36 if model == "voting" else 12)


@pytest.mark.parametrize("model", ["up/m", "ruled", "voting"])
def test_the_stream_helper_accumulates(client: openai.OpenAI, up: Upstream, model: str) -> None:
    up.reply("Paris is a city")

    with client.chat.completions.stream(model=model, messages=HELLO) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()

    assert final.choices[0].message.content == "Paris is a city"
    assert {"chunk", "content.delta", "content.done"} <= set(kinds)


@pytest.mark.parametrize("model", ["up/m", "ruled"])
def test_the_stream_helper_accumulates_tool_calls(client: openai.OpenAI, up: Upstream, model: str) -> None:
    up.reply(CALLED)

    with client.chat.completions.stream(model=model, messages=HELLO, tools=[TOOL]) as stream:
        final = stream.get_final_completion()

    call: Any = (final.choices[0].message.tool_calls or [])[0]
    assert (call.id, call.function.name, call.function.arguments) == ("c1", "look_up", PLACE)


@pytest.mark.parametrize("model", ["up/m", "ruled", "voting"])
def test_the_stream_helper_parses(client: openai.OpenAI, up: Upstream, model: str) -> None:
    up.reply(PLACE)

    with client.chat.completions.stream(model=model, messages=HELLO, response_format=Place) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()

    assert final.choices[0].message.parsed == Place(city="Paris", people=2)


def test_an_error_amid_a_stream_is_an_error_to_the_client(client: openai.OpenAI, up: Upstream) -> None:
    """No fake finish: the client must not take half an answer for a whole one."""
    up.reply("Paris is hot lava today")

    with pytest.raises(openai.APIError) as broken:
        for _ in client.chat.completions.create(model="strict", messages=HELLO, stream=True):
            pass

    assert "lava" not in str(broken.value)


# parse


@pytest.mark.parametrize("model", ["up/m", "ruled", "voting"])
def test_parse_gives_the_object(client: openai.OpenAI, up: Upstream, model: str) -> None:
    up.reply(PLACE)

    made = client.chat.completions.parse(model=model, messages=HELLO, response_format=Place)

    assert made.choices[0].message.parsed == Place(city="Paris", people=2)
    if model == "up/m":  # the pass-through changes nothing
        assert up.bodies[0]["response_format"]["json_schema"]["name"] == "Place"


def test_parse_under_beta_is_the_same(client: openai.OpenAI, up: Upstream) -> None:
    up.reply(PLACE)

    made = client.beta.chat.completions.parse(model="ruled", messages=HELLO, response_format=Place)

    assert made.choices[0].message.parsed == Place(city="Paris", people=2)


async def test_the_async_client_parses(later: openai.AsyncOpenAI, up: Upstream) -> None:
    up.reply(PLACE)

    async with later:
        made = await later.chat.completions.parse(model="ruled", messages=HELLO, response_format=Place)

    assert made.choices[0].message.parsed == Place(city="Paris", people=2)


def test_parse_gives_the_refusal_where_there_is_no_answer(client: openai.OpenAI, up: Upstream) -> None:
    """Contract 5: with `content_filter` the client would raise and hide the text."""
    up.reply('{"city": "lava", "people": 2}')

    made = client.chat.completions.parse(model="polite", messages=HELLO, response_format=Place)

    choice = made.choices[0]
    assert (choice.message.content, choice.message.parsed) == (None, None)
    assert choice.message.refusal == "I can't say that."
    assert choice.finish_reason == "stop"


def test_a_models_own_refusal_comes_through_parse(client: openai.OpenAI, up: Upstream) -> None:
    up.reply({"role": "assistant", "content": None, "refusal": "No."})

    made = client.chat.completions.parse(model="up/m", messages=HELLO, response_format=Place)

    assert made.choices[0].message.refusal == "No."


def test_an_answer_that_breaks_the_schema_never_reaches_parse(client: openai.OpenAI, up: Upstream) -> None:
    up.reply('{"city": "Paris"}')

    with pytest.raises(openai.UnprocessableEntityError):
        client.chat.completions.parse(model="strict", messages=HELLO, response_format=Place)
