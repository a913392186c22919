"""What is told of an answer, where it goes, and that nothing else changes."""

import string
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pipeline.disclosing import MEASURED, SPLIT, UNMEASURED, actions, agreements, answers, locales, places, told
from tests.pipeline.disclosing import texts as own_texts

from steady.pipeline.disclose import HEADER, SEPARATOR, header_text, header_value
from steady.pipeline.shapes import no_room
from steady.pipeline.texts import LOCALES, VERSION, render
from steady.types import Agreement

ANSWER = "Paris is the capital of France."


def test_an_answer_that_people_read_carries_its_disclosure() -> None:
    placed = told(ANSWER)

    assert placed.content == f"{ANSWER}\n\n---\n\n{render('agreed', 'en', 7, 8).text}"
    assert (placed.disclosure.place, placed.disclosure.asked, placed.disclosure.why) == ("append", "append", "")
    assert placed.disclosure.version == VERSION
    assert placed.header is None


def test_a_prefix_stands_before_the_answer() -> None:
    placed = told(ANSWER, asked_place="prefix", locale="de")

    assert placed.content == render("agreed", "de", 7, 8).text + SEPARATOR + ANSWER


def test_the_separator_makes_no_heading_of_the_answers_last_line() -> None:
    """In Markdown a line of dashes right under a text makes the text a heading."""
    assert SEPARATOR.startswith("\n\n") and SEPARATOR.strip() == "---" and SEPARATOR.endswith("\n\n")


@pytest.mark.parametrize(
    ("changes", "case"),
    [
        ({"agreement": MEASURED}, "agreed"),
        ({"agreement": SPLIT}, "low"),
        ({"agreement": MEASURED, "kind": "json"}, "fields"),
        ({"agreement": SPLIT, "kind": "json"}, "fields_low"),
        ({"agreement": UNMEASURED}, "single"),
        ({"action": "otherwise"}, "fallback"),
        ({"action": "refused_input", "agreement": UNMEASURED}, "fallback"),
        ({"action": "refrained"}, "fallback"),
        ({"action": "passed_through", "agreement": UNMEASURED}, "single"),
    ],
)
def test_the_text_says_what_was_measured_and_no_more(changes: dict[str, object], case: str) -> None:
    agreement = changes.get("agreement", MEASURED)
    assert isinstance(agreement, Agreement)
    share = agreement.share or 0
    expected = render(case, "en", int(share * agreement.of), agreement.of, tie=agreement.tie)  # type: ignore[arg-type]

    assert told(ANSWER, asked_place="field", **changes).disclosure.text == expected.text


def test_the_number_that_agreed_is_rounded_down() -> None:
    """Agreement of JSON is a share that no whole number of drafts need have."""
    text = told(ANSWER, agreement=Agreement(share=Fraction(15, 16), of=8)).disclosure.text

    assert "7 of 8" in text


def test_one_draft_that_agrees_with_itself_is_not_measured() -> None:
    text = told(ANSWER, agreement=Agreement(share=Fraction(1), of=1)).disclosure.text

    assert text == render("single", "en", 0, 0).text


# When


def test_low_agreement_tells_of_low_agreement_only() -> None:
    quiet = told(ANSWER, when="low_agreement")

    assert quiet.content == ANSWER
    assert (quiet.disclosure.place, quiet.disclosure.text) == ("none", "")
    assert "not under 3/5" in quiet.disclosure.why
    assert told(ANSWER, when="low_agreement", below=Fraction(7, 8)).content == ANSWER
    assert told(ANSWER, when="low_agreement", agreement=SPLIT).disclosure.place == "append"


def test_in_doubt_it_is_disclosed() -> None:
    """Agreement that nobody measured may be low; a fallback is no answer that drafts agreed on."""
    assert told(ANSWER, when="low_agreement", agreement=UNMEASURED).disclosure.place == "append"
    assert told(ANSWER, when="low_agreement", action="otherwise").disclosure.place == "append"
    assert told(ANSWER, when="low_agreement", agreement=Agreement(share=Fraction(1), of=1)).disclosure.text


@pytest.mark.parametrize("changes", [{"when": "never"}, {"asked_place": "none"}, {"action": "error"}, {"text": "  "}])
def test_where_nothing_is_to_be_told_nothing_changes_and_the_reason_is_kept(changes: dict[str, str]) -> None:
    placed = told(ANSWER, **changes)

    assert placed.content == ANSWER
    assert placed.header is None
    assert (placed.disclosure.place, placed.disclosure.text) == ("none", "")
    assert placed.disclosure.why


# Where


