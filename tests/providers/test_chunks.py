"""Chunks add up to what was cut, whatever the size of the cuts."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.providers.chunks import assemble, split

texts = st.text(max_size=20)
words = st.text("abcdefgh_", min_size=1, max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
calls = st.fixed_dictionaries(
    {
        "id": words,
        "type": st.just("function"),
        "function": st.fixed_dictionaries({"name": words, "arguments": texts}),
    },
    optional={"extra_content": st.dictionaries(words, texts, max_size=2)},
)
messages = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": st.none() | texts},
    optional={
        "refusal": st.none() | texts,
        "reasoning": texts,
        "reasoning_content": texts,
        "tool_calls": st.lists(calls, max_size=3),
        "annotations": st.lists(st.fixed_dictionaries({"type": words, "index": st.integers(0, 2)}), max_size=3),
        "x_unknown": values,
    },
)
choices = st.fixed_dictionaries(
    {"message": messages, "finish_reason": st.sampled_from(["stop", "length", "tool_calls", None])},
    optional={
        "logprobs": st.none() | st.just({"content": [{"token": "a", "logprob": -0.5}], "refusal": None}),
        "stop_reason": st.none() | st.integers(),
    },
)
completions = st.fixed_dictionaries(
    {
        "id": words,
        "object": st.just("chat.completion"),
        "created": st.integers(0, 2**31),
        "model": words,
        "choices": st.lists(choices, max_size=3).map(lambda all_: [{"index": i, **c} for i, c in enumerate(all_)]),
    },
    optional={
        "usage": st.fixed_dictionaries({"prompt_tokens": st.integers(0, 99), "completion_tokens": st.integers(0, 99)}),
        "system_fingerprint": words,
        "x_envelope": values,
    },
)


@settings(deadline=None, max_examples=200)
@given(completions, st.none() | st.integers(1, 7))
def test_what_is_split_assembles_to_the_same(completion: dict[str, Any], size: int | None) -> None:
    before = deepcopy(completion)

    chunks = list(split(completion, size=size))

    assert completion == before
    assert assemble(chunks) == completion
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}


@settings(deadline=None, max_examples=100)
@given(completions, st.integers(1, 7))
def test_no_text_piece_is_longer_than_asked(completion: dict[str, Any], size: int) -> None:
    for chunk in split(completion, size=size):
        for choice in chunk["choices"]:
            for key in ("content", "refusal", "reasoning"):
                assert len(choice["delta"].get(key) or "") <= size


def delta(index: int = 0, /, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"id": "c", "choices": [{"index": index, "delta": fields, "finish_reason": finish}]}


def test_choices_that_arrive_interleaved_come_out_by_index() -> None:
    chunks = [delta(1, content="b1"), delta(0, content="a1"), delta(1, content="b2"), delta(0, "stop", content="a2")]

    whole = assemble(chunks)

    assert [(c["index"], c["message"]["content"]) for c in whole["choices"]] == [(0, "a1a2"), (1, "b1b2")]
    assert [c["finish_reason"] for c in whole["choices"]] == ["stop", None]


def test_tool_calls_are_put_together_by_their_index_not_their_arrival() -> None:
    chunks = [
        delta(tool_calls=[{"index": 1, "id": "t1", "type": "function", "function": {"name": "g", "arguments": ""}}]),
        delta(tool_calls=[{"index": 0, "id": "t0", "type": "function", "function": {"name": "f", "arguments": '{"'}}]),
        delta(tool_calls=[{"index": 1, "function": {"arguments": "{}"}}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": 'a":1}'}}]),
    ]

    calls = assemble(chunks)["choices"][0]["message"]["tool_calls"]

    assert calls == [
        {"id": "t0", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
        {"id": "t1", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]


def test_a_name_and_an_id_that_an_upstream_repeats_are_not_doubled() -> None:
    piece = {"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": "1"}}

    calls = assemble([delta(role="assistant", tool_calls=[piece]), delta(role="assistant", tool_calls=[piece])])

    message = calls["choices"][0]["message"]
    assert message["role"] == "assistant"
    assert message["tool_calls"] == [{"id": "t", "type": "function", "function": {"name": "f", "arguments": "11"}}]


def test_tool_calls_without_an_index_are_told_apart_by_their_id() -> None:
    """Gemini's OpenAI-compatible endpoint sends whole calls without an index."""
    chunks = [
        delta(tool_calls=[{"id": "a", "function": {"name": "f", "arguments": "1"}}]),
        delta(tool_calls=[{"id": "b", "function": {"name": "g", "arguments": "2"}}]),
    ]

    calls = assemble(chunks)["choices"][0]["message"]["tool_calls"]

    assert [call["id"] for call in calls] == ["a", "b"]


def test_a_wild_index_neither_fills_the_memory_nor_leaves_holes() -> None:
    chunks = [delta(tool_calls=[{"index": 10**9, "id": "b"}]), delta(tool_calls=[{"index": 1, "id": "a"}])]

    calls = assemble(chunks)["choices"][0]["message"]["tool_calls"]

    assert calls == [{"id": "a"}, {"id": "b"}]


def test_reasoning_details_with_an_index_are_joined() -> None:
    """OpenRouter streams them as lists of indexed pieces."""
    chunks = [
        delta(reasoning_details=[{"index": 0, "type": "reasoning.text", "text": "I "}]),
        delta(reasoning_details=[{"index": 0, "type": "reasoning.text", "text": "think", "signature": "s"}]),
    ]

    details = assemble(chunks)["choices"][0]["message"]["reasoning_details"]

    assert details == [{"index": 0, "type": "reasoning.text", "text": "I think", "signature": "s"}]


def test_logprobs_of_all_chunks_are_kept_in_order() -> None:
    def chunk(token: str) -> dict[str, Any]:
        return {"choices": [{"index": 0, "delta": {"content": token}, "logprobs": {"content": [{"token": token}]}}]}

    logprobs = assemble([chunk("a"), chunk("b")])["choices"][0]["logprobs"]

    assert logprobs == {"content": [{"token": "a"}, {"token": "b"}]}


def test_usage_and_late_envelope_fields_are_kept_and_early_nulls_lose() -> None:
    first = {"id": "c", "model": "m", "created": 1, "usage": None, "choices": []}
    last = {"id": "other", "model": "n", "created": 2, "usage": {"prompt_tokens": 3}, "choices": []}

    whole = assemble([first, last])

    assert (whole["id"], whole["model"], whole["created"], whole["usage"]) == ("c", "m", 1, {"prompt_tokens": 3})


def test_assembling_changes_no_chunk() -> None:
    """The same chunks are also sent on to the client."""
    chunks = [delta(extra={"a": "1"}, tool_calls=[{"index": 0, "id": "t", "function": {"arguments": "x"}}])] * 3
    before = deepcopy(chunks)

    assemble(chunks)

    assert chunks == before


def test_no_chunks_are_no_choices() -> None:
    assert assemble([]) == {"object": "chat.completion", "choices": []}


def test_a_size_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        list(split({"choices": []}, size=0))
