"""What is sent is what the upstream takes; what is not sent is said."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.providers.capabilities import EVERYTHING, VENDORS, capabilities, fit
from steady.types import Capabilities, Sampling

samplings = st.builds(
    Sampling,
    temperature=st.none() | st.floats(0, 2),
    top_k=st.none() | st.integers(1, 100),
    min_p=st.none() | st.floats(0, 1),
    repeat_penalty=st.none() | st.floats(0.5, 2),
    max_tokens=st.none() | st.integers(1, 100),
    stop=st.none() | st.lists(st.text(max_size=3), max_size=3).map(tuple),
    seed=st.none() | st.integers(0, 2**31),
    logprobs=st.none() | st.booleans(),
    top_logprobs=st.none() | st.integers(0, 20),
    logit_bias=st.none() | st.just({"42": -1.0}),
)
params = st.sets(st.sampled_from(EVERYTHING)).map(lambda names: tuple(sorted(names)))


@settings(deadline=None, max_examples=200)
@given(samplings, params, st.sampled_from(["max_tokens", "max_completion_tokens"]))
def test_every_value_is_either_sent_or_noted_and_never_both(
    sampling: Sampling, taken: tuple[str, ...], name: str
) -> None:
    body, notes = fit(sampling, Capabilities(params=taken, max_tokens_name=name))

    sent = {"max_tokens" if key == name else key for key in body}
    noted = {note.split()[0] for note in notes}
    assert sent | noted == {key for key in EVERYTHING if getattr(sampling, key) is not None}
    assert not sent & noted
    assert sent <= set(taken)
    assert list(notes) == sorted(notes)


def test_openai_is_not_sent_what_llama_cpp_invented() -> None:
    body, notes = fit(Sampling(temperature=0.7, top_k=40, min_p=0.1, max_tokens=9), capabilities("openai", "gpt-4o"))

    assert body == {"temperature": 0.7, "max_completion_tokens": 9}
    assert notes == ("min_p dropped: the provider takes none", "top_k dropped: the provider takes none")


@pytest.mark.parametrize("model", ["o1", "o3-mini", "o4-mini-2025-04-16", "gpt-5", "gpt-5.1-mini", "openai/o3"])
def test_reasoning_models_get_no_sampling(model: str) -> None:
    """They answer 400 to a temperature."""
    body, notes = fit(Sampling(temperature=0.7, top_p=0.9, seed=1, max_tokens=9), capabilities("openai", model))

    assert body == {"seed": 1, "max_completion_tokens": 9}
    assert len(notes) == 2


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4.1-mini", "gpt-5-chat-latest", "ft:gpt-4o:org", "chatgpt-4o-latest"])
def test_chat_models_are_not_taken_for_reasoning_models(model: str) -> None:
    assert "temperature" in capabilities("openai", model).params


def test_structured_outputs_are_asked_only_of_models_that_have_them() -> None:
    known = {
        m: capabilities("openai", m).json_schema for m in ("gpt-3.5-turbo", "gpt-4", "gpt-4-turbo", "gpt-4o", "o3")
    }

    assert known == {"gpt-3.5-turbo": False, "gpt-4": False, "gpt-4-turbo": False, "gpt-4o": True, "o3": True}


def test_local_engines_take_everything() -> None:
    for kind in ("embedded", "llamacpp", "scripted"):
        assert capabilities(kind, "m").params == EVERYTHING  # type: ignore[arg-type]
    assert capabilities("llamacpp", "m").grammar == "gbnf"
    assert capabilities("vllm", "m").grammar == "structured"
    assert "repeat_penalty" not in capabilities("vllm", "m").params


def test_vendors_behind_litellm_get_what_they_take() -> None:
    assert capabilities("litellm", "anthropic/claude-sonnet-4-5").params == VENDORS["anthropic"]
    assert capabilities("litellm", "anthropic/claude-sonnet-4-5").json_schema
    assert "temperature" not in capabilities("litellm", "anthropic/claude-opus-4-7").params
    assert "temperature" not in capabilities("litellm", "azure/o3").params
    assert capabilities("litellm", "azure/o3").max_tokens_name == "max_tokens"
    assert capabilities("litellm", "somebody/new").params == ("max_tokens", "stop", "temperature", "top_p")


def test_params_are_sorted_everywhere() -> None:
    """They are hashed with the policy."""
    models = ("openai", "gpt-4o"), ("openai", "o3"), ("vllm", "m"), ("openai-compatible", "m"), ("embedded", "m")
    every = [capabilities(kind, model).params for kind, model in models]  # type: ignore[arg-type]

    assert all(list(names) == sorted(names) for names in [*every, *VENDORS.values()])


def test_top_logprobs_go_only_with_logprobs() -> None:
    """Upstreams answer 400 to one without the other."""
    body, notes = fit(Sampling(top_logprobs=5), capabilities("openai", "gpt-4o"))

    assert (body, notes) == ({}, ("top_logprobs dropped: it needs logprobs",))
