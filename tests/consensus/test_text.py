from fractions import Fraction
from random import Random

import pytest

from steady.consensus.kinds import aggregator
from steady.consensus.similarity import LONGEST
from steady.consensus.text import group
from steady.types import Consensus, Vote

F = Fraction


def consensus(*texts: str, **options: object) -> Consensus:
    votes = [Vote(slot, text, True) for slot, text in enumerate(texts)]
    return aggregator("text", **options)(votes)  # type: ignore[arg-type]


def test_the_medoid_of_the_biggest_cluster_wins() -> None:
    made = consensus(
        "Please send the parcel back within the return period.",
        "Send the parcel back within the return period.",
        "Please send the parcel back to us within the return period.",
        "Ask the shop where you bought it.",
    )

    assert made.text == "Please send the parcel back within the return period."
    assert (made.agreement.share, made.agreement.clusters) == (F(3, 4), ((0, 1, 2), (3,)))
    assert (made.leader, made.runner_up, made.blended) == (3, 1, False)


def test_opposite_answers_never_merge_however_alike() -> None:
    """Eight of nine words are equal; what the ninth says is the whole answer."""
    approved = "The refund was approved in 5 days."
    others = (
        "The refund was denied in 5 days.",
        "The refund was approved in 6 days.",
        "The refund was not approved after 5 days.",
    )
    for other in others:
        made = consensus(approved, approved, other, threshold=F(0))

        assert made.agreement.clusters == ((0, 1), (2,))
        assert (made.text, made.agreement.share) == (approved, F(2, 3))


def test_wording_that_only_looks_different_is_one_text() -> None:
    made = consensus("It  is\nopen.", "It is open.", "cafe\u0301", "café")

    assert made.agreement.clusters == ((0, 1), (2, 3))
    assert made.agreement.tie


def test_the_threshold_is_met_by_exactly_that_much() -> None:
    """3 of 5 words: Dice is 3/5 to the digit, and floats must not decide."""
    one, other = "a b c d e", "a b c x y"

    assert consensus(one, other, threshold=F(3, 5)).agreement.share == 1
    assert consensus(one, other, threshold=F(3, 5) + F(1, 10**9)).agreement.share == F(1, 2)


def test_a_chain_of_small_changes_is_no_cluster() -> None:
    texts = [" ".join("abcdefghij"[step : step + 5]) for step in range(4)]
    made = consensus(*texts, threshold=F(3, 5))

    assert made.agreement.clusters == ((0, 1), (2, 3))


def test_the_biggest_cluster_without_an_accepted_vote_does_not_win() -> None:
    votes = [Vote(0, "open", False), Vote(1, "open", False), Vote(2, "shut", True)]
    made = aggregator("text")(votes)

    assert (made.winner, made.text, made.agreement.share) == (2, "shut", F(1, 3))
    assert made.agreement.clusters == ((0, 1), (2,))
    assert (made.leader, made.runner_up) == (1, 2)


def test_a_rejected_medoid_leaves_the_nearest_accepted_text() -> None:
    votes = [
        Vote(0, "a b c d", False),
        Vote(1, "a b c d e f", True),
        Vote(2, "a b c x", True),
        Vote(3, "a b c d e", False),
    ]
    made = aggregator("text", threshold=F(1, 2))(votes)

    assert (made.winner, made.agreement.share) == (1, 1)


def test_refusals_are_one_cluster_and_win_only_when_accepted() -> None:
    votes = [Vote(0, "No.", True, refusal=True), Vote(1, "I won't.", True, refusal=True), Vote(2, "ok", True)]
    made = aggregator("text")(votes)

    assert made.agreement.clusters == ((0, 1), (2,))
    assert (made.winner, made.agreement.share) == (1, F(2, 3))
    rejected = aggregator("text")([vote._replace(accepted=not vote.refusal) for vote in votes])
    assert (rejected.winner, rejected.agreement.share) == (2, F(1, 3))


def test_quality_decides_before_closeness() -> None:
    votes = [Vote(0, "a b c d", True, F(1, 2)), Vote(1, "a b c d e", True, F(1)), Vote(2, "a b c d f", True, F(1, 2))]
    made = aggregator("text")(votes)

    assert made.winner == 1
    assert [slot for slot, _ in made.ranked] == [1, 0, 2]


def test_the_variability_penalty_takes_the_mean_unlikeness() -> None:
    """Dice of "a b" with "a c" is 1/2 and with "x y" 0, so the mean over the others is 1/4."""
    made = consensus("a b", "a c", "x y", variability_penalty=F(1, 2))

    assert dict(made.ranked) == {0: 1 - F(1, 2) * F(3, 4), 1: 1 - F(1, 2) * F(3, 4), 2: F(1, 2)}


def test_one_vote_agrees_with_itself() -> None:
    made = consensus("only", variability_penalty=F(1))

    assert (made.winner, made.agreement.share, made.ranked) == (0, 1, ((0, F(1)),))
    assert (made.leader, made.runner_up) == (1, 0)


def test_texts_too_long_to_compare_merge_only_when_equal() -> None:
    long = "word " * LONGEST
    made = consensus(long, long, long + "no", threshold=F(0))

    assert made.agreement.clusters == ((0, 1), (2,))
    assert group(["a", "b"], [[10**9, 0], [0, 10**9]], F(0)) == [[0, 1]]


@pytest.mark.parametrize("measure", ["words", "characters", "ratio"])
def test_each_measure_finds_the_paraphrase(measure: str) -> None:
    made = consensus(
        "Your parcel arrives tomorrow at noon.",
        "The parcel arrives tomorrow at noon.",
        "Cheese is made of milk.",
        measure=measure,
    )

    assert made.agreement.clusters == ((0, 1), (2,))


def test_thirty_two_answers_of_4_kb_take_a_tenth_of_a_second() -> None:
    """Consensus runs while a user waits. CPU time of the best of three runs, since other work shares the machine."""
    draws = Random(7)
    letters = "abcdefghilmnoprstu"
    pool = ["".join(draws.choice(letters) for _ in range(draws.randint(2, 9))) for _ in range(900)]
    base = [draws.choice(pool) for _ in range(800)]
    texts = [" ".join(word if draws.random() > 0.1 else draws.choice(pool) for word in base)[:4096] for _ in range(32)]
    votes = [Vote(slot, text, True) for slot, text in enumerate(texts)]
    decide = aggregator("text", variability_penalty=F(1, 2))
    made = decide(votes)

    assert made.agreement.share == 1
