"""
The layout of an answer: how many words, sentences, lines and required parts each of its stretches holds.

All that is asked for is shared out here, as whole numbers, so that any text that keeps each stretch's own bounds keeps
those of the whole: minima add up to at least what is asked, maxima to at most.
"""

import re
from typing import Literal, NamedTuple

from steady.providers.grammar_settle import Dropped, Form, Range

TOKENS_A_WORD = {"": 1.6, "lower": 1.7, "upper": 3.6}  # SmolLM2 on prose of its own: 1.3, 1.4, 2.8
TOKENS_OF_A_SCRIPT = 9.0  # a small model spells other scripts by their bytes
SHORTEST, USUAL = 3, 30  # words of a sentence
JOINED = 4  # words that a joined word with a number after it may count as: don't 1.5
LEAST_ROOM = 24  # words that running text gets in any case
LINE = 26  # words of a list's line
CLOSE = 24  # words of a postscript
SLACK = 40  # words that a passage may go on for after its minimum, to end where its sentence ends


class Item(NamedTuple):
    """Something that a stretch must hold."""

    what: Literal["text", "letter", "highlight", "placeholder", "capital"]
    text: str
    words: int  # at most so many


class Chunk(NamedTuple):
    """One stretch of prose with what stands before it and the list after it."""

    header: str = ""
    first: str = ""
    words: tuple[int, int] = (1, 60)
    sentences: tuple[int, int] | None = None
    each: tuple[int, int] = (SHORTEST, USUAL)  # words of one sentence
    items: tuple[Item, ...] = ()
    bullets: tuple[int, int] | None = None
    numbered: tuple[int, int] | None = None


class Layout(NamedTuple):
    """An answer's parts, each of one or more chunks."""

    parts: tuple[tuple[Chunk, ...], ...]
    joins: bool  # words may be joined: each may count as several
    line: int  # words of a list's line, at most
    close: int  # words of a postscript, at most
    tokens: int  # what all of it may need


