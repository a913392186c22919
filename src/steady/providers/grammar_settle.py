"""
The wishes that a form grammar takes, and which of them go together.

Texts that must occur (an end phrase, a keyword) follow the case that is asked for, since in any other they could not be
there at all. What holds a character that may not occur is left out, by name; so is what contradicts the rest.
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct, structs

from steady.providers.grammar_letters import SCRIPTS, Case

Range = tuple[int, int | None]

MOST_ITEMS = 60  # keywords, placeholders and the like, all together
MOST_PARTS = 40  # paragraphs, sections, lines of a list


class Form(Struct, frozen=True, kw_only=True):
    """Conditions on a whole answer: those of `rules.rule.Constraint`, which explains each of them."""

    starts: str = ""
    ends: str = ""
    wrapped: tuple[str, str] | None = None
    letters: Case = ""
    script: str = ""
    without: str = ""
    excludes: tuple[str, ...] = ()
    avoids: tuple[str, ...] = ()
    contains: tuple[tuple[str, int], ...] = ()
    words: Range | None = None
    sentences: Range | None = None
    paragraphs: Range | None = None
    separator: str = ""
    paragraph_starts: tuple[tuple[int, str], ...] = ()
    bullets: Range | None = None
    numbered: Range | None = None
    sections: tuple[int, str] | None = None
    highlights: int = 0
    placeholders: int = 0
    capitals: Range | None = None
    title: bool = False
    postscript: str = ""

    def names(self) -> tuple[str, ...]:
        """Return the wishes that are there."""
        return tuple(f.name for f in structs.fields(self) if getattr(self, f.name) != f.default)


NOTHING: dict[str, Any] = {f.name: f.default for f in structs.fields(Form)}


class Dropped(dict[str, str]):
    """What was left out, with the reason."""


def settle(form: Form) -> tuple[Form, Dropped]:
    """Return a form whose parts go together, and what was left out of it."""
    dropped = Dropped()
    if form.script and form.script not in SCRIPTS:
        form = _without(form, dropped, "script", f"{form.script} is no script that a grammar knows")
    form = _cased(form)
    form = _sayable(form, dropped)
    form = _marked(form, dropped)
    form = _counted(form, dropped)
    form = _ended(form, dropped)
    return _placed(form, dropped), dropped


def _without(form: Form, dropped: Dropped, name: str, why: str) -> Form:
    dropped[name] = why
    return structs.replace(form, **{name: NOTHING[name]})


def _cased(form: Form) -> Form:
    change: dict[Case, Callable[[str], str]] = {"": str, "lower": str.lower, "upper": str.upper}
    to = change[form.letters]
    return structs.replace(
        form,
        starts=to(form.starts),
        ends=to(form.ends),
        postscript=to(form.postscript),
        contains=tuple((to(text), n) for text, n in form.contains if text),
        paragraph_starts=tuple((n, to(text)) for n, text in form.paragraph_starts if text),
    )


def _sayable(form: Form, dropped: Dropped) -> Form:
    """Leave out the texts that hold an excluded character, or one that no grammar can say."""

    def bad(text: str) -> str:
        hidden = [c for c in text if c == "\0" or 0xD800 <= ord(c) <= 0xDFFF]
        gone = [c for c in text if c in form.without]
        if hidden:
            return "it holds a character that no grammar can say"
        return f"it holds {gone[0]!r}, which may not occur" if gone else ""

    for name in ("starts", "ends", "postscript", "separator"):
        if why := bad(getattr(form, name)):
            form = _without(form, dropped, name, why)
    for name in ("contains", "paragraph_starts"):
        held = getattr(form, name)
        kept = tuple(pair for pair in held if not any(bad(str(one)) for one in pair))
        if kept != held:
            dropped[name] = "one of them holds a character that may not occur"
            form = structs.replace(form, **{name: kept})
    for name in ("excludes", "avoids"):
        if not all(term.isalpha() for term in getattr(form, name)):
            dropped[name] = "a term of more than one word can't be kept out"
    if form.sections and form.letters and form.sections[1] != getattr(form.sections[1], form.letters)():
        form = _without(form, dropped, "sections", f"{form.sections[1]!r} is not {form.letters} case")
    if form.sections and (why := bad(form.sections[1] + " 1234567890")):
        form = _without(form, dropped, "sections", why)
    if form.wrapped and (why := bad("".join(form.wrapped))):
        form = _without(form, dropped, "wrapped", why)
    return form


def _marked(form: Form, dropped: Dropped) -> Form:
    """Leave out what is written with marks that may not occur."""
    marks = {"highlights": "*", "placeholders": "[]", "title": "<>"}
    for name, needed in marks.items():
        if getattr(form, name) and set(needed) & set(form.without):
            form = _without(form, dropped, name, f"it needs {needed}, which may not occur")
    if form.bullets and {"*", "-"} <= set(form.without):
        form = _without(form, dropped, "bullets", "it needs * or -, which may not occur")
    if form.numbered and set("1234567890.") & set(form.without):
        form = _without(form, dropped, "numbered", "it needs digits, which may not occur")
    if form.capitals and form.letters:
        low, high = form.capitals
        if (form.letters == "lower" and low) or (form.letters == "upper" and high is not None):
            dropped["capitals"] = f"all letters are {form.letters} case"
        form = structs.replace(form, capitals=None)
    if form.capitals and form.capitals[1] is not None and form.capitals[0] + _shouted(form) > form.capitals[1]:
        form = _without(form, dropped, "capitals", "what must occur holds more words in capitals")
    if form.capitals and form.script not in ("", "Latin"):
        form = _without(form, dropped, "capitals", f"words in {form.script} are not counted")
    return form


def _shouted(form: Form) -> int:
    """How many words in capitals the texts hold that must occur."""
    count, word = form.sections or (0, "")
    texts = [form.starts, form.ends, form.postscript, *[word] * count]
    texts += [text for text, n in form.contains for _ in range(n)] + [text for _, text in form.paragraph_starts]
    return sum(1 for text in texts for part in text.split() if part.isupper())


def _counted(form: Form, dropped: Dropped) -> Form:
    """Leave out ranges that hold nothing, and counts that no grammar of a bearable size can make."""
    for name in ("words", "sentences", "paragraphs", "bullets", "numbered", "capitals"):
        bounds: Range | None = getattr(form, name)
        if bounds is None:
            continue
        low, high = bounds
        most = 3000 if name == "words" else 150 if name == "sentences" else MOST_PARTS
        if high is not None and (high < low or (high < 1 and name not in ("capitals", "bullets", "numbered"))):
            form = _without(form, dropped, name, f"no text has from {low} to {high}")
        elif low > most:
            form = _without(form, dropped, name, f"{low} is above the {most} that a grammar counts")
        elif low == 0 and high is None:
            form = structs.replace(form, **{name: None})
    items = form.highlights + form.placeholders + sum(n for _, n in form.contains) + (form.capitals or (0, 0))[0]
    if items > MOST_ITEMS:
        for name in ("contains", "highlights", "placeholders", "capitals"):
            if getattr(form, name) != NOTHING[name]:
                form = _without(form, dropped, name, f"more than {MOST_ITEMS} parts are asked for")
    if form.sections and form.sections[0] > MOST_PARTS:
        form = _without(form, dropped, "sections", f"more than {MOST_PARTS}")
    return form


def _ended(form: Form, dropped: Dropped) -> Form:
    """Marks that end sentences need as many sentences, where those are counted."""
    marks = sum(n for text, n in form.contains if text in (".", "!", "?"))
    if form.sentences is None or not marks:
        return form
    low, high = form.sentences
    if high is not None and marks > max(low, high - 3):
        kept = tuple(pair for pair in form.contains if pair[0] not in (".", "!", "?"))
        dropped["contains"] = f"{marks} marks need more than {high} sentences"
        return structs.replace(form, contains=kept)
    return structs.replace(form, sentences=(max(low, marks), high))


def _placed(form: Form, dropped: Dropped) -> Form:
    """Leave out what the layout has no place for."""
    form = structs.replace(form, separator=form.separator or ("\n\n" if form.paragraphs else ""))
    if form.paragraphs is None and form.separator and not form.paragraph_starts:
        form = structs.replace(form, separator="")
    if form.paragraphs and form.separator.strip() == "" and "\n" not in form.separator:
        form = _without(form, dropped, "paragraphs", "only line breaks or marks can stand between paragraphs")
    for name in ("starts", "ends"):
        text = getattr(form, name)
        if form.paragraphs and text and form.separator in text:
            form = _without(form, dropped, "paragraphs", f"`{name}` holds what stands between them")
    if form.sections and form.paragraph_starts:
        form = _without(form, dropped, "paragraph_starts", "sections begin with their headings")
    firsts = [n for n, _ in form.paragraph_starts]
    high = form.paragraphs[1] if form.paragraphs else None
    if firsts and (len(set(firsts)) < len(firsts) or min(firsts) < 1 or max(firsts) > (high or MOST_PARTS)):
        form = _without(form, dropped, "paragraph_starts", "there is no such paragraph, or two ask for one")
    if form.starts and 1 in firsts:
        kept = tuple(pair for pair in form.paragraph_starts if pair[0] != 1)
        dropped["paragraph_starts"] = "the first paragraph begins with what the answer begins with"
        form = structs.replace(form, paragraph_starts=kept)
    if form.bullets and form.numbered and form.paragraphs and form.separator == "\n\n":
        form = _without(form, dropped, "numbered", "there is one list in an answer of counted paragraphs")
    return form
