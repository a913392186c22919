from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steady.consensus.kinds import aggregator
from steady.consensus.label import label_reader
from steady.types import Consensus, Vote

LABELS = ("billing", "refund", "Other topic")


def consensus(*texts: str, labels: tuple[str, ...] = LABELS, **options: Fraction) -> Consensus:
    return aggregator("label", labels=labels, **options)([Vote(slot, text, True) for slot, text in enumerate(texts)])


def test_the_label_of_most_votes_wins_with_its_share() -> None:
    made = consensus("billing", "refund", "billing", "billing", "nonsense")

    assert (made.winner, made.text, made.blended) == (0, "billing", False)
    assert (made.agreement.share, made.agreement.of) == (Fraction(3, 5), 5)
    assert made.agreement.clusters == ((0, 2, 3), (1,), (4,))
    assert (made.leader, made.runner_up, made.agreement.tie) == (3, 1, False)


@pytest.mark.parametrize(
    "text", ["billing", " Billing.", '"BILLING"', "**billing**", "«billing»", "ｂｉｌｌｉｎｇ", "billing!\n"]
)
def test_spelling_does_not_make_another_label(text: str) -> None:
    made = consensus(text)

    assert made.text == "billing"
    assert made.blended is (text != "billing")


def test_the_label_s_own_spelling_is_preferred() -> None:
    """Whoever reads the winner's own text gets the label as the policy spells it, if any vote has it so."""
    made = consensus("BILLING", "billing", "Billing.")

    assert (made.winner, made.blended) == (1, False)
    assert [slot for slot, _ in made.ranked] == [1, 0, 2]


def test_a_tie_goes_to_the_label_declared_first_and_is_reported() -> None:
    made = consensus("refund", "billing")

    assert (made.text, made.agreement.tie) == ("billing", True)
    assert consensus("refund", "billing", labels=("refund", "billing")).text == "refund"


def test_texts_that_are_no_label_stay_apart_and_never_win() -> None:
    made = consensus("refunds", "refunds", "refunds", "both", "refund")

    assert (made.text, made.agreement.share) == ("refund", Fraction(1, 5))
    assert made.agreement.clusters == ((0, 1, 2), (4,), (3,))
    assert [slot for slot, _ in made.ranked] == [4]
    assert (made.leader, made.runner_up) == (1, 3)


def test_no_label_at_all_means_no_winner() -> None:
    made = consensus("x", "y")

    assert (made.winner, made.text, made.ranked, made.agreement.share) == (None, None, (), None)
    assert made.agreement.why
    assert (made.leader, made.agreement.of) == (0, 2)


def test_rejected_votes_count_but_never_win() -> None:
    votes = [Vote(0, "refund", False), Vote(1, "refund", False), Vote(2, "billing", True)]
    made = aggregator("label", labels=LABELS)(votes)

    assert (made.winner, made.text, made.agreement.share) == (2, "billing", Fraction(1, 3))
    assert made.agreement.clusters == ((0, 1), (2,))


def test_quality_weighs_the_vote() -> None:
    votes = [Vote(0, "refund", True, Fraction(1, 4)), Vote(1, "refund", True, Fraction(1, 4)), Vote(2, "billing", True)]
    made = aggregator("label", labels=LABELS)(votes)

    assert (made.text, made.agreement.share) == ("billing", Fraction(1, 3))


def test_a_label_that_ends_in_punctuation_is_read_as_itself() -> None:
    read = label_reader(("C", "C#", "C++", "N/A", "c."))

    assert [read(text) for text in ("C", "c#", "'C++'", "n/a.", "c.")] == ["C", "C#", "C++", "N/A", "c."]
    assert read("(C.)") == "C"


def test_a_reading_that_two_labels_share_goes_to_neither() -> None:
    """A guess between labels would be an invented answer."""
    read = label_reader(("Yes", "YES", "maybe"))

    assert [read(text) for text in ("Yes", "YES", "yes", "Maybe")] == ["Yes", "YES", None, "maybe"]


def test_without_labels_each_text_is_a_label() -> None:
    made = consensus("Berlin.", "berlin", "Paris", labels=())

    assert (made.text, made.agreement.share) == ("berlin", Fraction(2, 3))


@given(st.lists(st.sampled_from(["billing", "refund", "Other topic", "?"]), min_size=1, max_size=12))
def test_the_share_is_the_count(texts: list[str]) -> None:
    made = consensus(*texts)
    best = max(texts.count(label) for label in LABELS)

    assert made.agreement.share == (Fraction(best, len(texts)) if best else None)
    assert sum(map(len, made.agreement.clusters)) == len(texts)


def test_the_variability_penalty_is_exact() -> None:
    made = consensus("billing", "billing", "refund", variability_penalty=Fraction(1, 2))

    assert dict(made.ranked) == {0: Fraction(3, 4), 1: Fraction(3, 4), 2: Fraction(1, 2)}
