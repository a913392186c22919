"""
Where a search says that a match may still begin: never too late, and close to the end of an ordinary text.

A stream accepts every match before that place, takes the rest before it for free of matches, and goes on from there.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rules.test_finders import FINDERS, FRAGMENTS, WIDEST, texts

from steady.rules.catalog import decode
from steady.rules.partial import at_end, beginnings
from steady.rules.rule import Finder, Match, Window
from steady.rules.scan import Scanner


def streamed(check: Finder, text: str, cuts: list[int]) -> Iterator[Match]:
    """Search as a stream does, whose pieces end at `cuts`. Positions are those of the whole text."""
    base = done = 0  # buffer = text[base:cut]; nothing before `done` is open
    for cut in [*sorted(min(cut, len(text)) for cut in cuts), len(text)]:
        buffer, final = text[base:cut], cut == len(text)
        place = len(buffer) if final else check.open(buffer, done - base)
        assert done - base <= place <= len(buffer)
        found = [match for match in check.find(buffer, done - base) if final or match.start < place]
        for match in found:
            yield match._replace(start=base + match.start, end=base + match.end)
        done = max(base + place, *(base + match.end for match in found), done)
        base = max(0, done - 1)  # one character of context is kept


@pytest.mark.parametrize("name", FINDERS)
@settings(deadline=None, max_examples=30)
@given(text=texts, cuts=st.lists(st.integers(0, 400), max_size=30))
def test_a_stream_that_holds_from_there_finds_what_a_search_of_the_whole_finds(
    name: str, text: str, cuts: list[int]
) -> None:
    assert list(streamed(FINDERS[name], text, cuts)) == list(FINDERS[name].find(text))


@pytest.mark.parametrize("name", FINDERS)
@settings(deadline=None, max_examples=30)
@given(text=texts, tail=texts)
def test_what_stands_before_it_does_not_change_when_more_comes(name: str, text: str, tail: str) -> None:
    check = FINDERS[name]
    place = check.open(text)

    assert [m for m in check.find(text + tail) if m.start < place] == [m for m in check.find(text) if m.start < place]


@pytest.mark.parametrize("name", FINDERS)
def test_character_by_character_near_every_border_of_two_fragments(name: str) -> None:
    """Matches that touch, that begin inside others, and that more text makes longer or takes away."""
    check = FINDERS[name]
    for i in range(0, len(FRAGMENTS), 3):
        text = "".join(FRAGMENTS[(i * step) % len(FRAGMENTS)] for step in (1, 3, 7, 11))[:300]

        assert list(streamed(check, text, list(range(len(text))))) == list(check.find(text)), text


@pytest.mark.parametrize(("name", "text"), WIDEST)
def test_the_widest_matches_are_the_same_character_by_character(name: str, text: str) -> None:
    text += " and so it goes on" * 3

    assert list(streamed(FINDERS[name], text, list(range(len(text))))) == list(FINDERS[name].find(text))


@pytest.mark.parametrize("name", FINDERS)
@settings(deadline=None, max_examples=25)
@given(text=texts)
def test_no_more_is_held_than_the_widest_match(name: str, text: str) -> None:
    check = FINDERS[name]
    assert isinstance(check.streams, Window)

    assert len(text) - check.open(text) <= check.streams.width + check.streams.right


EMAIL: Any = decode({"rule": "no_pii", "kinds": ["email"]}).build()
PROSE = "The quick brown fox will see you at noon, and so it goes on. Ring me in May, when all is well. " * 4


@pytest.mark.parametrize("name", [name for name in FINDERS if name != "not_regex"])
def test_of_ordinary_prose_little_more_than_a_word_is_held(name: str) -> None:
    check = FINDERS[name]
    held = [at - check.open(PROSE[:at]) for at in range(1, len(PROSE))]

    assert max(held) <= 12
    assert sum(held) / len(held) < 5


@pytest.mark.parametrize(
    ("name", "text", "held"),
    [
        ("excludes", "we give a guar", "guar"),
        ("excludes", "we give a guarantee", "guarantee"),  # a letter may follow, and it is another word
        ("excludes", "we give a guarantee ", ""),
        ("excludes", "we begguar", ""),  # no word begins there
        ("excludes", "GUA\u200b", "GUA\u200b"),
        ("excludes", "said he\u200b", "\u200b"),  # a second one would be a hidden run
        ("excludes", "e" + "\u200b" * 40, "\u200b"),
        ("email", "write to joe@exam", "joe@exam"),
        ("email", "write to joe@example.com.", "joe@example.com."),  # joe@example.com.au
        ("email", "joe@example.com, then", "then"),
        ("no_secrets", "the key AKIAIOSF", "key AKIAIOSF"),
        ("no_urls", "see https://a.b/c", "https://a.b/c"),
        ("no_urls", "see https://a.b/c then: ", ""),
        ("not_regex_replaced", "on 555-12", "555-12"),
        ("not_regex_replaced", "on 5555-12", "12"),  # no word begins at 555
    ],
)
def test_what_is_held_is_what_a_match_may_begin_with(name: str, text: str, held: str) -> None:
    place = {**FINDERS, "email": EMAIL}[name].open(text)

    assert text[place:] == held or (name == "no_secrets" and text[place:] in held)


def test_ten_thousand_terms_hold_back_like_one() -> None:
    terms = [f"term{i:05d}{'abcde'[i % 5] * 5}" for i in range(10_000)]
    check = decode({"rule": "excludes", "terms": terms}).build()
    assert isinstance(check, Finder)

    assert check.open("it is term00") == 6
    assert check.open("it is term00017") == 6
    assert check.open("it is term00017x") == 16
    assert check.open("it is determ") == 12


def test_a_pattern_that_the_reader_does_not_know_holds_by_width() -> None:
    check = finder_of(r"\Qa.b\E|c{4}")

    assert beginnings(r"\Qa.b\E|c") is None
    assert not isinstance(check.streams, Window) or check.open("x" * 50) == 50 - 5 + 1


def finder_of(pattern: str) -> Finder:
    check = decode({"rule": "not_regex", "pattern": pattern}).build()
    assert isinstance(check, Finder)
    return check


def test_every_built_in_format_can_tell_what_may_begin() -> None:
    """A format with syntax that the reader does not know would hold back whole sentences."""
    for check in FINDERS.values():
        assert not isinstance(check, Scanner) or check._begun is not None


PATTERNS = [
    "abc",
    "a{2,4}b",
    "(?i)aB|c(?:ab)+",
    "(a|b(?i)c|c)a",
    r"\bab\b",
    r"a\B.",
    "a?b?c",
    "(?:ab?){2,3}c",
    "[^a]b[[:alpha:]]",
    "(?m)^a$\nb",
    "(?P<x>a|)(?:b{2}){2}",
    "é(?:b|é)",
    r"\x61[\x62]+?c",
    "a$",
]


@pytest.mark.parametrize("pattern", PATTERNS)
@settings(deadline=None, max_examples=30)
@given(text=st.text(st.sampled_from("abcABCé \n"), max_size=9), tail=st.text(st.sampled_from("abcé \n"), max_size=6))
def test_the_beginnings_of_a_pattern_hold_every_beginning_of_a_match(pattern: str, text: str, tail: str) -> None:
    """Whatever matches in a longer text and reaches the end of a shorter one, begins there."""
    source = at_end(pattern)
    assert source is not None
    place = re2.search(source, text)
    assert place is not None
    found = re2.compile(pattern)
    for at in range(len(text) + 1):
        hit = found.match(text + tail, at)
        if hit is not None and hit.end() > len(text):
            assert place.start() <= at


@pytest.mark.parametrize("pattern", ["abc", "a{2,4}b", "(?i)aB|c(?:ab)+", "a?b?c", "(?:ab?){2,3}c"])
@settings(deadline=None, max_examples=25)
@given(text=st.text(st.sampled_from("abc"), max_size=7))
def test_the_beginnings_of_a_pattern_hold_nothing_else(pattern: str, text: str) -> None:
    """Else a stream would hold back what can no longer become a match."""
    source = beginnings(pattern)
    assert source is not None
    some = any(
        re2.fullmatch(pattern, text + "".join(more))
        for size in range(7)
        for more in itertools.product("abc", repeat=size)
    )

    assert (re2.fullmatch(source, text) is not None) == some
