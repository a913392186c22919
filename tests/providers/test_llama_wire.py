from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from steady.errors import ProviderError
from steady.providers.llama_wire import MAX_TOKENS, TAKES, Forced, ask, called, choices_asked, merged

HELLO = [{"role": "user", "content": "Hello"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CLOCK = {"type": "function", "function": {"name": "clock"}}


def body(**fields: Any) -> dict[str, Any]:
    return {"messages": HELLO, **fields}


def refused(**fields: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(body(**fields))
    assert caught.value.upstream_status == 400
    assert caught.value.body is not None and caught.value.body["message"] == str(caught.value)
    return caught.value


def test_what_is_set_reaches_the_model() -> None:
    fields = {"temperature": 0.7, "top_k": 5, "min_p": 0.1, "seed": 3, "stop": ("a", "b"), "repeat_penalty": 1.1}
    sent = ask(body(**fields)).body

    assert {key: sent[key] for key in fields} == {**fields, "stop": ["a", "b"]}
    assert set(fields) <= set(TAKES)


def test_fields_of_the_server_itself_and_unknown_ones_do_not() -> None:
    """`n_predict: -1` would lift the length's bound, `id_slot` reach into another request's slot."""
    sent = ask(body(id_slot=0, n_predict=-1, cache_prompt=False, lora=[], samplers=[], wibble={"a": 1})).body

    assert set(sent) == {"messages", "max_tokens", "stream", "stream_options", "n"}


def test_a_value_that_is_null_counts_as_not_set() -> None:
    assert ask(body(temperature=None, max_tokens=None)).body.get("temperature") is None


def test_an_answer_has_a_greatest_length_even_where_none_is_asked_for() -> None:
    assert ask(body()).body["max_tokens"] == MAX_TOKENS
    assert ask(body(max_tokens=7)).body["max_tokens"] == 7
    assert ask(body(max_completion_tokens=8)).body["max_tokens"] == 8


@pytest.mark.parametrize("length", [0, -1, 1.5, "9", True])
def test_a_length_that_is_none_is_refused(length: Any) -> None:
    assert "`max_tokens`" in str(refused(max_tokens=length))


@settings(deadline=None)
@example(0xFFFFFFFF, 0)
@example(-1, 0)
@given(st.integers(-(2**70), 2**70), st.integers(0, 63))
def test_any_seed_becomes_one_that_is_not_random(seed: int, number: int) -> None:
    """llama.cpp holds seeds in 32 bits, and takes the greatest to mean that it should draw one."""
    assert 0 <= ask(body(seed=seed), number).body["seed"] < 0xFFFFFFFF


def test_choices_of_one_request_get_seeds_of_their_own() -> None:
    assert len({ask(body(seed=5), number).body["seed"] for number in range(8)}) == 8


def test_parts_of_text_are_joined_and_roles_are_the_templates() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    sent = ask({"messages": [{"role": "developer", "content": parts, "name": "x", "steady": {}}]}).body

    assert sent["messages"] == [{"role": "system", "content": "a\nb"}]


def test_half_an_emoji_does_not_make_a_message_unreadable() -> None:
    whole_and_half = [{"role": "user", "content": "\ud83d\ude00 and \ud83d."}]

    assert ask({"messages": whole_and_half}).body["messages"][0]["content"] == "😀 and \ufffd."


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "data:,"}},
        {"type": "input_audio", "input_audio": {}},
        {"x": 1},
        "text",
    ],
)
def test_parts_that_are_no_text_are_refused_by_their_place(part: Any) -> None:
    error = refused(messages=[{"role": "user", "content": [{"type": "text", "text": "See"}, part]}])

    assert "messages[0].content[1]" in str(error) and "text only" in str(error)


@pytest.mark.parametrize("messages", [None, [], "hello", [1], [{"content": "x"}], [{"role": "user", "content": 5}]])
def test_messages_that_are_none_are_refused(messages: Any) -> None:
    assert "messages" in str(refused(messages=messages))


def test_past_tool_calls_are_told_as_text() -> None:
    """The template knows no tools, and would leave the model with an empty turn before the tool's result."""
    call = {"id": "1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}
    history = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "9:00"},
    ]

    assert ask({"messages": history}).body["messages"][1] == {
        "role": "assistant",
        "content": '{"name": "clock", "arguments": "{}"}',
    }


