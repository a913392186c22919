"""
What a rule is: a line of YAML (`Rule`, frozen, its own schema), and what it compiles to (`Check`, live, pure).

A family module defines `class X(Rule, tag="x")` with documented fields and a `build()` that returns its check. A check
judges one `Piece` at a time. Three ways to stream, which decide whether a policy can stream live:

- `Whole()`: needs the whole text (a minimum length, JSON).
- `Prefix(hold)`: once it fails on a prefix it fails on every longer text; nothing is released before `hold` characters.
- `Growing()`: what is wrong shows as early as it can, some of it only at the end (a required key, a closing bracket).
  Lives in a stream only with `on_fail: exception`: what is released never holds the part that failed.
- `Window(width, right)`: it is a search for matches, each at most `width` characters long, that depend on nothing to
  their left but one character, and on at most `right` characters after the end. Such a check is a `Finder`.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

from msgspec import Meta, Struct

from steady.types import Action, Edit, Finding, Kind, Mode, Outside, Piece, Span, Surface

EVERYWHERE: tuple[Surface, ...] = ("answer", "tool_arguments", "reasoning")
ANSWER: tuple[Surface, ...] = ("answer",)


class Whole(NamedTuple):
    """Can judge only the whole text."""

    why: str = "it needs the whole text"


class Prefix(NamedTuple):
    """A prefix that fails never recovers. `hold`: characters needed before anything may be released."""

    hold: int = 0


class Window(NamedTuple):
    """A search whose matches are at most `width` characters and look at most `right` characters past their end."""

    width: int
    right: int = 1


class Growing(NamedTuple):
    """Some failures show on a prefix and never recover, others (`late`) only at the end. The check is a `Partial`."""

    late: str = ""  # what is known only at the end, as a phrase


Streams = Whole | Prefix | Window | Growing

Cost = Literal["low", "medium", "high", "outside"]
"""What judging 2 KB takes: below 0.1 ms, below 1 ms, more; `outside`: it waits for somebody else. Told in the docs."""


class Match(NamedTuple):
    """One thing found by a Finder: [start, end) and what a fix puts there (None: this match has no fix)."""

    start: int
    end: int
    replacement: str | None
    label: str = ""


class Context(Struct, frozen=True, kw_only=True):
    """What a rule may know besides the text that it judges."""

    messages: tuple[dict[str, Any], ...] = ()
    tools: tuple[dict[str, Any], ...] = ()  # the request's tools
    kind: Kind = "text"
    finish_reason: str = "stop"
    spelled: bool = False  # within a rule of rules: what searches reads JSON's escapes, what parses does not


Range = tuple[int, int | None]  # from, to, both included; None: no bound


class Constraint(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    What a rule asks of generation, where the provider takes it. The rule judges the result all the same.

    Each field is a necessary condition on the whole answer, so several rules' constraints hold together: they are
    merged field by field, and a field that can't be merged, or that the provider can't be told, is dropped and noted.
    """

    json_schema: dict[str, Any] | None = None
    choices: tuple[str, ...] = ()  # exactly one of these texts
    pattern: str = ""  # an RE2 pattern that the whole answer matches
    starts: str = ""  # the answer begins with this
    ends: str = ""  # the answer ends with this, and nothing after
    wrapped: tuple[str, str] | None = None  # it begins with the first and ends with the second: quotation marks
    letters: Literal["", "lower", "upper"] = ""  # no letter of the other case
    script: str = ""  # Unicode script of every letter: "Latin", "Cyrillic", "Devanagari", ...
    without: str = ""  # characters that don't occur: ","
    excludes: tuple[str, ...] = ()  # texts that don't occur, in any case, not within a word either
    avoids: tuple[str, ...] = ()  # words and phrases that don't occur as whole words, in any case
    contains: tuple[tuple[str, int], ...] = ()  # (text, at least how many times)
    characters: Range | None = None
    words: Range | None = None
    sentences: Range | None = None
    paragraphs: Range | None = None  # with `separator` between them
    separator: str = ""  # between paragraphs or parts: "\n\n", "***", "******"
    paragraph_starts: tuple[tuple[int, str], ...] = ()  # (which, from 1; the text that it begins with)
    bullets: Range | None = None  # lines that begin with "* " or "- "
    numbered: Range | None = None  # lines that begin with "1. ", ...
    sections: tuple[int, str] | None = None  # at least so many, each headed by this word and its number: "SECTION 1"
    highlights: int = 0  # at least so many *highlighted* parts
    placeholders: int = 0  # at least so many [placeholders]
    capitals: Range | None = None  # words all in capitals
    title: bool = False  # a <<title>> in double angle brackets
    postscript: str = ""  # "P.S." or "P.P.S": a line near the end that begins with it
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()


