"""The views in which rules search: what is folded, what is left out, and that offsets lead back to the raw text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.rules.normal import LETTER, OPAQUE, OTHER, hidden_runs, invisible, normalise, plain, word_char

odd = st.text(
    st.sampled_from("aZé７ﬁßİ\u200b\u00ad\u0301 \n\x00\ud800\ufffe漢🏴о–“ǅ") | st.characters(codec=None), max_size=30
)


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("Guarantee", "guarantee"),
        ("Ｇｕａｒａｎｔｅｅ", "guarantee"),
        ("gua\u200brantee", "guarantee"),
        ("gua\u00adran\u2060tee", "guarantee"),
        ("guarаntее", "guarantee"),  # Cyrillic а and е
        ("𝐆𝐮𝐚𝐫𝐚𝐧𝐭𝐞𝐞", "guarantee"),
        ("g\u0336uarantee", "guarantee"),  # struck through
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("ﬁnal", "final"),
        ("İstanbul", "istanbul"),
        ("a\tb\u00a0c", "a b c"),
    ],
)
def test_disguises_are_folded_away(raw: str, seen: str) -> None:
    assert normalise(raw).text == seen


def test_letters_of_other_languages_stay_themselves() -> None:
    """Only look-alikes in both cases are folded, so that Russian words keep their capitals' match."""
    assert normalise("Вера").text == normalise("ВЕРА").text
    assert normalise("был").text != normalise("bыл").text


def test_composed_and_decomposed_letters_are_one() -> None:
    assert normalise("été").text == normalise("e\u0301te\u0301").text


def test_case_and_look_alikes_stay_where_case_counts() -> None:
    assert normalise("Ａb а", fold_case=False).text == "Ab а"


def test_a_run_of_invisible_characters_breaks_the_view() -> None:
    """One is looked through; more would let a match be as wide as an attacker likes."""
    assert normalise("a\u200bb").text == "ab"
    assert normalise("a\u200b\u200bb").text == f"a{OPAQUE}{OPAQUE}b"
    assert plain("a\u200b\u200bb").text == f"a{OTHER}{OTHER}b"


def test_the_marker_itself_in_a_text_is_no_marker() -> None:
    assert OPAQUE not in normalise(f"a{OPAQUE}b").text


def test_the_plain_view_is_ascii_and_one_for_one() -> None:
    assert plain("４1\u200b1–é“").text == f"411-{LETTER}{OTHER}"


def test_a_view_character_begins_with_the_invisible_one_before_it() -> None:
    view = normalise("a\u200bb")

    assert list(view.starts) == [0, 1]
    assert list(view.ends) == [1, 3]


@settings(deadline=None)
@given(odd)
def test_offsets_lead_back_to_the_raw_characters(text: str) -> None:
    for view in (normalise(text), plain(text), normalise(text, fold_case=False)):
        assert len(view.text) == len(view.starts) == len(view.ends)
        for low, high in zip(view.starts, view.ends, strict=True):
            assert 0 <= low < high <= len(text)
            assert high - low <= 2  # at most one invisible character before the visible one
        assert list(view.ends) == sorted(view.ends)
    assert plain(text).text.isascii()


@settings(deadline=None)
@given(odd, st.data())
def test_the_view_of_a_suffix_is_the_suffix_of_the_view(text: str, data: st.DataObject) -> None:
    """So a stream may forget what is behind it. A cut inside a run of invisible characters may end the run."""
    cut = data.draw(st.integers(0, len(text)))
    if cut and invisible(text[cut - 1]):
        return
    whole, part = normalise(text), normalise(text[cut:])
    kept = sum(1 for low in whole.starts if low >= cut)

    assert whole.text[len(whole.text) - kept :] == part.text
    assert [low - cut for low in list(whole.starts)[len(whole.text) - kept :]] == list(part.starts)


def test_hidden_runs_are_those_behind_something_visible() -> None:
    runs = list(hidden_runs("\u200b\u200ba\u200b\u200b\u200bb\u200bc"))

    assert [(run.start, run.end, run.before, run.after) for run in runs] == [(3, 5, "a", "b")]


def test_a_very_long_run_is_reported_by_its_beginning() -> None:
    (run,) = hidden_runs("a" + "\u200b" * 1000 + "b")

    assert (run.start, run.end, run.after) == (1, 17, None)


def test_emoji_and_marks_are_told_apart_from_words() -> None:
    assert [word_char(char) for char in "aé漢_9\u0301"] == [True] * 6
    assert [word_char(char) for char in " -🏴."] == [False] * 4