def test_a_forced_tool_is_asked_for_as_its_parameters() -> None:
    choice = {"type": "function", "function": {"name": "weather"}}
    asked = ask(body(tools=[WEATHER, CLOCK], tool_choice=choice, grammar='root ::= "x"'))

    assert asked.forced == Forced((WEATHER["function"],))  # type: ignore[arg-type]
    assert asked.body["response_format"]["json_schema"]["schema"] == WEATHER["function"]["parameters"]  # type: ignore[index]
    assert "grammar" not in asked.body and "tools" not in asked.body
    assert asked.body["messages"][0]["role"] == "system"
    assert "weather: The weather of a city." in asked.body["messages"][0]["content"]


def test_where_any_tool_is_required_the_model_names_it() -> None:
    asked = ask(body(tools=[WEATHER, CLOCK], tool_choice="required"))

    variants = asked.body["response_format"]["json_schema"]["schema"]["anyOf"]
    assert [variant["properties"]["name"]["const"] for variant in variants] == ["weather", "clock"]


def test_the_tools_are_told_after_a_system_message_that_is_there() -> None:
    messages = [{"role": "system", "content": "Be brief."}, *HELLO]
    asked = ask(body(messages=messages, tools=[CLOCK], tool_choice="required"))

    assert len(asked.body["messages"]) == 2
    assert asked.body["messages"][0]["content"].startswith("Be brief.\n\nCall this function.")


@pytest.mark.parametrize("choice", ["auto", "none", None])
def test_optional_tools_leave_the_answer_a_text(choice: Any) -> None:
    assert ask(body(tools=[WEATHER], tool_choice=choice)).forced is None


def test_a_forced_tool_that_is_not_there_is_refused() -> None:
    choice = {"type": "function", "function": {"name": "wether"}}
    assert "'wether'; the tools are clock, weather" in str(refused(tools=[WEATHER, CLOCK], tool_choice=choice))
    assert "names no function" in str(refused(tool_choice="required"))


def test_a_grammar_beside_a_format_is_refused() -> None:
    """llama.cpp would silently follow one of them."""
    refused(grammar='root ::= "x"', response_format={"type": "json_object"})
    assert ask(body(grammar='root ::= "x"', response_format={"type": "text"})).body["grammar"] == 'root ::= "x"'


def answer(text: str, reason: str = "stop") -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": reason}
    usage = {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13}
    return {"id": "chatcmpl-1", "choices": [choice], "usage": usage}


def test_the_answer_to_a_forced_tool_is_a_call() -> None:
    made = called(answer('{"city": "Paris"}'), Forced((WEATHER["function"],)))["choices"][0]  # type: ignore[arg-type]

    call = made["message"]["tool_calls"][0]
    assert (made["finish_reason"], made["message"]["content"], call["type"]) == ("tool_calls", None, "function")
    assert call["function"] == {"name": "weather", "arguments": '{"city": "Paris"}'}
    assert call["id"].startswith("call_")


def test_a_chosen_tool_is_named_by_the_answer() -> None:
    forced = Forced((WEATHER["function"], CLOCK["function"]))  # type: ignore[arg-type]
    made = called(answer('{"name": "clock", "arguments": {"zone": "é"}}'), forced)["choices"][0]

    assert made["message"]["tool_calls"][0]["function"] == {"name": "clock", "arguments": '{"zone": "é"}'}


def test_a_call_that_was_cut_off_says_so() -> None:
    """Closing its brackets would invent arguments."""
    one = Forced((WEATHER["function"],))  # type: ignore[arg-type]
    cut = called(answer('{"city": "Par', "length"), one)["choices"][0]
    assert cut["finish_reason"] == "length"
    assert cut["message"]["tool_calls"][0]["function"]["arguments"] == '{"city": "Par'

    two = Forced((WEATHER["function"], CLOCK["function"]))  # type: ignore[arg-type]
    choice = called(answer('{"name": "clo', "length"), two)["choices"][0]
    assert "tool_calls" not in choice["message"] and choice["finish_reason"] == "length"


def test_several_choices_share_one_prompt() -> None:
    whole = merged([answer("a"), answer("b"), answer("c")])

    assert [(choice["index"], choice["message"]["content"]) for choice in whole["choices"]] == [
        (0, "a"),
        (1, "b"),
        (2, "c"),
    ]
    assert whole["usage"] == {"prompt_tokens": 10, "completion_tokens": 9, "total_tokens": 19}


@pytest.mark.parametrize("n", [0, -1, 65, 1.0, "2", True])
def test_a_number_of_choices_that_is_none_is_refused(n: Any) -> None:
    with pytest.raises(ProviderError, match="`n` must be from 1 to 64"):
        choices_asked(body(n=n))


def test_usage_ends_a_stream_only_where_asked_for() -> None:
    assert ask(body(stream_options={"include_usage": True})).usage
    assert not ask(body()).usage
