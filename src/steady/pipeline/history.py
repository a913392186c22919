"""
What clients send back: assistant messages with Steady's own disclosures in them, which no model should see.

A disclosure is known by its letters and punctuation: white space, invisible characters, accents and pictographs are
left out of the comparison, since clients change those, and its numbers may be any. It is taken out at the start or the
end of a message only, with the separator; elsewhere it is a quotation. What `disclose` wrote comes off to the byte.

`clean` is linear in its input, and a message that ends and begins like no disclosure costs one look at each end.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from steady.pipeline.disclose import SEPARATOR
from steady.pipeline.texts import fill, standard_templates

_NUMBER = re.compile(r"\{agreed\}|\{of\}")
_LONG = 16  # letters that a text needs to be known without its separator
_PROBE = 5  # kept characters that the first look compares
_DIGITS = 4  # of a number in a disclosure
_MADE_OF = frozenset({"Cc", "Cf", "Mn", "Me", "Zs", "Zl", "Zp"})


class _Fold(dict[int, str]):
    """Code point -> what of it is compared; filled as characters come up."""

    def __missing__(self, code: int) -> str:
        kept = "".join(char for char in unicodedata.normalize("NFKD", chr(code)) if not _dropped(char))
        if len(self) < 4096:  # a bound on memory, whatever is sent
            self[code] = kept
        return kept


def _dropped(char: str) -> bool:
    category = unicodedata.category(char)
    if category in ("So", "Cn", "Co"):
        return char >= "\u2000"
    return category in _MADE_OF or "\U0001f3fb" <= char <= "\U0001f3ff"


_SPELLINGS = {0x2019: "'", 0x2018: "'", 0x02BC: "'"}
_FOLD = _Fold({code: chr(code) for code in range(0x21, 0x7F)} | _SPELLINGS)


class _Form(NamedTuple):
    """One text that may stand in a message."""

    raw: str  # the template
    order: tuple[str, ...]  # its placeholders, in order
    forward: re.Pattern[str]  # its kept characters
    backward: re.Pattern[str]  # the same, last to first
    size: int  # the most characters that it keeps
    free: bool  # long enough to be known without its separator
    marks: str  # dropped characters at its ends, white space aside


class _Forms(NamedTuple):
    """All of them, by what they begin and end with."""

    heads: dict[str, tuple[_Form, ...]]
    tails: dict[str, tuple[_Form, ...]]
    head_words: tuple[str, ...]
    tail_words: tuple[str, ...]
    bare: tuple[str, ...]  # texts of which nothing is compared: known only to the byte, with their separator
    size: int


class _Span(NamedTuple):
    """What is left of a text: [start, end)."""

    start: int
    end: int


def clean(messages: Sequence[dict[str, Any]], customs: Sequence[str] = ()) -> tuple[dict[str, Any], ...]:
    """
    Return the messages without what Steady added to them, so that no model sees it and keys stay the same.

    Assistant messages lose each disclosure at their start and end (all locales, versions and cases, and `customs`), and
    a `steady` key. A message that is nothing else becomes "". All other messages, and whatever holds nothing to take
    out, are the same objects as before.

    Args:
        messages: OpenAI chat messages; `content` may be a text, a list of parts, or None.
        customs: The policy's own texts, unfilled.
    """
    forms = _forms(tuple(customs))
    return tuple(_cleaned(m, forms) if m.get("role") == "assistant" else m for m in messages)


def strip(text: str, customs: Sequence[str] = ()) -> str:
    """Return one assistant text without its disclosures; the same object if there are none."""
    return _stripped(text, _forms(tuple(customs)))


def _cleaned(message: dict[str, Any], forms: _Forms) -> dict[str, Any]:
    content = message.get("content")
    changed: Any = content
    if isinstance(content, str):
        changed = _stripped(content, forms)
    elif isinstance(content, list):
        changed = _parts(content, forms)
    if changed is not content:
        message = {**message, "content": changed}
    return {key: value for key, value in message.items() if key != "steady"} if "steady" in message else message


def _parts(parts: list[Any], forms: _Forms) -> list[Any]:
    """Clean the first and the last text part. One that held nothing else goes, if others stay."""
    for end in (0, -1):
        while True:
            texts = [i for i, p in enumerate(parts) if isinstance(p, dict) and isinstance(p.get("text"), str)]
            if not texts:
                return parts
            at = texts[end]
            text = parts[at]["text"]
            left = _stripped(text, forms)
            if left is text:
                break
            kept = [{**parts[at], "text": left}] if left or len(parts) == 1 else []
            parts = [*parts[:at], *kept, *parts[at + 1 :]]
            if kept:
                break
    return parts


def _stripped(text: str, forms: _Forms) -> str:
    if not _suspect(text, forms):
        return text
    span = _Span(0, len(text))
    while True:
        while (left := _at_end(text, span, forms)) != span:
            span = left
        before = span
        while (left := _at_start(text, span, forms)) != span:
            span = left
        if span == before:
            break
    return text if span == (0, len(text)) else text[span.start : span.end]


def _suspect(text: str, forms: _Forms) -> bool:
    """Return False for a text that surely holds no disclosure at an end: the one look that ordinary messages cost."""
    tail = text[-2 * _PROBE :].translate(_FOLD)
    head = text[: 2 * _PROBE].translate(_FOLD)
    if len(tail) < _PROBE or len(head) < _PROBE:  # blanks, pictographs or accents: look closer
        return True
    return tail.endswith(forms.tail_words) or head.startswith(forms.head_words) or bool(forms.bare)


# One end at a time


def _kept(text: str, span: _Span, want: int, step: int) -> tuple[str, list[int]]:
    """Return up to about `want` kept characters from one end of `span` inwards, and where each stands."""
    chars: list[str] = []
    places: list[int] = []
    at, stop = (span.start, span.end) if step > 0 else (span.end - 1, span.start - 1)
    while at != stop and len(chars) < want:
        folded = _FOLD[ord(text[at])]
        if folded:
            chars += folded[::step]
            places += [at] * len(folded)
        at += step
    return "".join(chars), places


def _at_end(text: str, span: _Span, forms: _Forms) -> _Span:
    """Take one disclosure off the end of `span`, if there is one."""
    for raw in forms.bare:
        if text.endswith(SEPARATOR + raw, span.start, span.end):
            return _Span(span.start, span.end - len(SEPARATOR + raw))
    probe = _kept(text, span, _PROBE, -1)[0][::-1]
    near = [form for word, group in forms.tails.items() if probe.endswith(word) for form in group]
    if not near:
        return span
    letters, places = _kept(text, span, forms.size + 1, -1)
    for form in sorted(near, key=_longest):
        found = form.backward.match(letters)
        if not found or (found.end() < len(places) and places[found.end()] == places[found.end() - 1]):
            continue
        numbers = dict(zip(form.order, (group[::-1] for group in reversed(found.groups())), strict=True))
        written = SEPARATOR + _filled(form.raw, numbers)
        if text.endswith(written, span.start, span.end):
            return _Span(span.start, span.end - len(written))
        left = _before(text, span.start, places[found.end() - 1], form)
        if left is not None:
            return _Span(span.start, left)
    return span


def _at_start(text: str, span: _Span, forms: _Forms) -> _Span:
    """Take one disclosure off the start of `span`, if there is one."""
    for raw in forms.bare:
        if text.startswith(raw + SEPARATOR, span.start, span.end):
            return _Span(span.start + len(raw + SEPARATOR), span.end)
    probe = _kept(text, span, _PROBE, 1)[0]
    near = [form for word, group in forms.heads.items() if probe.startswith(word) for form in group]
    if not near:
        return span
    letters, places = _kept(text, span, forms.size + 1, 1)
    for form in sorted(near, key=_longest):
        found = form.forward.match(letters)
        if not found or (found.end() < len(places) and places[found.end()] == places[found.end() - 1]):
            continue
        written = _filled(form.raw, dict(zip(form.order, found.groups(), strict=True))) + SEPARATOR
        if text.startswith(written, span.start, span.end):
            return _Span(span.start + len(written), span.end)
        left = _after(text, places[found.end() - 1] + 1, span.end, form)
        if left is not None:
            return _Span(left, span.end)
    return span


def _longest(form: _Form) -> tuple[int, str]:
    return -form.size, form.raw


def _filled(raw: str, numbers: dict[str, str]) -> str:
    return fill(raw, int(numbers.get("{agreed}", 0)), int(numbers.get("{of}", 0)))


# Where a disclosure that was respelled meets the answer

_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\ufe0e\ufe0f\u200e\u200f\u061c"
_RULES = {"-": 3, "*": 3, "_": 3, "–": 2, "—": 1, "─": 1, "⸺": 1, "⸻": 1}  # what a separator may become, and how long
_STOPS = ".!?…。！？｡．؟۔।॥"
_CLOSING = "\"'”’»」』)]*_`~"
_OPEN = ":,;([{“„«「『¿¡-–—>#|\\/@&+="
_LISTED = re.compile(r"[ \t]*(?:\d{1,9}[.)]|[-*+>#|]+)[ \t]*")


def _blank(char: str) -> bool:
    return char.isspace() or char in _INVISIBLE


def _before(text: str, start: int, at: int, form: _Form) -> int | None:
    """Return where the answer ends that stands before a disclosure at `at`; None if that is part of the answer."""
    far = at
    while far > start and not _FOLD[ord(text[far - 1])]:
        far -= 1
    cut = far
    rule = text[far - 1] if far > start else ""
    while rule in _RULES and cut > start and text[cut - 1] == rule:
        cut -= 1
    if _is_rule(rule, far - cut, cut == start or text[cut - 1].isspace()):
        while cut > start and _blank(text[cut - 1]):
            cut -= 1
        return cut
    while at > start and (_blank(text[at - 1]) or text[at - 1] in form.marks):
        at -= 1
    return at if at == start or (form.free and _ends(text, start, at)) else None


def _is_rule(char: str, length: int, spaced: bool) -> bool:
    """Return whether a run of a character is what a separator may have become. Stars and underscores emphasise too."""
    return 0 < _RULES.get(char, 0) <= length and (spaced or char not in "*_")


def _ends(text: str, start: int, at: int) -> bool:
    """Return whether an answer may end at `at`, so that what follows is no quotation within it."""
    gap = text[at : at + 64]
    last = text[at - 1]
    line = max(text.rfind("\n", start, at), text.rfind("\r", start, at)) + 1
    same_line = not re.match(r"[ \t]*[\r\n]", gap)
    if same_line and _LISTED.fullmatch(text, max(line, start, at - 40), at):
        return False
    if last in _STOPS or not _FOLD[ord(last)]:
        return True
    if last in _CLOSING and gap[:1].isspace():
        return True
    return not same_line and last not in _OPEN


def _after(text: str, at: int, end: int, form: _Form) -> int | None:
    """Return where the answer begins that stands behind a disclosure that ends at `at`; None if that is part of it."""
    last = at - 1
    far = at
    while far < end and not _FOLD[ord(text[far])]:
        far += 1
    cut = far
    rule = text[far] if far < end else ""
    while rule in _RULES and cut < end and text[cut] == rule:
        cut += 1
    if _is_rule(rule, cut - far, cut == end or text[cut].isspace()):
        while cut < end and _blank(text[cut]):
            cut += 1
        return cut
    while at < end and (_blank(text[at]) or text[at] in form.marks):
        at += 1
    if at == end:
        return at
    if not form.free:
        return None
    apart = at > last + 1
    if text[at] in "”’»」』)]},;:" or (not apart and (text[at] in "\"'`*_~" or text[last] not in _STOPS)):
        return None
    return at


# What is looked for


@lru_cache(maxsize=64)
def _forms(customs: tuple[str, ...]) -> _Forms:
    """Compile every text that Steady can have written under a policy with these texts of its own."""
    templates = dict.fromkeys([*standard_templates(), *(text.strip() for text in customs)])
    forms = [form for form in map(_form, templates) if form]
    bare = tuple(raw for raw in templates if raw and not _form(raw))
    heads: dict[str, list[_Form]] = {}
    tails: dict[str, list[_Form]] = {}
    for form in forms:
        pieces = [piece.translate(_FOLD) for piece in _NUMBER.split(form.raw)]
        for word in [pieces[0][:_PROBE]] if pieces[0] else list("0123456789"):
            heads.setdefault(word, []).append(form)
        for word in [pieces[-1][-_PROBE:]] if pieces[-1] else list("0123456789"):
            tails.setdefault(word, []).append(form)
    return _Forms(
        {word: tuple(group) for word, group in heads.items()},
        {word: tuple(group) for word, group in tails.items()},
        tuple(heads),
        tuple(tails),
        bare,
        max(form.size for form in forms),
    )


def _form(raw: str) -> _Form | None:
    pieces = [piece.translate(_FOLD) for piece in _NUMBER.split(raw)]
    order = tuple(_NUMBER.findall(raw))
    if not order and not pieces[0]:
        return None  # nothing but pictographs and accents
    number = f"([0-9]{{1,{_DIGITS}}})"
    marks = "".join(sorted({char for char in raw if not _FOLD[ord(char)] and not _blank(char)}))
    return _Form(
        raw,
        order,
        re.compile(number.join(map(re.escape, pieces))),
        re.compile(number.join(re.escape(piece[::-1]) for piece in reversed(pieces))),
        sum(map(len, pieces)) + _DIGITS * len(order),
        sum(char.isalpha() for piece in pieces for char in piece) >= _LONG,
        marks,
    )
