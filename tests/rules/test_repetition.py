"""`no_repetition`: loops are found and immediate repeats taken away; ordinary text is left alone."""

from hypothesis import given, settings
from hypothesis import strategies as st

from steady.rules.repetition import NoRepetition
from steady.rules.rule import Context, Whole, apply_edits
from steady.types import Piece, Span


def piece(text: str) -> Piece:
    return Piece("answer", ("message", "content"), text)


def mend(text: str, rule: NoRepetition | None = None) -> str | None:
    edits = (rule or NoRepetition()).build().fix(piece(text), Context())
    return None if edits is None else apply_edits(text, edits)


CHECK = NoRepetition().build()
PROSE = (
    "The capital of France is Paris. It lies on the Seine, and about two million people live there. "
    "Many visitors come for its museums, its food and its long history. In spring the parks are full of people."
)


def test_ordinary_prose_passes() -> None:
    assert CHECK.judge(piece(PROSE), Context()).passed
    assert mend(PROSE) == PROSE


def test_short_and_empty_texts_pass() -> None:
    for text in ("", "yes", "Yes. Yes. Yes. Yes.", "no no", "1\n1\n1\n"):
        assert CHECK.judge(piece(text), Context()).passed


def test_a_sentence_too_often_fails_with_its_places() -> None:
    text = "I do not know. " * 3
    finding = CHECK.judge(piece(text), Context())

    assert not finding.passed
    assert finding.spans == (Span(30, 44),)
    assert finding.reason == "A sentence or line appears 3 times, at most 2 allowed."


def test_a_loop_without_sentences_fails_by_its_share() -> None:
    finding = CHECK.judge(piece("and then we went on " * 10), Context())

    assert not finding.passed
    assert "of the runs of 4 words are repeats" in finding.reason
    assert finding.spans == (Span(20, 199),)


def test_the_share_is_distinct_runs_over_runs() -> None:
    """a b a b a b has five pairs, two of them distinct: 3 of 5 are repeats."""
    text = "a b a b a b"

    assert NoRepetition(n=2, max_ratio=0.6).build().judge(piece(text), Context()).passed
    assert not NoRepetition(n=2, max_ratio=0.59).build().judge(piece(text), Context()).passed


def test_case_and_punctuation_do_not_hide_a_repeat() -> None:
    assert not CHECK.judge(piece("I do not know. i DO not know! I do not, know?"), Context()).passed


def test_a_fix_keeps_the_first_of_immediate_repeats() -> None:
    assert mend("Hello there, my friend. " + "I do not know. " * 5 + "Good bye.") == (
        "Hello there, my friend. I do not know. Good bye."
    )
    assert mend("- one two three\n- one two three\n- one two three\n- four") == "- one two three\n- four"


def test_repeats_further_apart_have_no_fix() -> None:
    assert mend("I do not know. Who are you? " * 4) is None


def test_characters_of_east_asia_are_words() -> None:
    assert not CHECK.judge(piece("今日は天気" * 6), Context()).passed


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["I do not know. ", "Who are you? ", "Yes.\n", "one two ", "\n\n", "- a b c\n"]), max_size=14
    )
)
def test_a_fixed_text_passes_and_a_passing_one_is_left_alone(parts: list[str]) -> None:
    text = "".join(parts)
    fixed = mend(text)
    if CHECK.judge(piece(text), Context()).passed:
        assert fixed == text
    elif fixed is not None:
        assert CHECK.judge(piece(fixed), Context()).passed
        assert mend(fixed) == fixed


def test_it_needs_the_whole_text() -> None:
    assert isinstance(CHECK.streams, Whole)
    assert "repeat" in NoRepetition().statement()
