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

from typing import NamedTuple

from steady.providers.grammar import literal
from steady.providers.grammar_layout import Chunk, Item, Layout, layout
from steady.providers.grammar_letters import Alphabet, alphabet
from steady.providers.grammar_settle import Form, settle
from steady.providers.grammar_words import Rules, Style, capital, times, with_letter, write_words

STRICT = ("letters", "script", "excludes", "words", "sentences", "capitals", "bullets", "numbered")
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
    try:
        letters = alphabet(form.letters, form.script, form.without)
    except ValueError as error:
        return None if not wished else Written("", 0, (), tuple((name, str(error)) for name in wished))
    plan = layout(form, tokens, dropped)
    used = tuple(name for name in wished if name in form.names() and name not in dropped)
    if not used:
        return None if not wished else Written("", 0, (), tuple(dropped.items()))
    rules, style = Rules(), _style(form, plan, letters, used)
    write_words(rules, style)
    root = _Writer(rules, form, plan, style).root()
    return Written(rules.text(root), plan.tokens, used, tuple(dropped.items()))


def _style(form: Form, plan: Layout, letters: Alphabet, used: tuple[str, ...]) -> Style:
    counted = form.paragraphs is not None and form.separator.strip() == ""
    listed = bool(form.bullets or form.numbered)
    breaks = () if listed or counted else ("\n\n",) if form.sentences else ("\n", "\n\n")
    barred = "".join(form.wrapped) if form.wrapped else ""
    if form.paragraphs or form.paragraph_starts or form.bullets or form.highlights:
        barred += "*"
    if form.placeholders:
        barred += "[]"
    if form.title:
        barred += "<>"
    return Style(
        alphabet=letters,
        strict=bool(set(used) & set(STRICT)) or letters.dense,
        joins=plan.joins,
        avoid=tuple(term for term in form.excludes if term.isalpha()),
        shouts=form.capitals is None or form.capitals[1] is None,
        highlights=bool(form.highlights),
        placeholders=bool(form.placeholders),
        barred=barred,
        breaks=breaks,
        lists=not (listed or form.sentences or form.words or form.paragraphs or form.highlights),
    )


class _Writer:
    """Writes the layout of one form."""

    def __init__(self, rules: Rules, form: Form, plan: Layout, style: Style) -> None:
        self.rules, self.form, self.plan, self.style = rules, form, plan, style
        self.tight = form.paragraphs is not None and form.separator.strip() == ""
        self.line = "\n" if self.tight else "\n\n"

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
            out.append(literal(" " if self.tight else "\n\n") + " " + literal(form.ends))
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
        out = [literal(chunk.header + "\n")] if chunk.header else []
        if chunk.first:
            out += [literal(chunk.first), '" "']
        out.append(self._sentences(chunk) if chunk.sentences else self._passage(chunk))
        for bounds, marks in ((chunk.bullets, None), (chunk.numbered, "numbered")):
            if bounds:
                out.append(self._list(bounds, numbered=marks is not None))
        return self.rules.add(name, " ".join(out))

    def _passage(self, chunk: Chunk) -> str:
        low, high = chunk.words
        high = min(high, MOST_TIMES)
        count = len(chunk.items) + 1
        spent = sum(item.words for item in chunk.items)
        least, most = max(0, low - 1 - len(chunk.items)) // count, max(0, high - 1 - spent) // count
        if low <= len(chunk.items) + 2:
            least = 0
        most = max(most, least)
        out = []
        for item in chunk.items:
            out += [times("u", least, most), self._item(item), "g"]
        rest = max(0, low - 1 - len(chunk.items) - least * len(chunk.items)) if low > 1 else 0
        return " ".join([*filter(None, out), times("u", rest, max(most, rest)), "f"])

    def _sentences(self, chunk: Chunk) -> str:
        assert chunk.sentences
        few, most = chunk.sentences
        low, high = chunk.each
        plain = self.rules.add(f"s{low}-{high}", self._sentence(low, high, ()))
        gap = '" "' + "".join(f" | {literal(text)}" for text in self.style.breaks)
        self.rules.add("sg", gap)
        items = [chunk.items[len(chunk.items) * n // few : len(chunk.items) * (n + 1) // few] for n in range(few)]
        made = [self._sentence(low, high, some) if some else plain for some in items]
        more = f" (sg {plain}){{0,{most - few}}}" if most > few else ""
        if all(one == plain for one in made):
            return f"{plain} (sg {plain}){{{few - 1},{most - 1}}}" if most > 1 else plain
        return " sg ".join(made) + more

    def _sentence(self, low: int, high: int, items: tuple[Item, ...]) -> str:
        spent = sum(item.words for item in items)
        each = max(0, high - spent - 1) // (len(items) + 1)
        rest = max(0, low - 1 - len(items))
        out = []
        for item in items:
            out += [times("v", 0, each), self._item(item), self._after_item()]
        return " ".join([*filter(None, out), times("v", rest, max(each, rest)), "z"])

    def _after_item(self) -> str:
        return '" "'

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
        line = self.rules.add("ln", f"{times('v', 1, max(1, self.plan.line - 1))} (w | z)")
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
        return f"{times('v', 1, max(1, words - 1))} z"
