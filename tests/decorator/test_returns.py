"""What a generation function may give, and which exceptions mean that an upstream failed."""

from enum import StrEnum
from typing import Any

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from tests.decorator.cases import Colour, Invoice, Line, Point
from tests.upstream import chunks_of, completion

from steady import AllCandidatesFailed, ProviderError, SteadyError, steady
from steady.decorator.returns import NotUnderstood, completion_of, drained, is_upstream, status_of, to_text
from steady.errors import ProviderNonsense, ProviderTimeout

REQUEST = httpx.Request("POST", "http://127.0.0.1/v1/chat/completions")


def text_of(value: Any) -> Any:
    return completion_of(value)["choices"][0]["message"]["content"]


def response(content: Any = "Paris", **fields: Any) -> ChatCompletion:
    return ChatCompletion.model_validate(completion(content, **fields))


def chunks(content: str) -> list[ChatCompletionChunk]:
    return [ChatCompletionChunk.model_validate(chunk) for chunk in chunks_of(completion(content))]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Paris", "Paris"),
        (None, None),
        (True, "true"),
        (7, "7"),
        (Colour.RED, "red"),
        (Point(1, 2), '{"x":1,"y":2}'),
        ({"a": 1}, '{"a":1}'),
        ([Line(text="tea", amount=1)], '[{"text":"tea","amount":1.0}]'),
        (Invoice(number="1", lines=[]), '{"number":"1","lines":[]}'),
        (completion("Paris"), "Paris"),
        (response("Paris"), "Paris"),
        (chunks_of(completion("Paris"))[1], "Paris"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_function_gives_is_understood(value: Any, text: Any) -> None:
    assert text_of(value) == text


def test_a_str_that_is_an_enum_is_its_value() -> None:
    class Answer(StrEnum):
        YES = "yes"

    assert text_of(Answer.YES) == "yes"
    assert to_text(Answer.YES) == "yes"


def test_a_response_keeps_every_field_of_its_upstream() -> None:
    body = completion_of(response("Paris", system_fingerprint="fp", strange={"a": 1}))

    assert (body["id"], body["system_fingerprint"], body["strange"]) == ("chatcmpl-1", "fp", {"a": 1})
    assert body["usage"]["total_tokens"] == 12


@pytest.mark.parametrize(
    "value", [object(), b"Paris", print, (x for x in "ab"), [object()]], ids=lambda v: type(v).__name__
)
def test_another_type_is_an_error_that_names_what_would_work(value: Any) -> None:
    with pytest.raises(NotUnderstood, match=r"returned a builtins\..* What works: str, an OpenAI or litellm response"):
        completion_of(value)
    assert issubclass(NotUnderstood, SteadyError)


def test_a_generators_parts_are_texts_or_chunks() -> None:
    """The content of a chunk's delta may be None, and functions yield it as it is."""
    assert drained(["Pa", None, "ris"])["choices"][0]["message"]["content"] == "Paris"
    assert drained([])["choices"][0]["message"]["content"] == ""
    assert drained(chunks("in Paris"))["choices"][0]["message"]["content"] == "in Paris"
    assert drained(chunks_of(completion("in Paris")))["choices"][0]["message"]["content"] == "in Paris"
    with pytest.raises(NotUnderstood, match=r"yielded int, str\. What works: str, or an SDK's stream chunks"):
        drained(["a", 1])


def test_a_response_without_a_choice_is_nonsense() -> None:
    """Some upstreams answer so when a filter took the prompt; it costs the candidate, and is no JSON answer."""
    empty = {**completion("x"), "choices": []}
    with pytest.raises(ProviderNonsense):
        completion_of(ChatCompletion.model_validate(empty))
    with pytest.raises(ProviderNonsense):
        drained([{**chunks_of(completion("x"))[0], "choices": []}])


@pytest.mark.parametrize(
    "error",
    [
        ProviderError("down"),
        ProviderTimeout("slow"),
        TimeoutError(),
        ConnectionResetError(),
        AllCandidatesFailed("inner", [ValueError()]),
        openai.APIConnectionError(request=REQUEST),
        openai.APITimeoutError(request=REQUEST),
        openai.RateLimitError("slow down", response=httpx.Response(429, request=REQUEST), body=None),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_of_an_upstream_are_known_without_importing_an_sdk(error: Exception) -> None:
    assert is_upstream(error)


@pytest.mark.parametrize(
    "error", [ValueError(), KeyError(), OSError(), httpx.InvalidURL("x"), RuntimeError()], ids=repr
)
def test_other_errors_are_the_programs_own(error: Exception) -> None:
    assert not is_upstream(error)


def test_the_status_of_an_upstreams_error_is_kept() -> None:
    limited = openai.RateLimitError("slow down", response=httpx.Response(429, request=REQUEST), body=None)

    assert status_of(limited) == 429
    assert status_of(ProviderError("x", status=503)) == 503
    assert status_of(ValueError()) is None


# Through the decorator


def test_an_unchanged_response_is_the_functions_own_object() -> None:
    made = response("Paris")

    @steady()
    def fn(prompt: str) -> ChatCompletion:
        return made

    assert fn("?") is made


def test_a_changed_response_is_one_of_the_same_type_with_the_new_text() -> None:
    made = response("mail a@example.com", system_fingerprint="fp")

    @steady({"rules": [{"rule": "no_pii", "on_fail": "fix"}]})
    def fn(prompt: str) -> ChatCompletion:
        return made

    value = fn("?")

    assert isinstance(value, ChatCompletion)
    assert "example.com" not in str(value)
    assert (value.id, value.system_fingerprint) == ("chatcmpl-1", "fp")
    assert made.choices[0].message.content == "mail a@example.com", "the function's own object must stay as it was"


def test_what_a_rule_took_out_of_reasoning_is_not_in_the_response() -> None:
    message = {"role": "assistant", "content": "Done.", "reasoning_content": "write to a@example.com"}

    @steady({"rules": [{"rule": "no_pii", "on_fail": "fix"}]})
    def fn(prompt: str, as_dict: bool = False) -> Any:
        return completion(message) if as_dict else response(message)

    assert fn("?").choices[0].message.content == "Done."
    assert "example.com" not in str(fn("?"))
    assert "example.com" not in str(fn("?", as_dict=True))


def test_choices_that_were_not_judged_do_not_leave() -> None:
    """Of a response with several choices the first is the candidate; no rule has seen the others."""

    @steady({"rules": [{"rule": "excludes", "terms": ["lava"], "on_fail": "filter"}]})
    def fn(prompt: str) -> Any:
        return response(["water", "lava"])

    assert [choice.message.content for choice in fn("?").choices] == ["water"]


def test_a_dict_that_the_function_keeps_is_not_changed() -> None:
    kept = completion(["water", "wine"])

    @steady()
    def fn(prompt: str) -> Any:
        return kept

    assert len(fn("?")["choices"]) == 1
    assert len(kept["choices"]) == 2


def test_a_fallback_is_given_as_the_function_answers() -> None:
    """A caller that reads `.choices[0]` gets a response, also where the policy speaks in place of the model."""
    policy = {
        "rules": [{"rule": "excludes", "terms": ["lava"], "on_fail": "filter"}],
        "otherwise": {"do": "message", "text": "Sorry."},
    }

    @steady(policy)
    def fn(prompt: str) -> Any:
        return response("lava")

    assert fn("?").choices[0].message.content == "Sorry."
    assert "lava" not in str(fn("?"))


def test_an_annotated_response_that_can_not_be_made_abstains() -> None:
    """The input was refused, so that the function never gave a response to put the text into."""
    policy = {
        "rules": [{"rule": "excludes", "terms": ["lava"], "on": ["input"], "on_fail": "refrain"}],
        "otherwise": {"do": "message", "text": "Sorry."},
    }

    @steady(policy)
    def fn(prompt: str) -> ChatCompletion:
        return response("water")

    assert fn("water?").choices[0].message.content == "water"
    with pytest.raises(SteadyError, match="No answer that ChatCompletion can carry"):
        fn("lava?")


def test_a_tool_call_comes_back_as_the_functions_own_response() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"city": "Paris"}'}}

    @steady()
    def fn(prompt: str) -> Any:
        return response({"role": "assistant", "content": None, "tool_calls": [call]})

    assert fn("?").choices[0].message.tool_calls[0].function.name == "look_up"


def test_none_is_an_answer_where_nothing_is_annotated() -> None:
    @steady()
    def fn(prompt: str) -> Any:
        return None

    @steady()
    def text(prompt: str) -> str:
        return None  # type: ignore[return-value]

    @steady()
    def maybe(prompt: str) -> str | None:
        return None

    assert fn("?") is None
    assert maybe("?") is None
    with pytest.raises(SteadyError, match="No answer that str can carry"):
        text("?")


def test_data_without_an_annotation_keeps_its_type_when_it_is_put_together() -> None:
    """The answer of several candidates, field by field, is no candidate's own object."""
    policy = {"output": {"kind": "json"}, "candidates": {"min": 3, "max": 3}, "sampling": {"preset": "balanced"}}
    drawn = iter([Point(1, 2), Point(1, 3), Point(4, 2)])

    @steady(policy)
    def fn(prompt: str, seed: int = 0) -> Any:
        return next(drawn)

    assert fn("?") == Point(1, 2)


def test_parsed_responses_of_the_official_client_lose_what_was_parsed_of_another_text() -> None:
    from openai.types.chat import ParsedChatCompletion

    message = {"role": "assistant", "content": "mail a@example.com", "parsed": {"mail": "a@example.com"}}
    parsed: Any = ParsedChatCompletion.model_validate(completion(message))

    @steady({"rules": [{"rule": "no_pii", "on_fail": "fix"}]})
    def fn(prompt: str) -> Any:
        return parsed

    assert "example.com" not in str(fn("?"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*`ReadOnly` qualifier.*")  # litellm's own filter, undone by pytest
def test_responses_and_chunks_of_litellm_are_understood() -> None:
    from litellm.types.utils import ModelResponse, ModelResponseStream

    made = ModelResponse(**completion("mail a@example.com"))
    streamed = [ModelResponseStream(**chunk) for chunk in chunks_of(completion("in Paris")) if chunk["choices"]]

    @steady({"rules": [{"rule": "no_pii", "on_fail": "fix"}]})
    def fn(prompt: str) -> Any:
        return made

    assert text_of(made) == "mail a@example.com"
    assert isinstance(fn("?"), ModelResponse)
    assert "example.com" not in fn("?").choices[0].message.content
    assert drained(streamed)["choices"][0]["message"]["content"] == "in Paris"