class Check(Protocol):
    """A compiled rule. Pure: bounded by size and steps, never by seconds; equal for equal arguments, anywhere."""

    streams: Streams

    def judge(self, piece: Piece, context: Context) -> Finding:
        """Say whether the text passes, with spans. Never raises for any text."""
        ...

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        """
        Return edits (ordered, not overlapping) that make a failing text pass, or None where no fix is defined for it.

        Deterministic and idempotent; () for a text that passes.
        """
        ...


@runtime_checkable
class Finder(Protocol):
    """A check that is a search, and so can stream. `judge` fails where `find` finds."""

    streams: Streams

    def find(self, text: str, start: int = 0) -> Iterator[Match]:
        """
        Yield the matches that begin at or after `start`, leftmost first, not overlapping.

        text[start - 1] is looked at as context, nothing before it. A match at s is the same in every text that agrees
        on text[s - 1 : s + width + right].
        """
        ...

    def open(self, text: str, start: int = 0) -> int:
        """
        Return where, in a text that goes on after `text`, a match may begin that `find(text, start)` does not give, or
        gives otherwise: the first such place at or after `start`, len(text) if there is none. Never too late.

        What stands before it is decided: a stream holds back only from here on.
        """
        ...


@runtime_checkable
class Partial(Protocol):
    """A check that can say of a beginning that no text that goes on from it can pass."""

    streams: Streams

    def doomed(self, text: str, context: Context) -> Finding | None:
        """Return what is wrong with every text that begins with `text`, or None while one may still pass."""
        ...


class Asked(Protocol):
    """A check that is not pure: its answer is recorded in the journal and read from there on replay."""

    streams: Streams

    def ask(self, piece: Piece, context: Context, outside: Outside) -> Awaitable[dict[str, Any]]:
        """
        Return {"passed": bool, "reason": str, "fix": str | None}; may hold "usage": {"prompt_tokens": ...} too.

        May raise; the rule then counts as failed, or as its `on_error` says.
        """
        ...


