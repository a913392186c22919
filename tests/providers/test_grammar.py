import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.providers.grammar import choices_grammar, literal

SAYABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)

ESCAPE = re.compile(r'\\(?:x([0-9A-F]{2})|u([0-9A-F]{4})|U([0-9A-F]{8})|([nrt"\\]))|([^"\\])', re.S)
NAMED = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


def read_literal(text: str, at: int) -> tuple[str, int]:
    """Read one quoted literal as llama.cpp's parser does; return what it says and where it ends."""
    assert text[at] == '"'
    at, out = at + 1, []
    while text[at] != '"':
        match = ESCAPE.match(text, at)
        assert match is not None, text[at:]
        x, u, big, named, plain = match.groups()
        out.append(NAMED[named] if named else plain if plain else chr(int(x or u or big, 16)))
        at = match.end()
    return "".join(out), at + 1


def read_choices(grammar: str) -> list[str]:
    assert grammar.startswith("root ::= ") and grammar.endswith("\n")
    at, said = len("root ::= "), []
    while True:
        one, at = read_literal(grammar, at)
        said.append(one)
        if grammar[at:] == "\n":
            return said
        assert grammar[at : at + 3] == " | "
        at += 3


@settings(deadline=None, max_examples=200)
@given(st.lists(SAYABLE, min_size=1, max_size=6))
def test_a_grammar_says_exactly_the_choices(choices: list[str]) -> None:
    assert read_choices(choices_grammar(choices)) == list(dict.fromkeys(choices))


@settings(deadline=None)
@given(SAYABLE)
def test_a_literal_is_printable_ascii_on_one_line(text: str) -> None:
    """A raw newline would end the rule, and raw bytes depend on how the parser decodes them."""
    assert all(" " <= character <= "~" for character in literal(text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plain", '"plain"'),
        ('say "yes"', r'"say \"yes\""'),
        ("a\\b", r'"a\\b"'),
        ("two\nlines\r\t", r'"two\nlines\r\t"'),
        ("\x07", r'"\x07"'),
        ("\x7f", r'"\x7F"'),
        ("café", r'"caf\u00E9"'),
        ("😀", r'"\U0001F600"'),
        ("[a-z]* | ::= #", '"[a-z]* | ::= #"'),
        ("", '""'),
    ],
)
def test_literals_are_escaped(text: str, said: str) -> None:
    assert literal(text) == said


def test_choices_keep_their_order_and_lose_repetitions() -> None:
    assert choices_grammar(["b", "a", "b"]) == 'root ::= "b" | "a"\n'


def test_one_choice_may_begin_another() -> None:
    assert read_choices(choices_grammar(["refund", "refund request"])) == ["refund", "refund request"]


def test_no_choice_at_all_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one text"):
        choices_grammar([])


@pytest.mark.parametrize("bad", ["\0", "a\ud800"])
def test_what_no_grammar_can_say_is_an_error_that_names_the_character(bad: str) -> None:
    with pytest.raises(ValueError, match=r"U\+(0000|D800)"):
        choices_grammar(["fine", bad])
