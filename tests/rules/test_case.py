"""`case`: letters, shares and words in capitals; a fix changes case and nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.rules.case import Case, Share, capital_words
from steady.rules.length import Bounds
from steady.rules.rule import Constraint, Context, Prefix, Whole, apply_edits
from steady.types import Piece

texts = st.text(alphabet=st.sampled_from("aBc ÉßİǅΣς一1.,-'\n\ud800"), max_size=40)


def piece(text: str) -> Piece:
    return Piece("answer", ("message", "content"), text)


def passes(rule: Case, text: str) -> bool:
    return rule.build().judge(piece(text), Context()).passed


def mend(rule: Case, text: str) -> str | None:
    edits = rule.build().fix(piece(text), Context())
    return None if edits is None else apply_edits(text, edits)


@pytest.mark.parametrize(
    ("letters", "text", "passed"),
    [
        ("lower", "all small, 1 2 3.", True),
        ("lower", "One capital", False),
        ("lower", "ǅ", False),
        ("upper", "ALL CAPITAL!", True),
        ("upper", "ALL BUT ONe", False),
        ("upper", "你好 1", True),
        ("lower", "", True),
        ("title", "The Lord of the Rings", True),
        ("title", "the Lord", False),
        ("title", "The lord", False),
        ("title", "One\nof these", False),
    ],
)
def test_letters_are_judged_by_their_case(letters: str, text: str, passed: bool) -> None:
    assert passes(Case(letters=letters), text) is passed  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("letters", "text", "mended"),
    [
        ("lower", "Hello, WORLD", "hello, world"),
        ("upper", "Straße", "STRASSE"),
        ("title", "the end of it", "The End of It"),
    ],
)
def test_a_fix_changes_case_alone(letters: str, text: str, mended: str) -> None:
    assert mend(Case(letters=letters), text) == mended  # type: ignore[arg-type]


@settings(max_examples=60)
@given(text=texts, letters=st.sampled_from(["lower", "upper", "title"]))
def test_a_fixed_text_passes_and_folds_to_the_same(text: str, letters: str) -> None:
    rule = Case(letters=letters)  # type: ignore[arg-type]
    mended = mend(rule, text)

    if mended is not None:
        assert passes(rule, mended)
        assert mend(rule, mended) == mended
        assert mended.casefold().replace("ς", "σ") == text.casefold().replace("ς", "σ")


@settings(max_examples=60)
@given(text=texts, more=texts, letters=st.sampled_from(["lower", "upper"]))
def test_a_wrong_letter_is_never_forgiven_by_what_follows(text: str, more: str, letters: str) -> None:
    """This is what lets the rule stream."""
    rule = Case(letters=letters)  # type: ignore[arg-type]

    if not passes(rule, text):
        assert not passes(rule, text + more)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("I saw NASA and the U.S. team", ["I", "NASA", "U.S."]),
        ("I'm here, DON'T go", ["I", "DON", "T"]),
        ("WELL-KNOWN AND/OR B2B", ["WELL-KNOWN", "AND/OR", "B2B"]),
        ("CANNOT", ["CAN", "NOT"]),
        ("(USA), “NO”—YES--OK", ["USA", "NO", "YES", "OK"]),
        ("Hello World 42", []),
    ],
)
def test_words_in_capitals_are_cut_as_the_penn_treebank_does(text: str, found: list[str]) -> None:
    assert [text[span.start : span.end] for span in capital_words(text)] == found


def test_words_in_capitals_are_counted_and_mended() -> None:
    few, many = Case(capital_words=Bounds(max=1)), Case(capital_words=Bounds(min=2))

    assert not passes(few, "NASA and ESA agree")
    assert mend(few, "NASA and ESA agree") == "NASA and Esa agree"
    assert not passes(many, "they agree with this")
    assert mend(many, "they agree with this") == "THEY AGREE with this"
    assert mend(many, "no") is None


def test_a_share_of_capitals_is_of_the_letters_that_have_case() -> None:
    rule = Case(capitals=Share(max=0.25))

    assert passes(rule, "Abcd 一二三 123")
    assert not passes(rule, "ABcd")
    assert not passes(Case(capitals=Share(min=0.5)), "Abcd")
    assert passes(rule, "123")


def test_it_streams_where_nothing_is_counted_or_mended() -> None:
    assert Case(letters="lower").build().streams == Prefix(0)
    assert isinstance(Case(letters="lower", on_fail="fix").build().streams, Whole)
    assert isinstance(Case(capital_words=Bounds(max=3)).build().streams, Whole)


def test_generation_is_told() -> None:
    assert Case(letters="upper").constraint() == Constraint(letters="upper")
    assert Case(capital_words=Bounds(min=3)).constraint() == Constraint(capitals=(3, None))
    assert Case(letters="title").constraint() is None


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (Case(), "say nothing"),
        (Case(capitals=Share()), "say nothing"),
        (Case(capitals=Share(min=0.5, max=0.4)), "`capitals.min` 0.5 is over"),
        (Case(capital_words=Bounds(min=5, max=4)), "`capital_words.min` 5 is over"),
    ],
)
def test_demands_that_mean_nothing_are_refused(rule: Case, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        rule.build()


def test_a_statement_names_every_demand() -> None:
    rule = Case(letters="upper", capitals=Share(min=0.5), capital_words=Bounds(min=2, max=9))

    assert rule.statement() == (
        "Write the answer in capital letters only. A share of at least 0.5 of the letters must be capital. "
        "The answer must have at least 2 and at most 9 words wholly in capital letters."
    )
