"""`contains`, `excludes`, `starts_with`, `ends_with`: no disguise passes, no part of a word is taken for it."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.rules.rule import EVERYWHERE, Constraint, Context, Prefix, Rule, Whole, Window, apply_edits
from steady.rules.terms import Contains, EndsWith, Excludes, StartsWith
from steady.types import Piece, Span


def piece(text: str) -> Piece:
    return Piece("answer", ("message", "content"), text)


def passes(rule: Rule, text: str) -> bool:
    return rule.build().judge(piece(text), Context()).passed  # type: ignore[union-attr]


def mend(rule: Rule, text: str) -> str | None:
    edits = rule.build().fix(piece(text), Context())  # type: ignore[union-attr]
    return None if edits is None else apply_edits(text, edits)


TERMS = Excludes(terms=("guarantee", "refund policy", "C++"), replace="***")


@pytest.mark.parametrize(
    "text",
    [
        "We GUARANTEE it",
        "Ｇｕａｒａｎｔｅｅ",
        "guarаntee",
        "gua\u200brantee",
        "\u200bg\u200bu\u200ba\u200br\u200ba\u200bn\u200bt\u200be\u200be\u200b",
        "gua\u200b\u200brantee",
        "gua" + "\u2060" * 500 + "rantee",
        "gua\x00rantee",
        "g\u0336u\u0336a\u0336rantee",
        "guarantee.",
        "(guarantee)",
        "refund\npolicy",
        "refund\u00a0policy",
        "I like c++.",
        "c++11",
    ],
)
def test_disguises_do_not_pass(text: str) -> None:
    assert not passes(TERMS, text)


@pytest.mark.parametrize(
    "text",
    ["guaranteed", "unguarantee", "guarantee_x", "refund policyholder", "c+", "", "guaranteé", "guarantee\u0301"],
)
def test_parts_of_words_pass(text: str) -> None:
    assert passes(TERMS, text)


def test_parts_of_words_count_if_asked_for() -> None:
    assert not passes(Excludes(terms=("ass",), words=False), "class")
    assert passes(Excludes(terms=("ass",)), "class")


def test_a_letter_with_an_accent_is_another_letter_however_it_is_written() -> None:
    rule = Excludes(terms=("cafe",), words=False)

    assert passes(rule, "café")
    assert passes(rule, "cafe\u0301")
    assert not passes(rule, "cafeteria")


def test_emoji_and_joiners_of_other_scripts_are_no_hidden_runs() -> None:
    for text in ("👨‍👩‍👧‍👦 fine", "🏴󠁧󠁢󠁥󠁮󠁧󠁿 team", "❤️‍🔥 a", "می‌خواهم", "guarded\u200b\u200b.", "1️⃣ one"):
        assert passes(TERMS, text)


def test_the_longest_term_wins_and_spans_are_raw() -> None:
    rule = Excludes(terms=("refund", "refund policy"))

    assert rule.build().judge(piece("a ｒefund\u200b policy"), Context()).spans == (Span(2, 16),)


def test_a_fix_replaces_terms_and_opens_hidden_runs() -> None:
    assert mend(TERMS, "A guarantee and c++") == "A *** and ***"
    assert mend(TERMS, "gua\u200b\u200brantee") == "gua\ufffd\u200brantee"
    assert mend(Excludes(terms=("x",)), "x") is None


@pytest.mark.parametrize(
    ("terms", "words", "replace"),
    [
        (("foo",), False, ""),
        (("foo",), False, "o"),
        (("foo bar",), True, "foo bar"),
        (("a b", "z"), True, "b"),
        (("refund  policy", "x"), True, ""),
    ],
)
def test_a_replacement_that_can_form_a_term_is_refused(terms: tuple[str, ...], words: bool, replace: str) -> None:
    with pytest.raises(ValueError, match=r"^`replace` .*'\*\*\*'"):
        Excludes(terms=terms, words=words, replace=replace).build()


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.text("ab +", min_size=1, max_size=4).filter(str.strip), min_size=1, max_size=3),
    st.booleans(),
    st.text("ab +*", max_size=3),
    st.text("ab +\u200b", max_size=14),
)
def test_any_replacement_that_is_taken_gives_a_text_that_passes(
    terms: list[str], words: bool, replace: str, text: str
) -> None:
    rule = Excludes(terms=tuple(terms), words=words, replace=replace)
    try:
        check = rule.build()
    except ValueError:
        return
    edits = check.fix(piece(text), Context())
    assert edits is not None

    assert check.judge(piece(apply_edits(text, edits)), Context()).passed


def test_ten_thousand_terms_cost_little() -> None:
    """Building aside; the bound is loose, since the machine may be busy."""
    check = Excludes(terms=tuple(f"forbidden{n}" for n in range(10_000))).build()
    text = "some quite ordinary words of an answer " * 50
    began = time.process_time()
    for _ in range(100):
        list(check.find(text))

    assert time.process_time() - began < 0.5


def test_the_window_is_the_longest_term_with_an_invisible_character_before_each() -> None:
    assert Excludes(terms=("short", "a much longer term")).build().streams == Window(36, 2)


def test_excluded_terms_are_looked_for_everywhere() -> None:
    assert Excludes(terms=("x",)).surfaces == EVERYWHERE
    assert Contains(all=("x",)).surfaces == ("answer",)


@pytest.mark.parametrize("terms", [(), ("",), ("\u200b",), (" ",), ("a\u200b\u200bb",)])
def test_terms_without_visible_text_are_refused(terms: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"^`terms` "):
        Excludes(terms=terms).build()


def test_contains_wants_all_one_of_any_and_none() -> None:
    rule = Contains(all=("alpha", "beta"), any=("x", "y"), none=("bad",))

    assert passes(rule, "ALPHA beta y")
    assert not passes(rule, "alpha y")
    assert not passes(rule, "alpha beta")
    assert not passes(rule, "alpha beta x bad")
    assert mend(rule, "alpha") is None
    reason = rule.build().judge(piece("alpha bad"), Context()).reason
    assert reason == "'beta' is missing; none of 'x', 'y' is there; 'bad' must not be there"


def test_contains_minds_case_if_asked_to() -> None:
    assert not passes(Contains(all=("Alpha",), case=True), "alpha")
    assert passes(Contains(all=("Alpha",)), "alpha")


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        (Contains(), "all"),
        (Contains(all=("refund policy",), none=("REFUND",)), "none"),
        (Contains(any=("xa", "ya"), none=("a",)), "none"),
        (Contains(all=("",)), "all"),
    ],
)
def test_contradictions_are_refused(rule: Contains, field: str) -> None:
    with pytest.raises(ValueError, match=f"^`{field}`"):
        rule.build()


def test_a_text_begins_and_ends_as_told() -> None:
    assert passes(StartsWith(text="Answer: "), "Answer: 4")
    assert not passes(StartsWith(text="Answer: "), " Answer: 4")
    assert passes(StartsWith(any=("Yes", "No"), case=False), "NO way")
    assert passes(StartsWith(text="STRASSE", case=False), "straße 4")
    assert passes(EndsWith(any=(".", "!")), "So!")
    assert not passes(EndsWith(text="END"), "end")
    assert passes(EndsWith(text="END", case=False), "the end")
    assert passes(EndsWith(text="STRASSE", case=False), "Hauptstraße")


def test_fixes_add_what_is_missing_and_take_away_only_white_space() -> None:
    assert mend(StartsWith(text="Answer: "), "4") == "Answer: 4"
    assert mend(EndsWith(any=(".", "!")), "So!  \n") == "So!"
    assert mend(EndsWith(any=(".", "!")), "So ") == "So ."
    edits = StartsWith(text="Answer: ").build().fix(piece("4"), Context())
    assert edits is not None
    assert not edits[0].invented  # the policy dictates it; the model's content is untouched


@settings(deadline=None)
@given(st.text(max_size=20), st.text(min_size=1, max_size=4), st.booleans())
def test_fixed_ends_pass_and_passing_texts_stay(text: str, wanted: str, case: bool) -> None:
    for rule in (StartsWith(text=wanted, case=case), EndsWith(text=wanted, case=case)):
        fixed = mend(rule, text)
        assert fixed is not None
        assert passes(rule, fixed)
        assert mend(rule, fixed) == fixed
        if passes(rule, text):
            assert fixed == text


@settings(deadline=None)
@given(st.text(max_size=20), st.text(min_size=1, max_size=4), st.booleans())
def test_a_beginning_that_fails_fails_for_every_longer_text(text: str, wanted: str, case: bool) -> None:
    rule = StartsWith(text=wanted, case=case)
    streams = rule.build().streams
    assert isinstance(streams, Prefix)

    if len(text) >= streams.hold:
        assert passes(rule, text) == passes(rule, text + "more")


@pytest.mark.parametrize("rule", [StartsWith(), EndsWith(), StartsWith(text="a", any=("b",)), EndsWith(any=("",))])
def test_one_of_text_and_any_is_needed(rule: Rule) -> None:
    with pytest.raises(ValueError, match="`any`"):
        rule.build()


def test_statements_say_what_is_wanted() -> None:
    assert "'guarantee'" in TERMS.statement()
    assert "must contain 'a'" in Contains(all=("a",)).statement()
    assert "Begin" in StartsWith(text="x").statement()
    assert "'.' or '!'" in EndsWith(any=(".", "!")).statement()


def test_one_beginning_is_asked_of_generation_and_one_of_several_is_not() -> None:
    assert StartsWith(text="Answer: ").constraint() == Constraint(starts="Answer: ")
    assert StartsWith(any=("Yes", "No")).constraint() is None


def test_an_end_is_asked_of_generation_where_the_others_only_add_to_it() -> None:
    assert EndsWith(text="The end.").constraint() == Constraint(ends="The end.")
    assert EndsWith(any=("The end.", 'The end."')).constraint() == Constraint(ends="The end.")
    assert EndsWith(any=(".", "!")).constraint() is None


def test_characters_around_the_beginning_or_the_end_may_be_left_out_of_account() -> None:
    opening, ending = StartsWith(text="Yes", around=' "').build(), EndsWith(text="Bye.", around='\n "').build()

    assert opening.judge(piece('  "Yes, it is."'), Context()).passed
    assert not opening.judge(piece("\nYes"), Context()).passed
    assert ending.judge(piece('It is. Bye."\n\n'), Context()).passed
    assert not ending.judge(piece("Bye.)"), Context()).passed
    assert isinstance(opening.streams, Whole) and isinstance(StartsWith(text="Yes").build().streams, Prefix)
