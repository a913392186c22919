"""
What holds of every rule that streams as a search: the promises on which the stream's hold-back stands.

A stream accepts a match at s once s + width + right characters have come, goes on behind it, and takes all earlier
places for free of matches. Here that is done literally, for random cuts, and compared with the search in the whole.
"""

import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.rules.catalog import decode
from steady.rules.rule import Context, Finder, Match, Window, apply_edits
from steady.types import Piece

RULES = {
    "not_regex": {"rule": "not_regex", "pattern": r"\bfoo\b|a[b-d]{1,3}|é.|x{0,3}y?", "replace": None},
    "not_regex_replaced": {"rule": "not_regex", "pattern": r"\b\d{3}-\d{4}\b", "replace": "[number]"},
    "excludes": {"rule": "excludes", "terms": ["guarantee", "refund policy", "C++", "été", "straße"], "replace": "***"},
    "excludes_parts": {"rule": "excludes", "terms": ["ab", "abc", "bcd", "ﬁn", "ss"], "words": False, "replace": "#"},
    "excludes_removed": {"rule": "excludes", "terms": ["guarantee", "refund policy", "foo"], "replace": ""},
    "no_pii": {"rule": "no_pii"},
    "no_pii_masked": {"rule": "no_pii", "replace": "mask"},
    "no_secrets": {"rule": "no_secrets"},
    "no_urls": {"rule": "no_urls"},
    "urls_allowed": {"rule": "urls_allowed", "domains": ["good.com", "münchen.de"]},
}

FRAGMENTS = [
    *(
        "guarantee",
        "Guarantee",
        "ＧＵＡ",
        "rantee",
        "refund policy",
        "refund",
        " policy",
        "c++",
        "C",
        "++",
        "e\u0301te\u0301",
    ),
    *("foo", "ab", "abc", "bcd", "xxy", "été", "straße", "STRASSE", "ﬁn", "ss", "555-1234", "55", "-12", "34"),
    *(
        "joe@example.com",
        "joe@",
        "example.com",
        "@",
        ".",
        ".com",
        "+1 (415) 555-0123",
        "+14155550123",
        "(0)71 526 99 04",
    ),
    *(
        "4111 1111 1111 1111",
        "4111111111111111",
        "1111",
        "4111",
        "GB82 WEST 1234 5698 7654 32",
        "GB82WEST12345698765432",
    ),
    *(
        "460-89-9847",
        "192.168.1.10",
        "2001:db8::ff00:42:8329",
        "00:1A:2B:3C:4D:5E",
        "1A:2B",
        "01.02.2024",
        "3.14",
        "1999",
    ),
    *("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "0x52908400098527886E0F7030069857D2E4169EE7"),
    *(
        "sk-proj-abcdEFGH1234ijklMNOP5678",
        "AKIAIOSFODNN7EXAMPLE",
        "password: hunter2x9Z",
        "password: ",
        "ghp_",
        "eyJhbGciOi",
    ),
    *("aB3" * 20, "aB3" * 45, "Zz9k" * 12, "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----", "\\n"),
    *(
        "https://good.com/a?b=c",
        "https://",
        "http://evil.com",
        "evil.com",
        "//evil.com/x",
        "good.com",
        "www.",
        "javascript:x",
    ),
    *("https://good.com@evil.com", "münchen.de", "xn--mnchen-3ya.de", "(", ")", "main.rs", "пример.рф"),
    *(" ", " ", "\n", ",", ":", "/", "-", "+", "=", "_", "a", "Z", "7", "é", "漢", "🏴", "“", "[", "]", "*"),
    *(
        "\u200b",
        "\u200b",
        "\u200b\u200b",
        "\u00ad",
        "\u200b" * 40,
        "\ufe0f",
        "\u0301",
        "\x00",
        "\ud800",
        "\ufffe",
        "ﬃ",
        "１２",
    ),
]

texts = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=3), max_size=14).map("".join)


def finder(name: str) -> Finder:
    check = decode({key: value for key, value in RULES[name].items() if value is not None}).build()
    assert isinstance(check, Finder)
    return check


FINDERS = {name: finder(name) for name in RULES}


def streamed(check: Finder, text: str, cuts: list[int]) -> Iterator[Match]:
    """Search as a stream does, whose pieces end at `cuts`. Positions are those of the whole text."""
    assert isinstance(check.streams, Window)
    reach = check.streams.width + check.streams.right
    base = done = 0  # buffer = text[base:cut]; nothing before `done` is open
    for cut in [*sorted(min(cut, len(text)) for cut in cuts), len(text)]:
        buffer, final = text[base:cut], cut == len(text)
        for match in check.find(buffer, done - base):
            if not final and match.start + reach > len(buffer):
                break
            done = base + match.end
            yield match._replace(start=base + match.start, end=base + match.end)
        if final:
            return
        done = max(done, cut - reach + 1)  # a match beyond this place is not decided yet
        base = max(0, done - 1)  # one character of context is kept


@pytest.mark.parametrize("name", RULES)
@settings(deadline=None, max_examples=60)
@given(text=texts, cuts=st.lists(st.integers(0, 2500), max_size=12))
def test_a_stream_finds_what_a_search_of_the_whole_finds(name: str, text: str, cuts: list[int]) -> None:
    """Whatever the pieces, the same matches: else a stream would release what a whole answer would not."""
    check = FINDERS[name]

    assert list(streamed(check, text, cuts)) == list(check.find(text))


def hidden(text: str) -> str:
    """An invisible character before each: the widest raw text of a match."""
    return "".join("\u200b" + char for char in text)


