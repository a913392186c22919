"""journal: every answer of the world under its key, and a world that answers from it and invents nothing."""

from typing import Any

import pytest
from tests.pipeline.worlds import Ticking, world

from steady.errors import ContentNotKept, ProviderError, ProviderNonsense, ProviderTimeout, RuleError
from steady.pipeline.journal import Recorder, Replayed, told, told_again
from steady.providers.scripted import ScriptedProvider
from steady.types import Call, Entry

CALL = Call(provider="scripted", model="m", body={"messages": []}, timeout=1)


def recorder(*lines: Any, clock: Ticking | None = None) -> Recorder:
    return Recorder(world(ScriptedProvider(lines or ["Paris."]), clock=clock))


async def test_a_reply_is_kept_and_given_again() -> None:
    one = recorder()
    reply = await one.complete(3, 1, CALL)
    again = await Replayed(one.journal()).complete(3, 1, CALL)

    assert again.body == reply.body
    assert [(e.what, e.slot, e.attempt) for e in one.journal()] == [("reply", 3, 1)]


@pytest.mark.parametrize(
    "error",
    [
        ProviderError(
            "busy", status=429, retryable=True, retry_after=2.5, body={"message": "busy"}, provider="scripted"
        ),
        ProviderTimeout("too slow", retryable=True, provider="scripted"),
        ProviderNonsense("no completion", provider="scripted"),
    ],
)
async def test_a_failure_is_an_answer_too(error: ProviderError) -> None:
    one = recorder(error)
    with pytest.raises(ProviderError):
        await one.complete(0, 0, CALL)
    with pytest.raises(type(error)) as caught:
        await Replayed(one.journal()).complete(0, 0, CALL)

    assert told(caught.value) == told(error)
    assert type(told_again(told(error))) is type(error)


async def test_the_chunks_of_a_stream_are_kept_as_one_reply() -> None:
    one = Recorder(world(ScriptedProvider(["Paris is it."], size=2)))
    chunks = [chunk async for chunk in one.stream(0, 0, CALL)]
    (entry,) = one.journal()

    assert len(chunks) > 4
    assert entry.value["choices"][0]["message"]["content"] == "Paris is it."


async def test_the_same_question_about_the_same_text_is_asked_once() -> None:
    one, asked = recorder(), []

    async def question() -> Any:
        asked.append(1)
        return {"passed": True}

    for _ in range(3):
        assert await one.ask(0, 0, "mine#1", question) == {"passed": True}
    assert len(asked) == 1


async def test_a_validator_that_fails_is_kept_as_a_failure() -> None:
    one = recorder()

    async def question() -> Any:
        raise ValueError("ann@example.com is not to be seen")

    with pytest.raises(RuleError, match="it raised ValueError"):
        await one.ask(0, 0, "mine#1", question)
    with pytest.raises(RuleError, match="it raised ValueError"):
        await Replayed(one.journal()).ask(0, 0, "mine#1", question)
    assert "ann@" not in str(one.journal())


async def test_seed_and_clock_are_kept() -> None:
    one = recorder(clock=Ticking(step=0.1234567))
    seed, seconds = one.root_seed(), one.elapsed(0)
    again = Replayed(one.journal())

    assert (again.root_seed(), again.elapsed(0)) == (seed, seconds)
    assert seconds == round(seconds, 6)


async def test_entries_are_ordered_by_key_never_by_arrival() -> None:
    one, other = recorder(), recorder()
    for slot in (2, 0, 1):
        await one.complete(slot, 0, CALL)
    for slot in (0, 1, 2):
        await other.complete(slot, 0, CALL)

    assert one.journal() == other.journal()


@pytest.mark.parametrize(
    ("what", "match"),
    [
        ("reply", "no reply for slot 4, attempt 1"),
        ("rule", "rule mine#1"),
        ("seed", "no seed"),
        ("elapsed", "no elapsed"),
    ],
)
async def test_what_was_not_kept_is_not_invented(what: str, match: str) -> None:
    empty = Replayed(())

    async def question() -> Any:
        raise AssertionError("a replay asks nobody")

    with pytest.raises(ContentNotKept, match=match):
        if what == "reply":
            await empty.complete(4, 1, CALL)
        elif what == "rule":
            await empty.ask(0, 0, "mine#1", question)
        elif what == "seed":
            empty.root_seed()
        else:
            empty.elapsed(0)


async def test_a_replay_has_no_stream() -> None:
    with pytest.raises(ContentNotKept):
        await anext(Replayed((Entry(what="reply", value={}),)).stream(0, 0, CALL))
