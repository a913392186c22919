"""`same_language_as_input`: told from the last message of the user, and silent where no language can be told."""

from typing import Any

import pytest

from steady.rules.language import SameLanguageAsInput, last_user_text
from steady.rules.rule import Context
from steady.types import Piece

GERMAN = "Die Katze sitzt auf dem Dach und schaut in den Garten."
ENGLISH = "The cat sits on the roof and looks into the garden."


def passes(question: Any, answer: str, unsure: Any = "pass") -> bool:
    context = Context(messages=({"role": "user", "content": question}, {"role": "assistant", "content": ENGLISH}))
    return SameLanguageAsInput(unsure=unsure).build().judge(Piece("answer", (), answer), context).passed


def test_the_answer_is_in_the_language_of_the_question() -> None:
    assert passes(GERMAN, GERMAN)
    assert not passes(GERMAN, ENGLISH)
    assert passes([{"type": "text", "text": ENGLISH}, {"type": "image_url"}], ENGLISH)


def test_what_can_t_be_told_is_as_the_policy_says() -> None:
    assert passes("Hm?", ENGLISH)
    assert not passes("Hm?", ENGLISH, "fail")
    assert passes(ENGLISH, "Ja.")
    assert not passes(ENGLISH, "Ja.", "fail")


@pytest.mark.parametrize(
    "messages", [(), ({"role": "system", "content": GERMAN},), ({"role": "user", "content": None},)]
)
def test_a_conversation_without_a_question_has_no_language(messages: tuple[dict[str, Any], ...]) -> None:
    assert last_user_text(Context(messages=messages)) == ""


def test_no_fix_is_made_up() -> None:
    check = SameLanguageAsInput().build()
    context = Context(messages=({"role": "user", "content": GERMAN},))

    assert check.fix(Piece("answer", (), ENGLISH), context) is None
    assert check.fix(Piece("answer", (), GERMAN), context) == ()
