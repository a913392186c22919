"""The width of a pattern's matches: a sound upper bound, or none."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.rules.patterns import Search, compile_pattern
from steady.rules.width import shape, widest

ATOMS = [
    "a",
    "é",
    ".",
    r"\d",
    r"\w",
    "[a-c]",
    "[^x]",
    r"[[:alpha:]]",
    r"\pL",
    r"\p{Greek}",
    r"\x{e9}",
    r"\x41",
    r"\.",
    "[]a]",
]
ASSERTIONS = ["^", "$", r"\b", r"\B", r"\A", r"\z", "(?i)", "(?s)", "(?m)"]
REPEATS = ["", "?", "*", "+", "{2}", "{1,3}", "{0,2}?", "{2,}", "??"]

patterns = st.recursive(
    st.tuples(st.sampled_from(ATOMS), st.sampled_from(REPEATS)).map("".join) | st.sampled_from(ASSERTIONS),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map("|".join),
        st.tuples(inner, st.sampled_from(REPEATS)).map(lambda pair: f"({pair[0]}){pair[1]}"),
        inner.map(lambda part: f"(?:{part})"),
        inner.map(lambda part: f"(?P<n>{part})" if "(?P" not in part else part),
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=300)
@given(patterns, st.lists(st.text("abcxé.A]1 \nα", max_size=30), min_size=3, max_size=3))
def test_no_match_is_wider_than_stated(pattern: str, texts: list[str]) -> None:
    try:
        search = Search(compile_pattern(pattern), bounded=False)
    except ValueError:
        return  # two groups of one name, a repetition of an assertion: RE2 judges
    width = widest(pattern)
    if width is None:
        return
    for text in texts:
        assert all(span.end - span.start <= width for span in search.spans(text))


@pytest.mark.parametrize(
    ("pattern", "width"),
    [
        (r"\b\d{3}-\d{4}\b", 8),
        ("foo|bar{2,3}", 5),
        ("(ab){3}c?", 7),
        ("(?i:é)[^a-z]", 2),
        ("(?P<x>a)(?<y>b)", 2),
        ("a{,5}", 5),  # RE2 takes it literally
        ("^$", 0),
        ("a+", None),
        ("(a*)?", None),
        (r"\Qab\E", None),
        (r"\C", None),
    ],
)
def test_widths_known_by_hand(pattern: str, width: int | None) -> None:
    assert widest(pattern) == width


def test_very_deep_patterns_have_no_known_width() -> None:
    assert widest("(" * 150 + "a" + ")" * 150) is None


def test_atoms_assertions_and_branches_are_told() -> None:
    known = shape(r"\bfo[a-c]|$")

    assert known is not None
    assert known.atoms == {"f", "o", "[a-c]"}
    assert known.asserts == {r"\b", "$"}
    assert known.branches == 2
