"""What clients send back loses Steady's own words, and nothing else."""

import time
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pipeline.disclosing import (
    OWN,
    actions,
    agreements,
    answers,
    assistant,
    locales,
    places,
    prose,
    sentences,
    told,
)
from tests.pipeline.disclosing import texts as own_texts

from steady.pipeline.disclose import SEPARATOR
from steady.pipeline.history import clean, strip
from steady.pipeline.texts import LOCALES, customs, fill, render, standard_templates
from steady.types import Agreement

TOLD = render("agreed", "en", 7, 8).text
ANSWER = "Paris is the capital of France."


def spelled(text: str) -> str:
    """Return what is left when white space and the like don't count."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if c.isalnum())


# What `disclose` wrote comes off to the byte


@given(answers, agreements, locales, own_texts, actions, places)
@settings(deadline=None, max_examples=300)
def test_a_disclosed_answer_comes_back_as_it_was(
    content: str, agreement: Agreement, locale: str, text: str, action: str, place: str
) -> None:
    if strip(content, OWN) != content:
        return  # chance wrote a disclosure of its own
    placed = told(content, agreement=agreement, locale=locale, text=text, action=action, asked_place=place)
    message = assistant(placed.content, steady={"receipt": "r"}, name="x")

    assert clean([message], customs(text)) == (assistant(content, name="x"),)


@pytest.mark.parametrize("template", sorted(set(standard_templates())))
@pytest.mark.parametrize("content", [ANSWER, "Line.\n\n---", "One.\n\n", "\n\n  indented.", "Yes ✅.\ufe0f", "— so."])
def test_every_text_of_every_version_comes_off_both_ends(template: str, content: str) -> None:
    text = fill(template, 7, 64)

    assert strip(content + SEPARATOR + text) == content
    assert strip(text + SEPARATOR + content) == content
    assert strip(text + SEPARATOR + content + SEPARATOR + text) == content


@given(prose, st.lists(st.tuples(agreements, locales), min_size=10, max_size=10), places)
@settings(deadline=None, max_examples=30)
def test_ten_turns_show_one_disclosure_each_and_send_none_upstream(
    content: str, turns: list[tuple[Agreement, str]], place: str
) -> None:
    """A client keeps every answer as it was shown; the model must see the conversation that it had."""
    shown: list[dict[str, Any]] = []
    bare: list[dict[str, Any]] = []
    for agreement, locale in turns:
        question = {"role": "user", "content": "And then?"}
        shown, bare = [*shown, question], [*bare, question]

        assert clean(shown) == tuple(bare)

        answer = clean(shown)[-2]["content"] if len(shown) > 1 else content  # the model repeats what it saw
        placed = told(answer, agreement=agreement, locale=locale, asked_place=place)
        assert (placed.content or "").count(placed.disclosure.text) == (placed.disclosure.place == place)
        shown, bare = [*shown, assistant(placed.content)], [*bare, assistant(content)]


@given(
    st.lists(st.sampled_from([TOLD, ANSWER, SEPARATOR, "\n", "---", " ", *LOCALES, "🤖", *OWN]), max_size=8).map(
        "".join
    )
)
@settings(deadline=None, max_examples=200)
def test_cleaning_what_is_clean_changes_nothing(text: str) -> None:
    once = clean([assistant(text)], OWN)

    assert clean(once, OWN) == once
    assert clean(once, OWN)[0] is once[0]


def test_disclosures_that_piled_up_all_go() -> None:
    other = render("low", "ja", 1, 8, tie=True).text
    text = other + SEPARATOR + TOLD + SEPARATOR + ANSWER + SEPARATOR + TOLD + "\n" + other

    assert strip(text) == ANSWER


@pytest.mark.parametrize("text", [TOLD, f"  {TOLD}\n", TOLD + SEPARATOR + TOLD, SEPARATOR + TOLD, TOLD + SEPARATOR])
def test_a_message_that_is_only_a_disclosure_becomes_empty(text: str) -> None:
    assert strip(text) == ""


# Respelled


RESPELL = {
    "crlf": lambda t: t.replace("\n", "\r\n"),
    "no_break": lambda t: t.replace(" ", "\u00a0"),
    "narrow": lambda t: t.replace(" ", "\u202f"),
    "doubled": lambda t: t.replace(" ", "  "),
    "flat": lambda t: " ".join(t.split()),
    "indented": lambda t: t.replace("\n", "\n  "),
    "spaced": lambda t: t.replace("\n", " \n"),
    "no_rule": lambda t: t.replace("---\n\n", ""),
    "stars": lambda t: t.replace("\n---\n", "\n***\n"),
    "underscores": lambda t: t.replace("\n---\n", "\n___\n"),
    "dash": lambda t: t.replace("\n---\n", "\n—\n"),
    "long_rule": lambda t: t.replace("\n---\n", "\n----------\n"),
    "nfd": lambda t: unicodedata.normalize("NFD", t),
    "nfkc": lambda t: unicodedata.normalize("NFKC", t),
    "wide": lambda t: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" and c not in "-*_" else c for c in t),
    "zero_width": lambda t: t.replace(". ", ".\u200b "),
    "bom": lambda t: "\ufeff" + t + "\ufeff",
    "selector": lambda t: t.replace("AI", "AI\ufe0f"),
    "robot": lambda t: t.replace("\n\n---\n\n", "\n\n---\n\n🤖 ") + " 🤖",
    "blank_lines": lambda t: t.replace("\n\n", "\n\n\n\n") + "\n\n\n",
    "curly": lambda t: t.replace("'", "’"),
}


@pytest.mark.parametrize("way", RESPELL)
@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("case", ["agreed", "fields_low", "single", "fallback"])
def test_a_disclosure_is_known_however_a_client_spaced_it(way: str, locale: str, case: str) -> None:
    """Databases, editors and chat windows flatten, widen and normalise what they keep."""
    text = render(case, locale, 3, 12, tie=True).text  # type: ignore[arg-type]

    appended = strip(RESPELL[way](ANSWER + SEPARATOR + text))

    assert spelled(appended) == spelled(ANSWER)
    assert "-" not in appended and "🤖" not in appended
    if way != "robot":
        assert spelled(strip(RESPELL[way](text + SEPARATOR + ANSWER))) == spelled(ANSWER)


@given(prose, locales, st.lists(st.sampled_from(sorted(RESPELL)), max_size=3), st.booleans())
@settings(deadline=None, max_examples=150)
def test_respellings_add_up_and_still_leave_nothing(content: str, locale: str, ways: list[str], before: bool) -> None:
    text = render("agreed", locale, 7, 8).text
    message = text + SEPARATOR + content if before else content + SEPARATOR + text
    for way in ways:
        if way != "robot":
            message = RESPELL[way](message)

    assert spelled(strip(message)) == spelled(content)


@pytest.mark.parametrize("glue", ["", " ", "\n", " \n ", "---", " --- ", "—", "\r\n\r\n"])
def test_lost_newlines_and_separators_are_no_hindrance(glue: str) -> None:
    assert strip(ANSWER + glue + TOLD) == ANSWER
    assert strip(TOLD + glue + ANSWER) == ANSWER


@pytest.mark.parametrize(
    "answer", ["So it is ***this***", "___So___ it is", "It ends so: **", "Done ✅", "One.\n\n- two"]
)
def test_an_answers_own_marks_at_its_ends_stay(answer: str) -> None:
    assert strip(f"{answer}\n\n{TOLD}") == answer
    assert strip(f"{TOLD}\n\n{answer}") == answer


@pytest.mark.parametrize("count", [(0, 2), (7, 8), (64, 64), (100, 9999)])
def test_any_numbers_are_known(count: tuple[int, int]) -> None:
    assert strip(ANSWER + SEPARATOR + render("agreed", "tr", *count).text) == ANSWER


# What is not Steady's stays


@given(
    prose,
    sentences,
    st.sampled_from(sorted(set(standard_templates()))),
    st.sampled_from([SEPARATOR, " ", "\n\n", "\n> "]),
)
@settings(deadline=None, max_examples=200)
def test_a_disclosure_within_a_message_is_a_quotation(before: str, after: str, template: str, glue: str) -> None:
    message = assistant(before + glue + fill(template, 7, 8) + glue + after)

    assert clean([message])[0] is message


@pytest.mark.parametrize(
    "text",
    [
        f'The footer reads: "{TOLD}"',
        f"The footer reads: {TOLD}",
        f"The footer reads:\n\n{TOLD}",
        f"It says “{TOLD}”.",
        f"Footers:\n- {TOLD}",
        f"Footers:\n1. {TOLD}",
        f"A quotation:\n> {TOLD}",
        f"Code:\n```\n{TOLD}\n```",
        f"*{TOLD}*",
        f"{TOLD[:-1]}!",
        f"Not {TOLD}",
        f"{TOLD}, it says.",
        f'{TOLD}" is what it says.',
        TOLD.replace("AI", "A I model of a"),
        TOLD.replace("7 of", "seven of"),
        TOLD.lower(),
    ],
)
def test_what_only_quotes_or_resembles_a_disclosure_stays(text: str) -> None:
    assert strip(text) is text


@given(st.one_of(answers, st.text(max_size=200)))
@settings(deadline=None, max_examples=200)
def test_a_text_without_a_disclosure_is_the_same_object(text: str) -> None:
    if any(spelled(fill(t, 0, 0))[:12] in spelled(text) for t in standard_templates()):
        return
    message = assistant(text)

    assert clean([message])[0] is message


@pytest.mark.parametrize("role", ["user", "system", "developer", "tool", "function", None])
def test_only_assistant_messages_are_touched(role: str | None) -> None:
    message = {"role": role, "content": ANSWER + SEPARATOR + TOLD, "steady": 1}

    assert clean([message])[0] is message


def test_a_short_text_of_the_policys_own_needs_its_separator() -> None:
    """A policy that writes "KI" under its answers must not eat every answer that ends with that word."""
    answer = "Das ist KI"

    assert strip(answer, ["KI"]) is answer
    assert strip(answer + SEPARATOR + "KI", ["KI"]) == answer
    assert strip("Das ist so. KI", ["KI"]) == "Das ist so. KI"
    assert strip("KI\n\nist so.", ["KI"]) == "KI\n\nist so."
    assert strip("It was 7", ["{agreed}"]) == "It was 7"
    assert strip("It was so.\n\n—\n\n7", ["{agreed}"]) == "It was so."


def test_own_texts_of_the_policy_are_known_and_others_are_not() -> None:
    own = "Our house's AI wrote this 🤖, checked by {agreed} readers"
    message = ANSWER + SEPARATOR + "Our house's AI wrote this 🤖, checked by 12 readers"

    assert strip(message, [own]) == ANSWER
    assert strip(message.replace(" 🤖", ""), [own]) == ANSWER
    assert strip(message) is message


# Other forms of content


def test_parts_are_cleaned_at_their_first_and_last_text() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:"}}
    parts = [
        {"type": "text", "text": TOLD + SEPARATOR + "One."},
        image,
        {"type": "text", "text": "Two." + SEPARATOR + TOLD},
    ]

    (message,) = clean([assistant(parts)])

    assert message["content"] == [{"type": "text", "text": "One."}, image, {"type": "text", "text": "Two."}]
    assert parts[0]["text"] != "One.", "the caller's own list must not change"


def test_a_part_that_is_only_a_disclosure_goes_unless_it_is_the_only_one() -> None:
    answer = {"type": "text", "text": ANSWER}
    note = {"type": "text", "text": TOLD}

    assert clean([assistant([answer, note, note])])[0]["content"] == [answer]
    assert clean([assistant([note, answer])])[0]["content"] == [answer]
    assert clean([assistant([note])])[0]["content"] == [{"type": "text", "text": ""}]


@pytest.mark.parametrize(
    "content", [None, [], [None], [{"type": "refusal", "refusal": TOLD}], 7, {"text": TOLD}, [{"text": 1}]]
)
def test_content_of_another_form_is_left_alone(content: Any) -> None:
    message = assistant(content)

    assert clean([message])[0] is message


def test_a_steady_key_goes_with_everything_else_in_place() -> None:
    message = assistant(None, tool_calls=[{"id": "a"}], steady={"agreement": 1})

    assert clean([message]) == (assistant(None, tool_calls=[{"id": "a"}]),)
    assert "steady" in message


# Costs


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000 + SEPARATOR + TOLD,
        (SEPARATOR + TOLD) * 1000,
        (TOLD + SEPARATOR) * 1000 + "🙂" * 200_000 + (SEPARATOR + TOLD) * 1000,
        "🙂" * 500_000,
        TOLD[:-1] + " " * 500_000 + ".",
        "-" * 500_000 + TOLD,
        ANSWER + "\u200b" * 500_000 + TOLD,
    ],
    ids=range(7),
)
def test_a_megabyte_is_no_trap(text: str) -> None:
    began = time.process_time()
    strip(text)

    assert time.process_time() - began < 60
