"""`format`: what counts as each part of a text's form, and fixes that respell marks and nothing else."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.rules import format_parts as parts
from steady.rules.catalog import decode
from steady.rules.rule import Constraint, Context, Whole, apply_edits
from steady.types import Finding, Piece

DEMANDS: dict[str, dict[str, Any]] = {
    "bullets": {"bullets": {"min": 1, "max": 3}},
    "numbered": {"numbered": {"min": 2}},
    "headings": {"headings": {"min": 1}},
    "sections": {"sections": {"count": {"min": 2}, "word": "SECTION"}},
    "highlights": {"highlights": {"min": 1}},
    "placeholders": {"placeholders": {"min": 1}},
    "title": {"title": True},
    "postscript": {"postscript": "P.S."},
    "table": {"table": True},
    "markdown": {"markdown": True},
    "responses": {"responses": 2},
    "paragraph_starts": {"paragraph_starts": {"number": 2, "word": "so", "separator": "\n\n"}},
}
MARKS = set('*-•.1234567890)# \n\t_<>[]{}|`~=+–—:【】/"')
PIECES = (
    "* |- |•|1. |# |## x|**|*|_so_|{name}|<x>|<<|>>|[a]|](|)|Section 1|PS: |P.S. |***|******|---|```|`|word| |\n|\n\n"
)
texts = st.lists(st.sampled_from([*PIECES.split("|"), "| a | b |", "|--|--|", "é\ud800"]), max_size=20).map("".join)


def judged(demand: dict[str, Any], text: str) -> Finding:
    return decode({"rule": "format", **demand}).build().judge(Piece("answer", (), text), Context())  # type: ignore[union-attr]


def mend(demand: dict[str, Any], text: str, finish: str = "stop") -> str | None:
    check = decode({"rule": "format", **demand}).build()
    edits = check.fix(Piece("answer", (), text), Context(finish_reason=finish))  # type: ignore[union-attr]
    return None if edits is None else apply_edits(text, edits)


@pytest.mark.parametrize(
    ("text", "spaced", "loose"),
    [
        ("* a\n- b\n  * c", 3, 3),
        ("*a\n-b", 0, 2),
        ("---\n- - -\n* * *", 0, 3),
        ("**bold** line", 0, 0),
        ("```\n- code\n```", 0, 1),
        ("*\n* b", 1, 1),
        ("*", 0, 0),
        ("", 0, 0),
    ],
)
def test_bullets_are_lines_that_begin_with_a_mark(text: str, spaced: int, loose: int) -> None:
    assert len(parts.bullets(text)) == spaced
    assert len(parts.bullets(text, spaced=False)) == loose


def test_numbers_and_headings_in_code_do_not_count() -> None:
    text = "# A\n1. x\n2) y\n```\n# B\n3. z\n```\n#no"

    assert len(parts.headings(text)) == 1
    assert len(parts.numbered(text)) == 2


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("SECTION 1\nSECTION2 **SECTION 3**", 3),
        ("Section 1", 0),
        ("SECTION one", 0),
        ("SECTION  1", 0),
        ("SECTION\n4", 1),
    ],
)
def test_a_section_is_its_word_and_a_number(text: str, count: int) -> None:
    assert parts.sections(text, "SECTION") == count


@pytest.mark.parametrize(
    ("text", "count"),
    [("*a* **b**", 2), ("****", 0), ("* x *", 1), ("*a\nb*", 0), ("* item *so*", 1), ("** **", 0)],
)
def test_highlights_are_parts_between_asterisks(text: str, count: int) -> None:
    assert parts.highlights(text) == count


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<<a>>", 1),
        ("<<>>", 0),
        ("<< >>", 0),
        ("<<a\nb>>", 0),
        ("<a>", 0),
        ("<<<x>>>", 1),
        (">><<", 0),
        ("<<a>> <<b>>", 1),
    ],
)
def test_a_title_stands_in_double_brackets_on_one_line(text: str, found: int) -> None:
    assert len(parts.titles(text)) == found


def test_placeholders_stand_on_one_line() -> None:
    assert parts.placeholders("[a] [b[c] [d\ne] []") == 3


@pytest.mark.parametrize(
    ("text", "mark", "there"),
    [("x\np.s. y", "P.S.", True), ("P. S. y", "P.S.", True), ("PS y", "P.S.", False), ("P.P.S y", "P.P.S", True)],
)
def test_a_postscript_is_found_in_any_case(text: str, mark: str, there: bool) -> None:
    assert (parts.postscript(text, mark) >= 0) is there


def test_tables_are_even_or_not() -> None:
    even = "| a | b |\n|---|:-:|\n| 1 | 2 |\n| x \\| y | `z|z` |"

    assert parts.tables(even)[0].widths == (2, 2, 2, 2)
    assert judged(DEMANDS["table"], even).passed
    assert not judged(DEMANDS["table"], even + "\n| 3 |").passed
    assert not judged(DEMANDS["table"], "no table").passed


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("```\ncode", False),
        ("```\ncode\n```", True),
        ("[a](b", False),
        ("[a](b(c))", True),
        ("[a]()", False),
        ("f(x and [y]", True),
    ],
)
def test_markdown_is_well_formed_or_not(text: str, passed: bool) -> None:
    assert judged(DEMANDS["markdown"], text).passed is passed


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("a******b", True),
        ("a******a", False),
        ("a", False),
        ("a******\n******b", False),
        ("******a******b******", True),
    ],
)
def test_responses_are_different_and_none_is_empty(text: str, passed: bool) -> None:
    assert judged(DEMANDS["responses"], text).passed is passed


@pytest.mark.parametrize(
    ("text", "passed"),
    [("a\n\nSo, it is", True), ('a\n\n"so" it', True), ("a\n\nsome", False), ("so", False), ("a\n\n\n\nso", True)],
)
def test_a_paragraph_begins_with_its_word(text: str, passed: bool) -> None:
    assert judged(DEMANDS["paragraph_starts"], text).passed is passed


@pytest.mark.parametrize(
    ("demand", "text", "mended"),
    [
        ("bullets", "• a\n– b", "* a\n* b"),
        ("bullets", "1. a\n2. b", "* a\n* b"),
        ("bullets", "-a", "* a"),
        ("bullets", "no list", None),
        ("numbered", "- a\n- b", "1. a\n2. b"),
        ("headings", "#A", "# A"),
        ("headings", "**A**\ntext", "## A\ntext"),
        ("sections", "Section 1\na\nsection 2", "SECTION 1\na\nSECTION 2"),
        ("highlights", "so __it__ is", "so **it** is"),
        ("highlights", "so <em>it</em> is", "so *it* is"),
        ("highlights", "snake_case_name", None),
        ("placeholders", "Dear {name}", "Dear [name]"),
        ("title", "# A title\n\ntext", "<<A title>>\n\ntext"),
        ("title", "Title: Of men\ntext", "<<Of men>>\ntext"),
        ("title", "A plain first line.\ntext", None),
        ("postscript", "a\nPS: b", "a\nP.S.: b"),
        ("postscript", "a psalm", None),
        ("table", "| a | b |\n| 1 | 2 |", "| a | b |\n| --- | --- |\n| 1 | 2 |"),
        ("markdown", "```\ncode", "```\ncode\n```"),
        ("responses", "a\n---\nb", "a\n******\nb"),
    ],
)
def test_a_fix_respells_the_form(demand: str, text: str, mended: str | None) -> None:
    assert mend(DEMANDS[demand], text) == mended


def test_nothing_is_closed_where_the_answer_was_cut_off() -> None:
    assert mend(DEMANDS["markdown"], "```\ncode", finish="length") is None


@settings(max_examples=60)
@given(text=texts, name=st.sampled_from(sorted(DEMANDS)))
def test_a_fixed_text_passes_and_keeps_its_words(text: str, name: str) -> None:
    mended = mend(DEMANDS[name], text)

    if mended is not None:
        assert judged(DEMANDS[name], mended).passed
        assert mend(DEMANDS[name], mended) == mended
        if name not in ("sections", "postscript", "title", "highlights"):  # these respell a word or tag of the mark
            assert [c for c in mended if c not in MARKS] == [c for c in text if c not in MARKS]


def test_several_demands_are_judged_and_mended_at_once() -> None:
    both = {**DEMANDS["bullets"], **DEMANDS["postscript"]}

    assert (
        judged(both, "x").reason == "The text has 0 bullets, at least 1 needed; no postscript that begins with 'P.S.'."
    )
    assert mend(both, "• a\nPS: b") == "* a\nP.S.: b"


def test_generation_is_told_what_it_can_be_asked_for() -> None:
    demand = {**DEMANDS["bullets"], **DEMANDS["sections"], **DEMANDS["title"], **DEMANDS["postscript"]}
    asked = decode({"rule": "format", **demand}).constraint()

    assert asked == Constraint(bullets=(1, 3), sections=(2, "SECTION"), title=True, postscript="P.S.")
    two = decode({"rule": "format", "responses": 2}).constraint()
    assert two == Constraint(paragraphs=(2, 2), separator="******")
    start = decode({"rule": "format", **DEMANDS["paragraph_starts"]}).constraint()
    assert start == Constraint(paragraph_starts=((2, "so"),), separator="\n\n")
    assert decode({"rule": "format", "table": True}).constraint() is None
    assert isinstance(decode({"rule": "format", **demand}).build().streams, Whole)


@pytest.mark.parametrize(
    ("demand", "said"),
    [
        ({}, "say nothing"),
        ({"bullets": {}}, "`bullets` sets no limit"),
        ({"numbered": {"min": 3, "max": 2}}, "`numbered.min` 3 is over"),
        ({"postscript": "..."}, "`postscript` '...' has no letter"),
        ({"paragraph_starts": {"number": 1, "word": "so it"}}, "is not one word"),
    ],
)
def test_demands_that_mean_nothing_are_refused(demand: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        decode({"rule": "format", **demand}).build()


def test_a_statement_names_every_demand() -> None:
    every = {key: value for demand in DEMANDS.values() for key, value in demand.items()}
    said = decode({"rule": "format", **every}).statement()

    for word in ("bullet", "numbered", "heading", "SECTION 1", "*highlighted*", "[name]", "<<title>>", "P.S.", "table"):
        assert word in said
    assert "Give 2 different responses" in said
    assert "Paragraph 2 must begin with the word 'so'." in said
