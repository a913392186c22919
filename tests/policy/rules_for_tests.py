"""Two handfuls of small rules, so that loading is tested apart from the catalogue."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from msgspec import Meta, Struct

from steady.rules.rule import (
    EVERYWHERE,
    Context,
    Finding,
    Match,
    Named,
    Prefix,
    Rule,
    Searching,
    Streams,
    Whole,
    Window,
)
from steady.types import Edit, Piece, Surface


class Bounds(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    min: Annotated[int, Meta(ge=0)] | None = None
    max: Annotated[int, Meta(ge=0)] | None = None


class _Judge:
    def __init__(self, streams: Streams, wrong: Any) -> None:
        self.streams = streams
        self.wrong = wrong

    def judge(self, piece: Piece, context: Context) -> Finding:
        bad = self.wrong(piece.text)
        return Finding(passed=not bad, reason="no" if bad else "")

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        return None


class Length(Rule, frozen=True, kw_only=True, tag="length"):
    characters: Bounds | None = None
    words: Bounds | None = None

    def build(self) -> Any:
        high = self.characters.max if self.characters else None
        streams: Streams = (
            Prefix(0) if high is not None and self.words is None else Whole("a length is known at the end")
        )
        return _Judge(streams, lambda text: high is not None and len(text) > high)


class _Terms(Searching):
    def __init__(self, terms: tuple[str, ...], replacement: str | None) -> None:
        self.terms, self.replacement = terms, replacement
        self.streams = Window(max(map(len, terms)), 0)
        self.reason = "holds an excluded term"

    def find(self, text: str, start: int = 0) -> Iterator[Match]:
        for term in self.terms:
            at = text.lower().find(term.lower(), start)
            if at >= 0:
                yield Match(at, at + len(term), self.replacement)


class Excludes(Rule, frozen=True, kw_only=True, tag="excludes"):
    default_on: ClassVar[tuple[Surface, ...]] = EVERYWHERE
    can_fix: ClassVar[bool] = True
    terms: tuple[str, ...]
    replace: str | None = "[...]"

    def build(self) -> Any:
        if not self.terms:
            raise ValueError("`terms` is empty")
        return _Terms(self.terms, self.replace)


class Contains(Rule, frozen=True, kw_only=True, tag="contains"):
    all: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    none: tuple[str, ...] = ()

    def build(self) -> Any:
        def wrong(text: str) -> bool:
            held = [term for term in self.any if term in text]
            return (bool(self.any) and not held) or bool(
                [term for term in self.all if term not in text] + [term for term in self.none if term in text]
            )

        return _Judge(Whole(), wrong)


class EndsWith(Rule, frozen=True, kw_only=True, tag="ends_with"):
    text: str

    def build(self) -> Any:
        return _Judge(Whole("the end comes last"), lambda text: not text.endswith(self.text))


class StartsWith(Rule, frozen=True, kw_only=True, tag="starts_with"):
    can_fix: ClassVar[bool] = True
    text: str

    def build(self) -> Any:
        return _Judge(Prefix(len(self.text)), lambda text: not text.startswith(self.text))


class Blind(Rule, frozen=True, kw_only=True, tag="blind"):
    """Says that it is a search, and can't say where its matches are."""

    def build(self) -> Any:
        return _Judge(Window(3, 1), lambda text: False)


SMALL: Named = {
    "blind": Blind,
    "length": Length,
    "excludes": Excludes,
    "contains": Contains,
    "ends_with": EndsWith,
    "starts_with": StartsWith,
}
