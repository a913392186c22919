"""
A form grammar: what an answer must look like, as one GBNF grammar that can write nothing else.

`form_grammar` takes a `Form` (conditions on the whole answer that hold together) and the tokens there are, and returns
a grammar whose every text meets the form and ends before the tokens do: each part has a bound in words, and what must
come last can be written only once all that is required before it is there. What does not go together with the rest is
left out and named, never turned into a grammar that no text satisfies. The grammar is sound, not complete: not every
conforming text can be written, but ordinary prose can.

Where something is asked for at least so often (a keyword, a [placeholder]), a passage is cut into as many stretches,
each of which ends with it: the model may write it whenever it likes, and must where the stretch is over.
"""

import re
from typing import NamedTuple

from steady.providers.grammar import literal
from steady.providers.grammar_layout import Chunk, Item, Layout, layout
from steady.providers.grammar_letters import Alphabet, alphabet
from steady.providers.grammar_settle import Form, settle
from steady.providers.grammar_words import Rules, Style, capital, times, with_letter, write_words

STRICT = ("letters", "script", "excludes", "avoids", "words", "sentences", "capitals", "bullets", "numbered")
MOST_TIMES = 1_200  # llama.cpp refuses a repetition of 2,000


class Written(NamedTuple):
    """A grammar, and what became of the form."""

    grammar: str
    tokens: int  # what its longest text needs, by estimate
    used: tuple[str, ...]  # fields of the form that every text of the grammar meets
    dropped: tuple[tuple[str, str], ...]  # fields left out, with the reason


def form_grammar(form: Form, tokens: int = 512) -> Written | None:
    """
    Return a grammar whose texts meet the form, or None if nothing of it is left to write.

    Args:
        form: What is asked for.
        tokens: What an answer may be long, >= 1. Minima come first: where they need more, `Written.tokens` says so.
    """
    wished = form.names()
    form, dropped = settle(form)
    plan = layout(form, tokens, dropped)
    used = tuple(name for name in wished if name in form.names() and name not in dropped)
    strict = bool(set(used) & set(STRICT))
    counted = form.words is not None and form.words[1] is not None and "words" in used
    scripts = (form.script,) if form.script else ("Latin", "") if strict and form.capitals is None else ("Latin",)
    texts: list[str] = []
    for script in scripts:
        try:
            letters = alphabet(form.letters, script, form.without, counted=counted)
        except ValueError as error:
            if not texts and script == scripts[-1]:
                dropped |= dict.fromkeys(used, str(error))
                used = ()
            continue
        texts.append(_text(form, plan, _style(form, plan, letters, strict=strict, counted=counted)))
    if not used:
        return Written("", 0, (), tuple(dropped.items())) if wished else None
    return Written(_either(texts), plan.tokens, used, tuple(dropped.items()))


def _text(form: Form, plan: Layout, style: Style) -> str:
    rules = Rules()
    write_words(rules, style)
    return rules.text(_Writer(rules, form, plan, style).root())


_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|\[(?:[^\]\\]|\\.)*\]|[A-Za-z][A-Za-z0-9-]*')


def _either(texts: list[str]) -> str:
    """
    Return a grammar of texts in the one script or in the other.

    A grammar that lets each word be of any script lets a small model drift from one into the next.
    """
    if len(texts) == 1:
        return texts[0]
    names = [
        _PIECE.sub(lambda m, mark=mark: m[0] if m[0][0] in '"[' else f"{m[0]}-{mark}", text)  # type: ignore[misc]
        for mark, text in zip("ab", texts, strict=True)
    ]
    return "root ::= root-a | root-b\n" + "".join(names)


