"""`format`: bullets, numbers, headings, sections, highlights, title, placeholders, postscript, tables, markdown."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, NamedTuple

from msgspec import Meta, Struct

from steady.rules import format_fixes as fixes
from steady.rules import format_parts as form
from steady.rules.length import Bounds
from steady.rules.rule import Constraint, Context, Range, Rule, Streams, Whole, apply_edits
from steady.types import Edit, Finding, Piece

CUT = ("length", "content_filter")  # finish reasons after which nothing is closed
RESPONSES = "******"


class Bullets(Bounds, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """
    From `min` to `max` lines that begin with * or -.

    `spaced`: white space must follow the mark, as markdown has it, and a line that only divides (`---`) is none; if
    not, each line that begins so counts.
    """

    spaced: bool = True


class Sections(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Parts that begin with a word and a number: `SECTION 1`. `count`: how many; `word`: which word, in this case."""

    count: Bounds
    word: Annotated[str, Meta(min_length=1, max_length=200)] = "SECTION"


class ParagraphStart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The first word of one paragraph. `number`: which, from 1; `word`; `separator`: as `length` has it."""

    number: Annotated[int, Meta(ge=1)]
    word: Annotated[str, Meta(min_length=1)]
    separator: str = ""


class _Demand(NamedTuple):
    """One thing asked of the form."""

    wrong: Callable[[str], str]  # what is wrong with a text, or nothing
    respelled: Callable[[str, bool], Iterator[tuple[Edit, ...]]]  # (text, cut off) -> ways to write it otherwise


def _counted(what: str, bounds: Bounds, count: Callable[[str], int], respell: Callable[[str], Any]) -> _Demand:
    def wrong(text: str) -> str:
        number = count(text)
        if number < (bounds.min or 0):
            return f"{number} {what}, at least {bounds.min} needed"
        if bounds.max is not None and number > bounds.max:
            return f"{number} {what}, at most {bounds.max} allowed"
        return ""

    return _Demand(wrong, lambda text, cut: respell(text))


class _Format:
    streams: Streams = Whole("the form is seen in the whole text")

    def __init__(self, demands: list[_Demand]) -> None:
        self._demands = demands

    def judge(self, piece: Piece, context: Context) -> Finding:
        wrong = [reason for demand in self._demands if (reason := demand.wrong(piece.text))]
        return Finding(passed=not wrong, reason=f"The text has {'; '.join(wrong)}." if wrong else "")

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        """Respell for each demand that is not met; the edits of several must not overlap."""
        cut = context.finish_reason in CUT
        edits: list[Edit] = []
        for demand in self._demands:
            if demand.wrong(piece.text):
                chosen = _first_that_helps(demand, piece.text, cut)
                if chosen is None:
                    return None
                edits += [edit for edit in chosen if edit not in edits]
        edits.sort()
        if any(before.end > after.start for before, after in itertools.pairwise(edits)):
            return None
        text = apply_edits(piece.text, edits)
        return None if any(demand.wrong(text) for demand in self._demands) else tuple(edits)


def _first_that_helps(demand: _Demand, text: str, cut: bool) -> tuple[Edit, ...] | None:
    for edits in demand.respelled(text, cut):
        if edits and not demand.wrong(apply_edits(text, edits)):
            return edits
    return None


class Format(Rule, frozen=True, kw_only=True, tag="format"):
    """
    The form of the text: what it is divided into and how its parts are marked. Each field is a demand of its own.

    A fix respells marks, white space and separators, and nothing else: `•` or `1.` becomes a bullet, `__so__` becomes
    `**so**`, `Section 1` becomes `SECTION 1`, a heading in the first line becomes a <<title>>, `PS:` becomes `P.S.`, a
    dividing line becomes the separator of responses, an open code fence is closed. Where that does not do, there is
    none: no part is made up.
    """

    example: ClassVar[Mapping[str, Any]] = {"bullets": {"min": 3, "max": 5}, "on_fail": "fix"}
    can_fix: ClassVar[bool] = True

    bullets: Bullets | None = None
    """Lines that begin with * or -. With `spaced: false` white space need not follow, and `---` counts."""
    numbered: Bounds | None = None
    """Lines that begin with a number and a point or bracket: `1. `."""
    headings: Bounds | None = None
    """Markdown headings: one to six # and white space."""
    sections: Sections | None = None
    """Parts headed by a word and a number, anywhere in a line: `count` and `word` (SECTION)."""
    highlights: Bounds | None = None
    """Parts in *single* or **double** asterisks."""
    title: bool = False
    """Whether there is a title in double angle brackets, on one line."""
    placeholders: Bounds | None = None
    """Parts in square brackets, on one line."""
    postscript: str = ""
    """A mark such as `P.S.` that must be there, in any case; white space after its points does not matter."""
    table: bool = False
    """Whether there is a markdown table, and each has as many cells in every row."""
    markdown: bool = False
    """Whether code fences are closed, links have an address that is closed, and tables are even."""
    responses: Annotated[int, Meta(ge=2)] | None = None
    """How many different answers there are, with `******` between them."""
    paragraph_starts: ParagraphStart | None = None
    """The first word of a paragraph, whatever its case: `number` (from 1), `word`, `separator`."""

    def build(self) -> _Format:
        """See Rule."""
        for field, bounds in self._bounds():
            if not bounds.min and bounds.max is None:
                raise ValueError(f"`{field}` sets no limit: give it a `min` or a `max`.")
            if bounds.max is not None and (bounds.min or 0) > bounds.max:
                raise ValueError(
                    f"`{field}.min` {bounds.min} is over `{field}.max` {bounds.max}: no text can satisfy both."
                )
        if self.postscript and not any(char.isalpha() for char in self.postscript):
            raise ValueError(f"`postscript` {self.postscript!r} has no letter; write a mark such as 'P.S.'.")
        start = self.paragraph_starts
        if start is not None and form.first_word(start.word) != start.word.lower():
            raise ValueError(f"`paragraph_starts.word` {start.word!r} is not one word without marks.")
        demands = [*self._counts(), *self._rest()]
        if not demands:
            raise ValueError("`bullets`, `numbered`, `headings`, ... say nothing: give at least one of them.")
        return _Format(demands)

    def _bounds(self) -> list[tuple[str, Bounds]]:
        named: list[tuple[str, Bounds | None]] = [
            ("bullets", self.bullets),
            ("numbered", self.numbered),
            ("headings", self.headings),
            ("sections.count", None if self.sections is None else self.sections.count),
            ("highlights", self.highlights),
            ("placeholders", self.placeholders),
        ]
        return [(field, bounds) for field, bounds in named if bounds is not None]

    def _counts(self) -> Iterator[_Demand]:
        if (bullets := self.bullets) is not None:
            spaced = bullets.spaced
            count: Callable[[str], int] = lambda text: len(form.bullets(text, spaced))  # noqa: E731
            yield _counted("bullets", bullets, count, fixes.bullet_edits)
        if self.numbered is not None:
            yield _counted("numbered lines", self.numbered, lambda t: len(form.numbered(t)), fixes.number_edits)
        if self.headings is not None:
            yield _counted("headings", self.headings, lambda t: len(form.headings(t)), fixes.heading_edits)
        if self.sections is not None:
            word = self.sections.word
            what = f"parts headed {word!r} and a number"
            yield _counted(
                what, self.sections.count, lambda t: form.sections(t, word), lambda t: fixes.section_edits(t, word)
            )
        if self.highlights is not None:
            yield _counted("*highlighted* parts", self.highlights, form.highlights, fixes.highlight_edits)
        if self.placeholders is not None:
            yield _counted("[placeholders]", self.placeholders, form.placeholders, fixes.placeholder_edits)

    def _rest(self) -> Iterator[_Demand]:
        if self.title:
            wrong = "no <<title>> in double angle brackets"
            yield _Demand(lambda t: "" if form.titles(t) else wrong, lambda t, cut: fixes.title_edits(t))
        if mark := self.postscript:
            yield _Demand(
                lambda t: "" if form.postscript(t, mark) >= 0 else f"no postscript that begins with {mark!r}",
                lambda t, cut: fixes.postscript_edits(t, mark),
            )
        if self.table:
            yield _Demand(_table_wrong, lambda t, cut: fixes.table_edits(t))
        if self.markdown:
            yield _Demand(lambda t: "; ".join(dict.fromkeys(why for why, _ in form.faults(t))), fixes.fence_edits)
        if (number := self.responses) is not None:
            yield _Demand(lambda t: _responses_wrong(t, number), lambda t, cut: fixes.response_edits(t, RESPONSES))
        if (start := self.paragraph_starts) is not None:
            yield _Demand(lambda t: _start_wrong(t, start), lambda t, cut: fixes.start_edits(t, start.separator))

    def constraint(self) -> Constraint | None:
        """See Rule."""
        asked: dict[str, Any] = {}
        for field, bounds in self._bounds():
            both: Range = (bounds.min or 0, bounds.max)
            if field in ("bullets", "numbered"):
                asked[field] = both
            elif field in ("highlights", "placeholders") and bounds.min:
                asked[field] = bounds.min
        if self.sections is not None and self.sections.count.min:
            asked["sections"] = (self.sections.count.min, self.sections.word)
        if self.title:
            asked["title"] = True
        if self.postscript:
            asked["postscript"] = self.postscript
        if self.responses is not None:
            asked |= {"paragraphs": (self.responses, self.responses), "separator": RESPONSES}
        if (start := self.paragraph_starts) is not None:
            asked["paragraph_starts"] = ((start.number, start.word),)
            asked.setdefault("separator", start.separator or "\n\n")
        return Constraint(**asked) if asked else None

    def statement(self) -> str:
        """See Rule."""
        said = {
            "bullets": "bullet points (lines that begin with * or -)",
            "numbered": "numbered lines (1. ...)",
            "headings": "markdown headings (# ...)",
            "highlights": "parts *highlighted* with asterisks",
            "placeholders": "placeholders in square brackets, such as [name]",
        }
        if self.sections is not None:
            word = self.sections.word
            said["sections.count"] = f"sections, headed {word} 1, {word} 2 and so on"
        out = [f"The answer must have {_range(bounds)} {said[field]}." for field, bounds in self._bounds()]
        if self.title:
            out.append("Give it a title in double angle brackets, such as <<title>>.")
        if self.postscript:
            out.append(f"Add a postscript that begins with {self.postscript}.")
        if self.table:
            out.append("Include a markdown table with as many cells in every row.")
        if self.markdown:
            out.append("Write well-formed markdown: close every code fence and link.")
        if self.responses is not None:
            out.append(f"Give {self.responses} different responses, with {RESPONSES} between them.")
        if (start := self.paragraph_starts) is not None:
            out.append(f"Paragraph {start.number} must begin with the word {start.word!r}.")
        return " ".join(out)


def _range(bounds: Bounds) -> str:
    if bounds.min is not None and bounds.min == bounds.max:
        return f"exactly {bounds.min}"
    said = [f"at least {bounds.min}"] if bounds.min else []
    said += [f"at most {bounds.max}"] if bounds.max is not None else []
    return " and ".join(said)


def _table_wrong(text: str) -> str:
    found = form.tables(text)
    if not found:
        return "no markdown table"
    return "a table with rows of different widths" if any(len(set(table.widths)) > 1 for table in found) else ""


def _responses_wrong(text: str, number: int) -> str:
    found, blank = form.parts(text, RESPONSES)
    if blank:
        return f"nothing between two {RESPONSES}"
    if len(found) != number:
        return f"{len(found)} responses, exactly {number} needed, with {RESPONSES} between them"
    return "" if len(set(found)) == number else "two responses that are the same"


def _start_wrong(text: str, start: ParagraphStart) -> str:
    word = form.paragraph_start(text, start.number, start.separator)
    if word == start.word.lower():
        return ""
    begins = f"beginning with {word!r}" if word else "missing"
    return f"paragraph {start.number} {begins}, {start.word!r} wanted"
