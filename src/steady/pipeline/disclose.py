"""
What the user is told about one answer, and where it goes. Pure, and the answer is never judged with its disclosure.

The answer's own text is opened only where a person reads it. Where a program may (`shapes.no_room`), or where there is
no text, `append` and `prefix` become `field` and a header, and `Disclosure.why` says so.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Literal, NamedTuple
from urllib.parse import quote, unquote

from steady.pipeline.shapes import no_room
from steady.pipeline.texts import VERSION, Case, Rendered, customs, render, render_custom
from steady.policy.document import LISTS
from steady.types import Agreement, Disclosure, Kind, Place

When = Literal["always", "low_agreement", "never"]

SEPARATOR = "\n\n---\n\n"
"""
Between answer and disclosure, on whichever side that stands.

The blank line before the rule keeps Markdown from making a heading of the line above; the one after it keeps Pandoc
from reading metadata.
"""

HEADER = "x-steady-disclosure"
_EXTENDED = "UTF-8''"
_HEADER_LIMIT = 4000  # characters of a header value; servers allow 8 KiB for all headers together


class Placed(NamedTuple):
    """An answer's text with what was disclosed in it, and what goes beside it."""

    content: str | None  # what is released
    disclosure: Disclosure
    header: str | None  # value of `HEADER`, where one is to be sent


def disclose(
    content: str | None,
    *,
    has_tool_calls: bool,
    is_refusal: bool,
    kind: Kind,
    asked_place: Place,
    when: When,
    below: Fraction,
    agreement: Agreement,
    action: str,
    text: str | Mapping[str, str],
    locale: str,
) -> Placed:
    """
    Put the disclosure of one released choice where the policy wants it, or where it does no harm.

    Args:
        content: The choice's text; None where it has none.
        has_tool_calls: Whether the message carries tool calls.
        is_refusal: Whether the message says what it says in `refusal`.
        kind: The kind of output: all but `text` are read by programs.
        asked_place: Where the policy wants the disclosure.
        when: `low_agreement` also discloses where agreement was not measured, and wherever no answer was chosen.
        below: The agreement in [0, 1] under which it counts as low.
        agreement: What was measured, or why nothing was.
        action: The decision's action.
        text: `standard`, a text of the policy's own, or one for each locale.
        locale: The locale that was negotiated.
    """
    why = _silent(asked_place, when, below, agreement, action)
    told = Rendered("", locale) if why else _told(kind, below, agreement, action, text, locale)
    if not told.text:
        why = why or "the policy's text is empty"
        return Placed(content, Disclosure(asked=asked_place, why=why, locale=told.locale, version=VERSION), None)
    place, why, released = asked_place, "", content
    if asked_place in ("append", "prefix"):
        why = _closed(content, has_tool_calls, is_refusal, kind, action)
        if why or content is None:
            place = "field"
        else:
            released = content + SEPARATOR + told.text if place == "append" else told.text + SEPARATOR + content
    shown = Disclosure(text=told.text, place=place, asked=asked_place, why=why, locale=told.locale, version=VERSION)
    return Placed(released, shown, header_value(told.text) if place == "header" or place != asked_place else None)


def measured(agreement: Agreement) -> bool:
    """Return whether there is a share that says something: one draft always agrees with itself."""
    return agreement.share is not None and agreement.of > 1


def _silent(place: Place, when: When, below: Fraction, agreement: Agreement, action: str) -> str:
    """Return why nothing is disclosed, or ""."""
    if place == "none" or when == "never":
        return "the policy discloses nothing"
    if action == "error":
        return "there is no answer"
    high = measured(agreement) and agreement.share is not None and agreement.share >= below
    if when == "low_agreement" and high and action == "answered":
        return f"agreement is not under {below}"
    return ""


def _told(
    kind: Kind, below: Fraction, agreement: Agreement, action: str, text: str | Mapping[str, str], locale: str
) -> Rendered:
    share = agreement.share if measured(agreement) else None
    whole = 100 if kind in LISTS else agreement.of
    agreed = 0 if share is None else int(share * whole)  # rounded down: never more than agreed
    case: Case
    if action not in ("answered", "passed_through"):
        case = "fallback"
    elif share is None:
        case = "single"
    elif kind in LISTS:
        case = "scale_low" if share < below else "scale"
    elif kind == "json":
        case = "fields_low" if share < below else "fields"
    else:
        case = "low" if share < below else "agreed"
    if customs(text):
        return render_custom(text, case, locale, agreed, agreement.of, tie=agreement.tie)
    return render(case, locale, agreed, agreement.of, tie=agreement.tie)


def _closed(content: str | None, has_tool_calls: bool, is_refusal: bool, kind: Kind, action: str) -> str:
    """Return why nothing may be written into the answer itself, or ""."""
    if action == "passed_through":
        return "a pass-through alters nothing"
    if has_tool_calls:
        return "the answer carries tool calls"
    if is_refusal:
        return "the answer is a refusal"
    if content is None:
        return "the answer has no text"
    if kind != "text":
        return f"programs read an answer of kind {kind}"
    reason = no_room(content)
    return f"nothing can be added to the answer: {reason}" if reason else ""


def header_value(text: str) -> str:
    """
    Return `text` as the value of one HTTP header: printable ASCII, whatever the text.

    Printable ASCII stands as it is. Any other text stands as an ext-value of RFC 8187 (`UTF-8''` and percent-encoded
    UTF-8), and so does one that itself begins like that. Longer than 4000 characters, it is cut before a character.
    """
    plain = text.isascii() and text.isprintable() and text == text.strip() and not text.startswith(_EXTENDED)
    if plain and len(text) <= _HEADER_LIMIT:
        return text
    value = _EXTENDED
    for char in text[:_HEADER_LIMIT]:
        spelled = quote(char.encode("utf-8", "replace"), safe="!#$&+^`|")
        if len(value) + len(spelled) > _HEADER_LIMIT:
            break
        value += spelled
    return value


def header_text(value: str) -> str:
    """Return the text that a header value of `header_value` stands for."""
    return unquote(value[len(_EXTENDED) :]) if value.startswith(_EXTENDED) else value
