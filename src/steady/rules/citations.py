"""The rule `citations`: every source that an answer cites is one that it was given."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from steady.rules.json_text import shown
from steady.rules.patterns import Search, compile_pattern, encode
from steady.rules.rule import ANSWER, Context, Rule, Streams, Whole
from steady.rules.sources import texts_of
from steady.types import Edit, Finding, Piece, Span, Surface

MAX_IDS = 20_000  # ids that one text may cite or the context may hold
# [1], [doc-3], [^2], [1, 4-6], 【3†source】: no link [text](...), no check box, and each id has a digit
_BRACKETS = re.compile(r"(?<!\w)(?:\[\^?([^\[\]()\n]{1,80})\](?!\(|:\s)|【([^【】\n]{1,80})】)")
_ONE = re.compile(r"[A-Za-z_.:#/-]{0,40}\d[\w.:#/-]{0,40}")
_RANGE = re.compile(r"(\d{1,4})\s*[-–]\s*(\d{1,4})")
_KEYED = re.compile(
    r"(?i)[\"']?\b(?:id|ref|doc_?id|document_?id|source_?id|chunk_?id|citation)[\"']?\s{0,4}[:=]\s{0,4}"
    r"[\"']?([A-Za-z0-9][\w.:#/-]{0,79})"
)


def _ids(inside: str) -> list[str]:
    """The ids between two brackets, or none where something else stands there."""
    out: list[str] = []
    for part in re.split(r"[,;]", inside.split("†")[0]):
        one = part.strip().lstrip("^")
        span = _RANGE.fullmatch(one)
        if span and int(span[1]) <= int(span[2]) < int(span[1]) + 100:
            out += map(str, range(int(span[1]), int(span[2]) + 1))
        elif _ONE.fullmatch(one):
            out.append(one)
        else:
            return []
    return out


class Citations(Rule, frozen=True, kw_only=True, tag="citations"):
    """
    Every id that the answer cites is one of the sources that it was given.

    A citation is an id with a digit in brackets (`[1]`, `[doc-3]`, `[^2]`, `[1, 4-6]`, `【3†source】`), or what
    your own pattern finds. The sources are the ids of the policy, and those that stand in messages of the roles in
    `from_roles`, in such brackets or as `id: ...`, `"id": "..."`, `doc_id=...`. Whether a source says what it is cited
    for is not judged: see `grounded`. There is no fix: without its source a sentence is another one.
    """

    example: ClassVar[Mapping[str, Any]] = {"require": 1, "on_fail": "reask"}
    default_on: ClassVar[tuple[Surface, ...]] = ANSWER

    ids: tuple[str, ...] = ()
    """Ids that may be cited besides those of the messages."""
    from_roles: tuple[str, ...] = ("tool",)
    """The roles of the messages that hold the sources; a `tool` message's own tool_call_id counts too."""
    pattern: str = ""
    """An RE2 pattern with one group, the id, in place of brackets: `\\(source: (\\w+)\\)`."""
    require: Annotated[int, Meta(ge=0, le=1000)] = 0
    """How many different sources must be cited at least."""
    case: bool = False
    """Whether case counts in ids."""

    def build(self) -> "_Citations":
        """See Rule."""
        if not self.ids and not self.from_roles:
            raise ValueError("`from_roles` is empty, and so is `ids`: nothing could be cited.")
        if self.pattern and compile_pattern(self.pattern).groups != 1:
            raise ValueError("`pattern` must have just one group, the id; write others as (?:...).")
        if not self.from_roles and self.require > len(set(self.ids)):
            raise ValueError(f"`require` asks for {self.require} sources, and `ids` holds {len(set(self.ids))}.")
        return _Citations(self)

    def statement(self) -> str:
        """See Rule."""
        known = f" ({', '.join(self.ids[:30])})" if self.ids else ""
        least = f" Cite at least {self.require}." if self.require else ""
        return f"Cite only sources that you were given{known}, by their ids in brackets.{least}"


class _Citations:
    streams: Streams = Whole("how many sources are cited shows at the end")

    def __init__(self, rule: Citations) -> None:
        self._rule = rule
        self._own = compile_pattern(rule.pattern) if rule.pattern else None

    def judge(self, piece: Piece, context: Context) -> Finding:
        cited = list(self._cited(piece.text))
        known = set(map(self._same, self._rule.ids)) | self._given(context)
        unknown = [(name, span) for name, span in cited if self._same(name) not in known]
        if unknown:
            names = ", ".join(shown(repr(name), 60) for name in list(dict.fromkeys(name for name, _ in unknown))[:10])
            legal = ", ".join(shown(name, 60) for name in sorted(known)[:10]) or "none was given"
            spans = tuple(dict.fromkeys(span for _, span in unknown))
            return Finding(passed=False, reason=f"No source has the id {names}. Sources: {legal}.", spans=spans)
        different = len({self._same(name) for name, _ in cited})
        if different < self._rule.require:
            reason = f"The answer cites {different} sources, and at least {self._rule.require} are wanted."
            return Finding(passed=False, reason=reason)
        return Finding(passed=True)

    def _same(self, name: str) -> str:
        return name if self._rule.case else name.casefold()

    def _cited(self, text: str) -> Iterator[tuple[str, Span]]:
        left = MAX_IDS
        if self._own is not None:
            for span in Search(self._own, bounded=False).spans(text):
                found = self._own.search(encode(text[span.start : span.end]))
                name = found.group(1) if found else None
                if name:
                    yield (name.decode() if isinstance(name, bytes) else name), span
            return
        for found in _BRACKETS.finditer(text):
            for name in _ids(found[1] or found[2]):
                yield name, Span(*found.span())
                left -= 1
            if left <= 0:
                return

    def _given(self, context: Context) -> set[str]:
        out: set[str] = set()
        for message in context.messages if "tool" in self._rule.from_roles else ():
            if isinstance(message, dict) and isinstance(message.get("tool_call_id"), str):
                out.add(self._same(message["tool_call_id"]))
        for _, text in texts_of(context.messages, self._rule.from_roles):
            out |= {self._same(name) for name, _ in self._cited(text)}
            out |= {self._same(found[1]) for found in _KEYED.finditer(text)}
            if len(out) > MAX_IDS:
                break
        return out

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        return () if self.judge(piece, context).passed else None