def layout(form: Form, tokens: int, dropped: Dropped) -> Layout:
    """Share out what a settled form asks for. What there is no room for is added to `dropped`."""
    frame = _frame(form)
    chunks = [c for part in frame for c in part]
    fixed = _literal_words(form)
    lines = _lines(form)
    low = form.words[0] if form.words else 0
    least = max(LEAST_ROOM, low + SLACK, 12 * (form.sentences or (0, 0))[0], 3 * len(_items(form)))
    price = TOKENS_A_WORD[form.letters] if form.script in ("", "Latin") else TOKENS_OF_A_SCRIPT
    room = max(least, int((tokens - 2 * fixed - 12) / price) - lines * LINE - _close(form))
    line, close = LINE, _close(form)
    joins = True
    if form.words and form.words[1] is not None:
        high = form.words[1]
        joins = high // JOINED >= max(60, low + SLACK + fixed)
        left = (high // JOINED if joins else high) - fixed
        close = min(close, max(3, left // 4)) if close else 0
        line = max(2, min(LINE, (left - close) * 2 // 3 // max(1, lines))) if lines else LINE
        left -= close + line * lines
        items = sum(item.words + 1 for item in _items(form))
        if left < max(len(chunks) * 3, low) + items + (form.sentences or (0, 0))[0]:
            dropped["words"] = f"at most {high} leave no room for the rest"
            joins, line, close, low = True, LINE, _close(form), 0
        else:
            room = min(room, left)
    shared = _shared(form, chunks, low, room, dropped)
    filled = _regroup(frame, shared)
    needed = sum(c.words[1] for c in shared) + lines * line + close
    return Layout(filled, joins, line, close, int(needed * price) + 3 * fixed + 24)


def _frame(form: Form) -> list[list[Chunk]]:
    firsts = dict(form.paragraph_starts)
    count = 1
    if form.paragraphs:
        low, high = form.paragraphs
        count = max(low, max(firsts, default=1), 1 if low else min(high or 3, 3))
    elif firsts:
        count = max(firsts)
    sections, word = form.sections or (0, "")
    frame = [[Chunk(first=firsts.get(n + 1, ""))] for n in range(count)]
    for n in range(sections):
        part = frame[min(n, count - 1)]
        header = f"{word} {n + 1}"
        if n < count:
            part[0] = part[0]._replace(header=header)
        else:
            part.append(Chunk(header=header))
    frame[0][0] = frame[0][0]._replace(bullets=_some(form.bullets), numbered=_some(form.numbered))
    return frame


def _some(bounds: Range | None) -> tuple[int, int] | None:
    if bounds is None or bounds[1] == 0:
        return None
    low = max(bounds[0], 1)
    return low, low + 3 if bounds[1] is None else bounds[1]


def _lines(form: Form) -> int:
    return sum(bounds[1] for bounds in map(_some, (form.bullets, form.numbered)) if bounds)


def _close(form: Form) -> int:
    return CLOSE if form.postscript else 0


def _items(form: Form) -> list[Item]:
    """All that must occur, kinds taking turns, so that one stretch does not hold all of one kind."""
    kinds = [
        [Item("letter" if len(text) == 1 else "text", text, max(1, _count(text)))] * n for text, n in form.contains
    ]
    kinds.append([Item("highlight", "", 5)] * form.highlights)
    kinds.append([Item("placeholder", "", 5)] * form.placeholders)
    kinds.append([Item("capital", "", 1)] * (form.capitals[0] if form.capitals else 0))
    out: list[Item] = []
    for n in range(max(map(len, kinds), default=0)):
        out += [kind[n] for kind in kinds if n < len(kind)]
    return out


def _count(text: str) -> int:
    return len(re.findall(r"\w+", text))


def _literal_words(form: Form) -> int:
    texts = [form.starts, form.ends, form.postscript, *(text for _, text in form.paragraph_starts)]
    sections = form.sections or (0, "")
    texts += [f"{sections[1]} 1"] * sections[0]
    return sum(map(_count, texts)) + (8 if form.title else 0)


def _shared(form: Form, chunks: list[Chunk], low: int, room: int, dropped: Dropped) -> list[Chunk]:
    count = len(chunks)
    items = _items(form)
    groups = [tuple(items[len(items) * n // count : len(items) * (n + 1) // count]) for n in range(count)]
    lows = _spread(low, count)
    highs = _spread(max(room, low), count)
    said = _sentences(form, count, room, dropped)
    out = []
    for n, chunk in enumerate(chunks):
        least = max(lows[n], 1)
        words = (least, max(highs[n], least, sum(i.words + 1 for i in groups[n]) + 2))
        chunk = chunk._replace(words=words, items=groups[n])
        if said:
            few, most = said[0][n], said[1][n]
            shortest = max(1, -(-least // few), min(SHORTEST, words[1] // most))
            most = max(few, min(most, words[1] // shortest))
            longest = max(shortest, min(max(USUAL, shortest + 10), words[1] // most))
            chunk = chunk._replace(sentences=(few, most), each=(shortest, longest))
        out.append(chunk)
    return out


def _sentences(form: Form, count: int, room: int, dropped: Dropped) -> tuple[list[int], list[int]] | None:
    if form.sentences is None:
        return None
    low, high = form.sentences
    most = max(low, count) + max(2, low // 8)
    if high is not None:
        extra = (2 if form.postscript else 0) + (1 if form.title else 0) + _lines(form) + _said(form.starts)
        extra += _said(form.ends) + (form.sections or (0, ""))[0]
        most = min(most, high - extra)
        if most < max(low, count):
            dropped["sentences"] = f"at most {high} leave no room for the rest"
            return None
    low = max(low, count)
    if room // low < 2:
        dropped["sentences"] = f"there is no room for {low}"
        return None
    return _spread(low, count), _spread(most, count)


def _said(text: str) -> int:
    """At most so many sentences that a literal text counts for."""
    return len(re.findall(r"[.!?\n]+", text)) + 1 if text.strip() else 0


def _spread(total: int, count: int) -> list[int]:
    return [total // count + (1 if n < total % count else 0) for n in range(count)]


def _regroup(frame: list[list[Chunk]], chunks: list[Chunk]) -> tuple[tuple[Chunk, ...], ...]:
    left = iter(chunks)
    return tuple(tuple(next(left) for _ in part) for part in frame)