def _style(form: Form, plan: Layout, letters: Alphabet, *, strict: bool, counted: bool) -> Style:
    tight = _tight(form)
    listed = bool(form.bullets or form.numbered)
    breaks = () if listed or tight else ("\n\n",) if form.sentences else ("\n", "\n\n")
    barred = "".join(form.wrapped) if form.wrapped else ""
    if form.paragraphs or form.paragraph_starts or form.bullets or form.highlights:
        barred += "*"
    if form.placeholders:
        barred += "[]"
    if form.title:
        barred += "<>"
    return Style(
        alphabet=letters,
        strict=strict or letters.dense,
        joins=plan.joins,
        avoid=tuple(term for term in form.avoids if term.isalpha()),
        exclude=tuple(term for term in form.excludes if term.isalpha()),
        shouts=form.capitals is None or form.capitals[1] is None,
        highlights=bool(form.highlights),
        placeholders=bool(form.placeholders),
        marked=not counted,
        barred=barred,
        breaks=breaks,
        lists=not (listed or form.sentences or form.words or form.paragraphs or form.highlights),
    )


def _tight(form: Form) -> bool:
    """Whether blank lines are counted, so that there may be no others."""
    return bool(form.paragraphs or form.paragraph_starts) and not form.separator.strip()


class _Writer:
    """Writes the layout of one form."""

    def __init__(self, rules: Rules, form: Form, plan: Layout, style: Style) -> None:
        self.rules, self.form, self.plan, self.style = rules, form, plan, style
        self.tight = _tight(form)
        self.line = "\n" if self.tight else "\n\n"
        self.mark = form.ends if len(form.ends) < 4 and not any(c.isalnum() or c.isspace() for c in form.ends) else ""

    def root(self) -> str:
        """Return the body of the root rule."""
        form, out = self.form, []
        if form.wrapped:
            out.append(literal(form.wrapped[0]))
        if form.starts:
            out.append(literal(form.starts))
            out.append(self._gap_after(form.starts))
        first_named = any(n == 1 for n, _ in form.paragraph_starts)
        if form.title and not first_named:
            out += [self._title(), literal(self.line)]
        parts = [self._part(n, part, form.title and first_named and n == 0) for n, part in enumerate(self.plan.parts)]
        out.append(f" {literal(self._between())} ".join(parts))
        if form.postscript:
            out += [literal(self.line), literal(form.postscript), '" "', self._prose_line(self.plan.close)]
        if form.ends:
            out.append(literal(form.ends if self.mark else (" " if self.tight else "\n\n") + form.ends))
        if form.wrapped:
            out.append(literal(form.wrapped[1]))
        return " ".join(part for part in out if part)

    def _between(self) -> str:
        mark = self.form.separator
        return mark if mark.strip() == "" and mark else f"\n\n{mark}\n\n" if mark else "\n\n"

    def _gap_after(self, text: str) -> str:
        if text[-1:].isspace():
            return ""
        return literal(self.line if text.rstrip()[-1:] in (".", "!", "?", ":") and not self.tight else " ")

    def _title(self) -> str:
        return '"<<" w (" " w){0,6} ">>"'

    def _part(self, number: int, chunks: tuple[Chunk, ...], title_after: bool) -> str:
        texts = []
        for at, chunk in enumerate(chunks):
            text = self._chunk(chunk, f"p{number}-{at}")
            if title_after and at == 0:
                text += f" {literal(self.line)} {self._title()}"
            texts.append(text)
        return f" {literal(self.line)} ".join(texts)

    def _chunk(self, chunk: Chunk, name: str) -> str:
        listed = chunk.bullets or chunk.numbered
        bare = bool(self.mark) and chunk is self.plan.parts[-1][-1] and not (listed or self.form.postscript)
        out = [literal(chunk.header + "\n")] if chunk.header else []
        if chunk.first:
            out += [literal(chunk.first), '" "']
        out.append(self._sentences(chunk, bare) if chunk.sentences else self._passage(chunk, bare))
        for bounds, marks in ((chunk.bullets, None), (chunk.numbered, "numbered")):
            if bounds:
                out.append(self._list(bounds, numbered=marks is not None))
        return self.rules.add(name, " ".join(out))

    def _passage(self, chunk: Chunk, bare: bool) -> str:
        low, high = chunk.words[0], min(chunk.words[1], MOST_TIMES)
        return self._stretch("u", low, high, chunk.items, "g", "w" if bare else "f")

    def _stretch(self, unit: str, low: int, high: int, items: tuple[Item, ...], gap: str, last: str) -> str:
        """Return words from `low` to `high` with the items among them, each as early as the model likes."""
        count, spent = len(items), sum(item.words for item in items)
        free = max(0, low - 1 - count)
        least = free // (count + 1) if count and low > 2 * count + 8 else 0
        rest = free - least * count
        most = max(least, (high - 1 - spent - rest) // (count + 1)) if count else 0
        out = []
        for item in items:
            out += [times(unit, least, most), self._item(item), gap]
        end = max(rest, high - 1 - spent - most * count)
        return " ".join([*filter(None, out), *filter(None, [times(unit, rest, end)]), last])

    def _sentences(self, chunk: Chunk, bare: bool) -> str:
        assert chunk.sentences
        few, most = chunk.sentences
        low, high = chunk.each
        plain = self.rules.add(f"s{low}-{high}", self._sentence(low, high, (), "z"))
        self.rules.add("sg", '" "' + "".join(f" | {literal(text)}" for text in self.style.breaks))
        marks = [item.text for item in chunk.items if self._is_end(item)]
        others = [item for item in chunk.items if not self._is_end(item)]
        made = []
        for n in range(few):
            some = tuple(others[len(others) * n // few : len(others) * (n + 1) // few])
            end = f"w {literal(marks[n])}" if n < len(marks) else "z"
            made.append(self._sentence(low, high, some, end) if some or end != "z" else plain)
        if bare:
            some = tuple(others[len(others) * (few - 1) // few :])
            last = self._sentence(low, high, some, "w")
            return " ".join(
                [*(f"{one} sg" for one in made[:-1]), f"({plain} sg){{0,{most - few}}}" if most > few else "", last]
            )
        more = f" (sg {plain}){{0,{most - few}}}" if most > few else ""
        if all(one == plain for one in made):
            return f"{plain} (sg {plain}){{{few - 1},{most - 1}}}" if most > 1 else plain
        return " sg ".join(made) + more

    def _is_end(self, item: Item) -> bool:
        return item.what == "letter" and item.text in self.style.alphabet.enders

    def _sentence(self, low: int, high: int, items: tuple[Item, ...], end: str) -> str:
        return self._stretch("v", low, high, items, '" "', end)

    def _item(self, item: Item) -> str:
        if item.what == "text":
            return literal(item.text)
        if item.what == "letter":
            return with_letter(self.rules, self.style, item.text)
        if item.what == "capital":
            return capital(self.rules, self.style)
        return "hl" if item.what == "highlight" else "ph"

    def _list(self, bounds: tuple[int, int], *, numbered: bool) -> str:
        low, high = bounds
        end = "w" if self.mark else "(w | z)"
        line = self.rules.add("ln", f"{times('v', 1, max(1, self.plan.line - 1))} {end}")
        if numbered:
            lines = [f"{literal(f'{chr(10)}{n + 1}. ')} {line}" for n in range(high)]
            text = ""
            for body in reversed(lines[low:]):
                text = f"({body} {text})?" if text else f"({body})?"
            return " ".join([*lines[:low], text])
        marks = [m for m in ("*", "-") if self.style.alphabet.may(m) and not (m == "*" and self.form.highlights)]
        mark = " | ".join(literal(f"\n{m} ") for m in marks)
        bullet = self.rules.add("bl", f"({mark}) {line}")
        return times(bullet, low, high)

    def _prose_line(self, words: int) -> str:
        return f"{times('v', 1, max(1, words - 1))} {'w' if self.mark else 'z'}"
