"""`presidio`: what is recorded of what a model finds, and what is said where it is not installed."""

import asyncio
import importlib.util
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.errors import RuleError
from steady.pipeline.outside import CLOSED
from steady.rules.presidio import MAX_CHARACTERS, Entity, Presidio, PresidioCheck, told
from steady.rules.rule import EVERYWHERE, Context
from steady.types import Piece

INSTALLED = importlib.util.find_spec("presidio_analyzer") is not None
TEXT = "Sara Connor lives in Berlin"
FOUND = (Entity(0, 11, "PERSON", 0.85), Entity(21, 27, "LOCATION", 0.85))


def asked(text: str, found: Sequence[Entity] = FOUND, **fields: Any) -> dict[str, Any]:
    """What the rule records, where the model finds `found`."""
    check = PresidioCheck(Presidio(**fields), lambda text: found)
    return dict(asyncio.run(_ask(check, text)))


async def _ask(check: PresidioCheck, text: str) -> dict[str, Any]:
    return await check.ask(Piece("answer", ("message", "content"), text), Context(), CLOSED)


def test_what_was_found_is_named_by_kind_and_masked() -> None:
    answer = asked(TEXT)

    assert answer == {
        "passed": False,
        "reason": "The text holds names of places, names of people.",
        "fix": "[PERSON] lives in [LOCATION]",
    }


def test_what_is_less_sure_than_asked_for_does_not_count() -> None:
    assert asked(TEXT, score=0.9) == {"passed": True, "reason": "", "fix": None}


def test_of_two_that_overlap_the_longer_first_one_is_masked() -> None:
    found = (Entity(0, 4, "PERSON", 1.0), Entity(0, 11, "PERSON", 1.0), Entity(5, 11, "LOCATION", 1.0))

    assert asked(TEXT, found)["fix"] == "[PERSON] lives in Berlin"


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=30), st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=6))
def test_nothing_that_was_found_is_recorded(text: str, places: list[tuple[int, int]]) -> None:
    """The journal keeps the answer, so it may hold the mask but not what is under it."""
    text = text.translate({ord(char): "x" for char in "[]PERSON"})
    entities = [Entity(min(a, len(text)), min(b, len(text)), "PERSON", 1.0) for a, b in places]
    answer = told(text, entities)
    hidden = {at for entity in entities for at in range(entity.start, entity.end)}

    assert answer["passed"] == (not hidden)
    if hidden:
        left = "".join(char for at, char in enumerate(text) if at not in hidden)
        assert answer["fix"].replace("[PERSON]", "") in left or set(answer["fix"].replace("[PERSON]", "")) <= set(text)
        assert len(answer["fix"].replace("[PERSON]", "")) <= len(text) - 1
        assert answer["reason"] == "The text holds names of people."


def test_half_a_surrogate_pair_is_no_reason_to_fail() -> None:
    seen: list[str] = []

    def find(text: str) -> list[Entity]:
        seen.append(text.encode().decode())  # the model's package encodes it
        return []

    assert asyncio.run(_ask(PresidioCheck(Presidio(), find), "a\ud800b"))["passed"]
    assert seen == ["a\ufffdb"]


def test_a_model_that_raises_and_a_text_that_is_too_long_are_errors_without_the_text() -> None:
    def fail(text: str) -> list[Entity]:
        raise KeyError(text)

    with pytest.raises(RuleError, match="presidio raised KeyError") as raised:
        asyncio.run(_ask(PresidioCheck(Presidio(), fail), "Sara"))
    assert "Sara" not in str(raised.value)
    with pytest.raises(RuleError, match="200,000 characters"):
        asyncio.run(_ask(PresidioCheck(Presidio(), fail), "x" * (MAX_CHARACTERS + 1)))


def test_without_the_model_every_verdict_says_what_to_install() -> None:
    """Nothing is downloaded: neither Presidio nor the model is imported before it is known to be there."""
    check = Presidio(model="no_such_model_anywhere").build()

    with pytest.raises(RuleError, match=r"is not installed; run: pip install 'steady-llm\[presidio\]'"):
        asyncio.run(_ask(check, TEXT))
    with pytest.raises(RuleError, match="is not installed"):
        check.warm()


@pytest.mark.slow
@pytest.mark.skipif(not INSTALLED, reason="the extra `presidio` is not installed here")
def test_the_real_model_finds_a_person_and_a_place() -> None:
    answer = asyncio.run(_ask(Presidio().build(), "Angela Merkel met Barack Obama in Paris."))

    assert answer["fix"] == "[PERSON] met [PERSON] in [LOCATION]."


def test_it_is_recorded_and_sensitive_and_looks_everywhere() -> None:
    assert not Presidio().is_pure()
    assert Presidio.sensitive
    assert Presidio().surfaces == EVERYWHERE
    assert Presidio(kinds=("places", "persons")).statement() == "Do not include names of people, names of places."


@pytest.mark.parametrize("fields", [{"kinds": []}, {"kinds": ["cats"]}, {"score": 2}, {"model": "../x"}])
def test_nonsense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"rule": "presidio", **fields}, Presidio)