WIDEST = [
    ("not_regex", "é acd foo éx xxxy "),
    ("excludes", f"a {hidden('refund policy')} b"),
    ("excludes", f"a {hidden('refund policy')}\u200bd b"),  # the reader sees one longer word
    ("excludes", f"a {hidden('guarantee')}\u200b\u200bd b"),
    ("no_pii", f"a {hidden('j' * 64 + '@' + 'd' * 48 + '.' + 'c' * 24)} b"),
    ("no_pii", f"a {hidden('j' * 64 + '@' + 'd' * 48 + '.' + 'c' * 24)}\u200bc b"),
    ("no_secrets", f"a {hidden('sk-ant-' + 'aB3' * 40)} b"),
    ("no_urls", f"a {hidden('https://evil.com/' + 'x' * 150)} b"),
    ("urls_allowed", f"a {hidden('https://evil.com/' + 'x' * 150)} b"),
]


@pytest.mark.parametrize(("name", "text"), WIDEST)
def test_the_widest_matches_are_the_same_character_by_character(name: str, text: str) -> None:
    check = FINDERS[name]
    text += " and so it goes on" * 40

    assert list(streamed(check, text, list(range(len(text))))) == list(check.find(text))
    assert list(check.find(text)) or "\u200bd" in text or "\u200bc b" in text


def test_a_match_that_begins_before_the_place_hides_none_behind_it() -> None:
    """`eguaranteehttp` would be a scheme, were it not for what stands before it, which is out of sight."""
    text = "guaranteeguaranteehttp://evil.com"

    assert list(FINDERS["no_urls"].find(text, 8)) == list(FINDERS["no_urls"].find(text))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("no_pii", "joe@example.comguaranteejoe@example.com"),
        ("no_pii", "joe@example.c" + "o" * 30 + "@example.com"),
        ("no_pii", "2001:db8::ff00:42:8329joe@example.com"),
        ("no_pii", "4111111111111111\u200b5500000000000004"),
        ("no_urls", "münchen.dehttps://good.com/a?b=c"),
        ("no_secrets", "sk-" + "aB3" * 45 + "." + "Zz9k" * 12),
    ],
)
def test_a_fix_leaves_no_match_where_two_stood_together(name: str, text: str) -> None:
    check, context = FINDERS[name], Context()
    edits = check.fix(Piece("answer", (), text), context)
    assert edits is not None

    assert check.judge(Piece("answer", (), apply_edits(text, edits)), context).passed


@pytest.mark.parametrize("name", RULES)
@settings(deadline=None, max_examples=40)
@given(text=texts, tail=texts)
def test_matches_far_from_the_end_do_not_change_when_more_comes(name: str, text: str, tail: str) -> None:
    check = FINDERS[name]
    assert isinstance(check.streams, Window)
    reach = check.streams.width + check.streams.right

    decided = [match for match in check.find(text) if match.start + reach <= len(text)]

    assert list(check.find(text + tail))[: len(decided)] == decided


@pytest.mark.parametrize("name", RULES)
@settings(deadline=None, max_examples=40)
@given(text=texts, data=st.data())
def test_a_search_from_a_free_place_gives_the_rest(name: str, text: str, data: st.DataObject) -> None:
    check = FINDERS[name]
    matches = list(check.find(text))
    start = data.draw(st.integers(0, len(text)))

    if not any(match.start < start < match.end for match in matches):
        rest = [match for match in matches if match.start >= start]

        assert list(check.find(text, start)) == rest
        left = max(0, start - 1)  # and nothing before the one character of context is looked at
        shifted = [match._replace(start=match.start - left, end=match.end - left) for match in rest]
        if start > 0:
            assert list(check.find(text[left:], start - left)) == shifted


@pytest.mark.parametrize("name", RULES)
@settings(deadline=None, max_examples=60)
@given(text=texts)
def test_matches_are_in_order_apart_and_within_the_stated_width(name: str, text: str) -> None:
    check = FINDERS[name]
    assert isinstance(check.streams, Window)
    end = 0
    for match in check.find(text):
        assert end <= match.start < match.end <= len(text)
        assert match.end - match.start <= check.streams.width
        end = match.end


@pytest.mark.parametrize("name", [name for name in RULES if name != "not_regex"])
@settings(deadline=None, max_examples=80)
@given(text=texts)
def test_a_fixed_text_passes_and_a_passing_one_is_left_alone(name: str, text: str) -> None:
    check = FINDERS[name]
    piece, context = Piece("answer", (), text), Context()
    edits = check.fix(piece, context)
    assert edits is not None
    fixed = piece._replace(text=apply_edits(text, edits))

    assert check.judge(fixed, context).passed
    assert check.fix(fixed, context) == ()
    assert (edits == ()) == check.judge(piece, context).passed


ADVERSARIAL = {
    "one letter": "a" * 1_000_000,
    "digits": "1" * 1_000_000,
    "pairs": "01 " * 333_333,
    "cards": "4111 " * 200_000,
    "at signs": "a@" * 500_000,
    "mixed key": "aB3" * 333_333,
    "humps": "aB" * 500_000,
    "domains": "a.bb " * 200_000,
    "schemes": "http://" * 142_857,
    "interleaved": "a\u200b" * 500_000,
    "invisible": "\u200b" * 1_000_000,
    "other script": "é" * 1_000_000,
    "colons": ":" * 1_000_000,
    "assignments": "password=" * 111_111,
    "marks": "e\u0301" * 500_000,
    "surrogates": "\ud800" * 1_000_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ADVERSARIAL)
@pytest.mark.parametrize("name", [name for name in RULES if name != "not_regex"])
def test_a_megabyte_made_to_be_slow_is_not(name: str, kind: str) -> None:
    """Linear time: what takes seconds would take hours if it were quadratic. The bound leaves room on a busy CI."""
    text = ADVERSARIAL[kind]
    began = time.process_time()
    for _ in FINDERS[name].find(text):
        pass

    assert time.process_time() - began < 6
