"""`regex` and `not_regex`: RE2's own semantics, offsets in characters, and fixes that can't match again."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.rules.patterns import NotRegex, Regex
from steady.rules.rule import Context, Rule, Whole, Window, apply_edits
from steady.types import Piece, Span


def piece(text: str) -> Piece:
    return Piece("answer", ("message", "content"), text)


def passes(rule: Rule, text: str) -> bool:
    return rule.build().judge(piece(text), Context()).passed  # type: ignore[union-attr]


def mend(rule: Rule, text: str) -> str | None:
    edits = rule.build().fix(piece(text), Context())  # type: ignore[union-attr]
    return None if edits is None else apply_edits(text, edits)


def test_a_pattern_must_match_somewhere_or_cover_all() -> None:
    assert passes(Regex(pattern="b+"), "abba")
    assert not passes(Regex(pattern="x"), "abba")
    assert passes(Regex(pattern="[ab]+", full=True), "abba")
    assert not passes(Regex(pattern="b+", full=True), "abba")


def test_full_covers_a_line_break_at_the_end_too() -> None:
    """In Python's own engine `$` matches before a final line break; a policy must not depend on that."""
    assert not passes(Regex(pattern=r"^\d+$"), "12\n")
    assert not passes(Regex(pattern=r"\d+", full=True), "12\n")


def test_a_match_of_no_width_is_none() -> None:
    assert not passes(Regex(pattern="x*"), "abc")
    assert passes(Regex(pattern="x*"), "abx")
    assert passes(NotRegex(pattern="x*"), "abc")
    assert passes(NotRegex(pattern=r"\b"), "abc")


def test_a_text_that_does_not_match_has_no_fix() -> None:
    assert mend(Regex(pattern="x"), "abc") is None
    assert mend(Regex(pattern="b"), "abc") == "abc"


@pytest.mark.parametrize("pattern", [r"(?=a)", r"(?<!a)b", r"(a)\1", "a++", "(?>a)", "a{1001}", "(", "[b-a]", "*"])
@pytest.mark.parametrize("rule", [Regex, NotRegex])
def test_what_re2_refuses_is_refused_with_the_way_out(rule: type[Rule], pattern: str) -> None:
    with pytest.raises(ValueError, match=r"^`pattern` is not a linear-time pattern: .*RE2 has no lookaround"):
        rule(pattern=pattern).build()


def test_re2_does_not_write_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="pattern"):
        Regex(pattern="(").build()

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("text", ["é foo", "漢字 foo", "\ud800 foo", "😀 foo", "foo"])
def test_spans_count_characters(text: str) -> None:
    """RE2 counts bytes; a lone surrogate has none of its own and stands for one character all the same."""
    finding = NotRegex(pattern="foo").build().judge(piece(text), Context())

    assert finding.spans == (Span(text.index("foo"), text.index("foo") + 3),)


def test_the_leftmost_alternative_wins_and_the_search_goes_on_behind_it() -> None:
    found = NotRegex(pattern="ab|abc|c", replace="-").build().find("abcabc")

    assert [(match.start, match.end) for match in found] == [(0, 2), (2, 3), (3, 5), (5, 6)]


def test_a_search_from_a_place_sees_one_character_before_it() -> None:
    check = NotRegex(pattern=r"\bfoo|^bar").build()

    assert [match.start for match in check.find("xfoo foo", 1)] == [5]
    assert not list(check.find("bar", 1))
    assert not list(check.find("xbar", 1))


@pytest.mark.parametrize(
    ("pattern", "replace", "streams"),
    [
        (r"\bfoo\b", None, Window(3, 1)),
        ("fo+", None, Whole),
        (r"\b\d{4}\b", "[n]", Window(4, 1)),
        ("foo", "[x]", Window(3, 1)),
        ("foo", "", Whole),  # `ffoooo` would become `foo`
        ("foo", "o", Whole),
        (r"\bfoo|bar\b", "[x]", Whole),  # what stands beside the replacement is another neighbour than before
        ("foo.", "[x]", Whole),  # `.` may be `[`
        (r"foo$", "[x]", Window(3, 1)),
        ("foo", "foo", Whole),
    ],
)
def test_only_what_is_bounded_and_can_not_match_again_streams(
    pattern: str, replace: str | None, streams: Window | type[Whole]
) -> None:
    got = NotRegex(pattern=pattern, replace=replace).build().streams

    assert isinstance(got, streams) if isinstance(streams, type) else got == streams


def test_why_a_pattern_does_not_stream_is_said() -> None:
    assert NotRegex(pattern="a+").build().streams == Whole("pattern 'a+' has no bounded width")


def test_a_fix_replaces_every_match_literally() -> None:
    assert mend(NotRegex(pattern=r"x+", replace=r"[\0]"), "axbxx") == r"a[\0]b[\0]"
    assert mend(NotRegex(pattern="cat", replace="dog"), "cat, cat") == "dog, dog"
    assert mend(NotRegex(pattern="cat"), "cat") is None
    assert mend(NotRegex(pattern="cat"), "dog") == "dog"


def test_a_replacement_that_forms_a_match_again_is_no_fix() -> None:
    assert mend(NotRegex(pattern="foo", replace=""), "ffoooo") is None
    assert mend(NotRegex(pattern="foo", replace=""), "a foo b") == "a  b"


@settings(deadline=None)
@given(
    st.sampled_from(["foo", r"\bfoo\b", "fo?o?", "[a-f]{2}", "(?i)f|oo$", r"^\w", "o.", "(?m)^o|f$", r"\Bo"]),
    st.sampled_from(["", "[x]", "***", "o", "f f", "-"]),
    st.text("fo a[x]*-\n.", max_size=20),
)
def test_a_fixed_text_passes_where_the_rule_streams(pattern: str, replace: str, text: str) -> None:
    """Elsewhere there may be no fix; in a stream there is no second look."""
    rule = NotRegex(pattern=pattern, replace=replace)
    check = rule.build()
    fixed = mend(rule, text)

    assert fixed is None or passes(rule, fixed)
    if isinstance(check.streams, Window):
        assert fixed is not None


def test_unbounded_patterns_stay_linear_by_listing_the_first_matches_only() -> None:
    check = NotRegex(pattern="x*y|x", replace="z").build()
    text = "x" * 1_000_000
    began = time.process_time()
    finding = check.judge(piece(text), Context())

    assert not finding.passed
    assert 100 <= len(finding.spans) < 1_000_000
    assert check.fix(piece(text), Context()) is None
    assert time.process_time() - began < 5


def test_the_statement_gives_the_pattern() -> None:
    assert "^Dear" in Regex(pattern="^Dear").statement()
    assert "x+" in NotRegex(pattern="x+").statement()