class Rule(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="rule",
    omit_defaults=True,
):
    """The fields that every rule takes."""

    default_on: ClassVar[tuple[Surface, ...]] = ANSWER
    pure: ClassVar[bool] = True
    cost: ClassVar[Cost] = "low"
    sensitive: ClassVar[bool] = (
        False  # what it matched is never shown, logged or kept: only kind, span and a keyed hash
    )
    can_fix: ClassVar[bool] = False
    example: ClassVar[
        Mapping[str, Any]
    ] = {}  # what a policy may write beside `rule:`; the docs show it, tests build it
    requires_text: ClassVar[bool] = False  # fails, rather than being not applicable, where the surface is absent
    nested: ClassVar[tuple[str, ...]] = ()  # the keys (as YAML has them) under which other rules stand: see compose.py

    id: str = ""
    """A name for this rule in verdicts and metrics; the rule's own name if not given."""
    on: tuple[Surface, ...] | None = None
    """The surfaces it looks at; each rule has a default."""
    on_fail: Action = "filter"
    """What happens to a candidate that fails."""
    mode: Mode = "enforce"
    """`shadow` computes the verdict and acts on nothing."""
    weight: Annotated[float, Meta(ge=0, le=1)] = 0.1
    """For `penalize`: how much a failing candidate loses of its score of 1."""
    function: str = ""
    """For `custom`: the name of a function that the operator allows in steady.yaml."""
    scope: Annotated[str, Meta(pattern="^(turn|conversation)$")] = "turn"
    """For `on: [input]`: what came after the last assistant answer, or the whole conversation."""
    roles: tuple[str, ...] | None = None
    """For `on: [input]`: the roles looked at; all but system and developer if not given."""

    @property
    def name(self) -> str:
        """The rule's word in YAML."""
        return str(self.__struct_config__.tag)

    @property
    def key(self) -> str:
        """The id under which verdicts and metrics know it."""
        return self.id or self.name

    def is_pure(self) -> bool:
        """Whether its verdict is computed again on replay; else it is read from the journal."""
        return self.pure

    @property
    def surfaces(self) -> tuple[Surface, ...]:
        """Where it looks."""
        return self.on if self.on is not None else self.default_on

    @classmethod
    def adopted(cls, item: dict[str, Any]) -> dict[str, Any]:
        """Return a policy's item with what it says in words of others put into ours. Raises ValueError."""
        return item

    def build(self) -> "Check | Asked":
        """Compile. Raises ValueError with one sentence (field first, in backquotes) for what can't be compiled."""
        raise ValueError(f"rule {self.name!r} can't be compiled")

    def constraint(self) -> Constraint | None:
        """Return what can be asked of generation so that this rule is met, or None."""
        return None

    def statement(self) -> str:
        """Return the rule in one plain sentence for a model that is asked again."""
        return ""


class RecordedRule(Rule, frozen=True, kw_only=True):
    """The further fields of rules whose answer comes from outside and is recorded."""

    pure: ClassVar[bool] = False
    cost: ClassVar[Cost] = "outside"

    timeout: Annotated[str, Meta(pattern=r"^\d+(\.\d+)?(ms|s|m)$")] = "10s"
    """How long an answer may take."""
    on_error: Literal["fail", "pass"] = "fail"
    """What counts where it can't be asked, raises or takes too long. `pass` lets the answer through, and says so."""

    @property
    def limit(self) -> float:
        """`timeout` in seconds."""
        unit = self.timeout.lstrip("0123456789.")
        return float(self.timeout.removesuffix(unit)) * {"ms": 0.001, "s": 1, "m": 60}[unit]


def searches(check: object) -> bool:
    """Whether a check fails a text for what it finds in it, and so has to see what JSON's escapes spell too."""
    return isinstance(check, Finder) or bool(getattr(check, "searches", False))


def found(matches: Sequence[Match], reason: str) -> Finding:
    """Return the finding of a search: failed with the matches' spans, or passed if there are none."""
    if not matches:
        return Finding(passed=True)
    return Finding(
        passed=False,
        reason=reason,
        spans=tuple(Span(m.start, m.end) for m in matches),
        label=",".join(sorted({m.label for m in matches if m.label})),
    )


def edits_of(matches: Sequence[Match]) -> tuple[Edit, ...] | None:
    """Return the edits that replace all `matches`, or None if one of them has no replacement."""
    if any(m.replacement is None for m in matches):
        return None
    return tuple(Edit(m.start, m.end, m.replacement or "") for m in matches)


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """Return `text` with ordered, non-overlapping `edits` applied."""
    out, at = [], 0
    for edit in edits:
        out += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*out, text[at:]])


class Searching(ABC):
    """A check that only searches: subclasses give `find`, `reason` and `streams`."""

    streams: Streams = Whole()
    reason: str = ""

    @abstractmethod
    def find(self, text: str, start: int = 0) -> Iterator[Match]:
        """See Finder."""

    def open(self, text: str, start: int = 0) -> int:
        """See Finder. Here by width alone; a search that can tell what may still become a match says more."""
        if not isinstance(self.streams, Window):
            return start
        return max(start, len(text) - (self.streams.width + self.streams.right) + 1)

    def judge(self, piece: Piece, context: Context) -> Finding:
        """Fail where something is found."""
        return found(list(self.find(piece.text)), self.reason)

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        """Replace everything that is found."""
        return edits_of(list(self.find(piece.text)))


Named = Mapping[str, type[Rule]]
