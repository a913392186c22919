from collections import Counter
from fractions import Fraction

import pytest
from fastchrf import pairwise_chrf
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz import fuzz

from steady.consensus.similarity import (
    LONGEST,
    UNIT,
    Measure,
    billionths,
    canonical_text,
    dice,
    matrix,
    multiset,
    words,
)

MEASURES: tuple[Measure, ...] = ("words", "characters", "ratio")
sentences = st.lists(st.sampled_from(["the", "a", "cat", "Sat", "sat", "mat,", "5", "don't"]), max_size=8).map(" ".join)


@given(sentences, sentences)
def test_dice_is_the_exact_overlap_of_word_multisets(one: str, other: str) -> None:
    a, b = Counter(words(one)), Counter(words(other))
    total = sum(a.values()) + sum(b.values())
    expected = Fraction(2 * sum((a & b).values()), total) if total else Fraction(0)

    assert dice(multiset(words(one)), multiset(words(other))) == billionths(expected)
    if canonical_text(one) != canonical_text(other):
        assert matrix([canonical_text(one), canonical_text(other)], "words")[0][1] == billionths(expected)


@settings(deadline=None)
@given(st.lists(st.text(max_size=30), max_size=5), st.sampled_from(MEASURES))
def test_a_matrix_is_symmetric_within_bounds_and_full_for_equal_texts(texts: list[str], measure: Measure) -> None:
    rows = matrix(texts, measure)

    for a, one in enumerate(texts):
        for b, other in enumerate(texts):
            assert rows[a][b] == rows[b][a]
            assert 0 <= rows[a][b] <= UNIT
            assert one != other or rows[a][b] == UNIT


@given(st.text(max_size=40), st.text(max_size=40))
def test_the_ratio_is_rapidfuzz_s_indel_ratio(one: str, other: str) -> None:
    if one != other:
        assert matrix([one, other], "ratio")[0][1] / UNIT == pytest.approx(fuzz.ratio(one, other) / 100, abs=1e-8)


def test_chrf_is_the_mean_of_both_directions() -> None:
    """chrF weighs recall more than precision, so one direction alone would depend on which text came first."""
    texts = ["The cat sat on the mat.", "The fat cat sat on the mat."]
    there, back = pairwise_chrf([texts], [texts])[0][0][1], pairwise_chrf([texts], [texts])[0][1][0]

    assert there == pytest.approx(74.63190449)  # as fastchrf's documentation has it
    assert there != back
    assert matrix(texts, "characters")[0][1] / UNIT == pytest.approx((there + back) / 200, abs=1e-9)
    assert matrix(["abc", "xyz"], "characters")[0][1] == 0


def test_words_are_folded_and_keep_their_apostrophes() -> None:
    assert words("Don’t STOP, Ｆｕｌｌ-width 'quoted'") == ["don't", "stop", "full", "width", "quoted"]


def test_scripts_without_spaces_are_compared_by_character() -> None:
    """Else two Chinese sentences that differ in one character would have no word in common."""
    assert words("退款已批准") == ["退", "款", "已", "批", "准"]
    assert matrix(["退款已批准", "退款未批准"], "words")[0][1] == billionths(Fraction(4, 5))


@pytest.mark.parametrize("measure", MEASURES)
def test_texts_too_long_to_compare_are_equal_or_not_alike(measure: Measure) -> None:
    long = "word " * LONGEST

    assert matrix([long, long + "x", long, "word"], measure) == [
        [UNIT, 0, UNIT, 0],
        [0, UNIT, 0, 0],
        [UNIT, 0, UNIT, 0],
        [0, 0, 0, UNIT],
    ]


def test_canonical_text_joins_what_looks_the_same() -> None:
    assert canonical_text("  cafe\u0301 \n\t ok ") == "café ok"
    assert canonical_text("\ud800") == "\ud800"