@pytest.mark.parametrize("place", ["append", "prefix"])
@pytest.mark.parametrize(
    ("content", "changes", "why"),
    [
        (None, {}, "no text"),
        (ANSWER, {"has_tool_calls": True}, "tool calls"),
        (None, {"is_refusal": True}, "refusal"),
        (ANSWER, {"kind": "label"}, "kind label"),
        (ANSWER, {"kind": "number"}, "kind number"),
        (ANSWER, {"kind": "tool_call"}, "kind tool_call"),
        (ANSWER, {"action": "passed_through"}, "pass-through"),
        ('{"a": 1}', {}, "JSON"),
        ("- one\n- two", {}, "YAML"),
        ("<a>Yes.</a>", {}, "XML"),
        ("import os\nprint('Hi.')", {}, "code"),
        ("billing", {}, "one line"),
        ("Look.\n```python\nx = 1.", {}, "fence"),
        ("", {}, "empty"),
    ],
)
def test_what_a_program_may_read_is_left_alone_and_that_is_said(
    content: str | None, changes: dict[str, object], why: str, place: str
) -> None:
    placed = told(content, asked_place=place, **changes)

    assert placed.content == content
    assert (placed.disclosure.place, placed.disclosure.asked) == ("field", place)
    assert why in placed.disclosure.why
    assert placed.disclosure.text
    assert placed.header == header_value(placed.disclosure.text)


def test_a_field_sends_no_header_and_a_header_does() -> None:
    assert told(ANSWER, asked_place="field").header is None
    placed = told(ANSWER, asked_place="header")
    assert placed.header == render("agreed", "en", 7, 8).text
    assert placed.content == ANSWER
    assert placed.disclosure.why == ""


@given(answers, agreements, locales, own_texts, actions, places, st.sampled_from(["always", "low_agreement", "never"]))
@settings(deadline=None, max_examples=200)
def test_an_answer_is_either_untouched_or_whole_with_one_disclosure_at_its_end(
    content: str, agreement: Agreement, locale: str, text: str, action: str, place: str, when: str
) -> None:
    placed = told(content, agreement=agreement, locale=locale, text=text, action=action, asked_place=place, when=when)

    shown = placed.disclosure
    if shown.place == "append":
        assert placed.content == content + SEPARATOR + shown.text
    elif shown.place == "prefix":
        assert placed.content == shown.text + SEPARATOR + content
    else:
        assert placed.content == content and shown.why
    if shown.place in ("append", "prefix"):
        assert no_room(content) is None
        assert placed.header is None


@given(answers, agreements, locales)
@settings(deadline=None, max_examples=50)
def test_pass_through_never_alters_content(content: str, agreement: Agreement, locale: str) -> None:
    for place in ("append", "prefix", "field", "header", "none"):
        placed = told(content, agreement=agreement, locale=locale, asked_place=place, action="passed_through")

        assert placed.content == content


# A policy's own text


def test_an_own_text_takes_the_place_of_the_standard_one() -> None:
    assert told(ANSWER, text="Drafted by AI, {agreed}/{of}.").content == ANSWER + SEPARATOR + "Drafted by AI, 7/8."
    own = {"de": "Von KI.", "en": "By AI."}
    placed = told(ANSWER, text=own, locale="de-CH")
    assert (placed.disclosure.text, placed.disclosure.locale) == ("Von KI.", "de")


def test_one_locale_may_keep_the_standard_text() -> None:
    own = {"de": "Von KI.", "en": "standard"}

    assert told(ANSWER, text=own, agreement=SPLIT).disclosure.text == render("low", "en", 2, 8, tie=True).text


def test_an_own_text_with_numbers_is_not_used_where_there_are_none() -> None:
    text = told(ANSWER, text="{agreed} of {of} agreed.", agreement=UNMEASURED).disclosure.text

    assert text == render("single", "en", 0, 0).text


# Headers


VISIBLE = set(string.printable) - set("\t\n\r\x0b\x0c")


@given(st.one_of(st.text(max_size=200), st.text(alphabet="a\r\n\x00%' é日🙂UTF-8", max_size=50)))
@settings(deadline=None, max_examples=300)
def test_a_header_is_ascii_on_one_line_and_says_the_text(text: str) -> None:
    value = header_value(text)

    assert set(value) <= VISIBLE
    assert value == value.strip()
    assert len(value) <= 4000
    assert header_text(value) == text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize("locale", LOCALES)
def test_every_standard_text_fits_a_header(locale: str) -> None:
    text = render("fields_low", locale, 64, 64, tie=True).text

    assert header_text(header_value(text)) == text


@pytest.mark.parametrize("char", ["x", "é", "日", "🙂", "\ud800"])
def test_a_text_too_long_for_a_header_is_cut_before_a_character(char: str) -> None:
    text = char * 10_000
    value = header_value(text + "é")

    assert 3900 < len(value) <= 4000
    assert text.encode("utf-8", "replace").decode().startswith(header_text(value))


def test_the_header_is_plain_where_it_can_be() -> None:
    assert header_value("Plain text, 100%.") == "Plain text, 100%."
    assert header_value("Größe") == "UTF-8''Gr%C3%B6%C3%9Fe"
    assert header_value("UTF-8''x") == "UTF-8''UTF-8%27%27x"
    assert header_value("a\r\nSet-Cookie: b") == "UTF-8''a%0D%0ASet-Cookie%3A%20b"
    assert HEADER == "x-steady-disclosure"
