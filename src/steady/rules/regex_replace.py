"""The rule `regex_replace`: a search and replace in RE2, with groups."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, NamedTuple

import re2
from msgspec import Meta

from steady.rules.partial import at_end
from steady.rules.patterns import FEWEST, WORK, compile_pattern, encode
from steady.rules.rule import Context, Match, Rule, Searching, Streams, Whole, Window, apply_edits
from steady.rules.width import Shape, shape
from steady.types import Edit, Piece

MAX_REPLACED = 10_000  # characters that one match may become
_GROUP = re.compile(r"\\(?:(\d{1,2})|g<(\w{1,60})>|(.))", re.DOTALL)
_ASCII_WORD = re.compile(r"[A-Za-z0-9_]|\\[wd]|\[[A-Za-z0-9_-]+\]")
_FLAGS = re.compile(r"\A\(\?[imsU]+\)")


class _Part(NamedTuple):
    text: str
    group: int  # -1: literal


def _template(written: str, pattern: "re2._Regexp[str]") -> tuple[_Part, ...]:
    """Read a replacement. Raises ValueError for a group that the pattern does not have."""
    out: list[_Part] = []
    at = 0
    for found in _GROUP.finditer(written):
        out.append(_Part(written[at : found.start()], -1))
        at = found.end()
        number, name, other = found.groups()
        if other is not None:
            if other not in "\\nt":
                raise ValueError(f"`replacement` holds {found[0]!r}; legal are \\0 to \\99, \\g<name>, \\n, \\t, \\\\.")
            out.append(_Part({"n": "\n", "t": "\t"}.get(other, other), -1))
            continue
        group = pattern.groupindex.get(name, 100) if name and not name.isdigit() else int(number or name)
        if group > pattern.groups:
            raise ValueError(f"`replacement` names the group {found[0]}, and `pattern` has {pattern.groups} groups.")
        out.append(_Part("", group))
    return tuple(part for part in [*out, _Part(written[at:], -1)] if part.text or part.group >= 0)


class _Rewriter(Searching):
    """See RegexReplace."""

    def __init__(self, rule: "RegexReplace") -> None:
        self._pattern = compile_pattern(rule.pattern)
        self._parts = _template(rule.replacement, self._pattern)
        self.reason = f"The text holds what {rule.pattern!r} matches; it is to become {rule.replacement!r}."
        known = shape(rule.pattern)
        self._bounded = known is not None and known.widest is not None
        self._begun = _beginning(rule.pattern)
        if known is None or known.widest is None:
            self.streams: Streams = Whole(f"pattern {rule.pattern!r} has no bounded width")
        elif not _apart(rule.pattern, self._parts, known):
            self.streams = Whole(f"{rule.replacement!r} may form what {rule.pattern!r} matches with what is beside it")
        else:
            self.streams = Window(max(known.widest, 1), 1)

    def find(self, text: str, start: int = 0) -> Iterator[Match]:
        """See Finder. What its own replacement would leave as it is does not count."""
        data = encode(text)
        at = len(encode(text[:start]))
        seen, characters = at, start
        left = len(data) if self._bounded else max(FEWEST, WORK // (len(data) + 1))
        while at <= len(data) and left and (hit := self._pattern.search(data, at)):
            first, end = hit.span()
            if first == end:
                at = end + 1
                continue
            low = characters + _count(data, seen, first)
            high = low + _count(data, first, end)
            seen, characters, left = first, low, left - 1
            replacement = self._replaced(hit, data, text, first, low)
            if replacement == text[low:high]:  # it is as it should be; go on one character behind, as a stream would
                at = first + len(encode(text[low : low + 1]))
                continue
            at = end
            yield Match(low, high, replacement)

    def _replaced(self, hit: Any, data: bytes, text: str, first: int, low: int) -> str | None:
        """What a match becomes; None where that is too long."""
        out = []
        for part in self._parts:
            if part.group < 0:
                out.append(part.text)
                continue
            begin, end = hit.span(part.group)
            if begin >= 0:
                left = low + _count(data, first, begin)
                out.append(text[left : left + _count(data, begin, end)])
        made = "".join(out)
        return made if len(made) <= MAX_REPLACED else None

    def open(self, text: str, start: int = 0) -> int:
        """See Finder."""
        wide = super().open(text, start)
        if self._begun is None or not isinstance(self.streams, Window):
            return wide
        base = max(0, wide - 1)
        data = encode(text[base:])
        hit = self._begun.search(data, len(encode(text[base:wide])))
        return max(wide, base + _count(data, 0, hit.start())) if hit else max(wide, len(text))

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        """Replace all; None where the result would match again."""
        edits = super().fix(piece, context)
        if not edits:
            return edits
        return None if any(True for _ in self.find(apply_edits(piece.text, edits))) else edits


def _count(data: bytes, start: int, end: int) -> int:
    part = data[start:end]
    return len(part) if part.isascii() else len(part.decode())


def _compiled(source: str) -> "re2._Regexp[str] | None":
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(source, options)
    except re2.error:
        return None


def _beginning(pattern: str) -> "re2._Regexp[str] | None":
    source = at_end(pattern)
    return None if source is None else _compiled(source)


def _holds(atom: str, chars: str) -> bool:
    """Whether the atom, under any flags, can be one of `chars`; if in doubt, yes."""
    compiled = [_compiled(flags + atom) for flags in ("", "(?s)", "(?i)", "(?is)")]
    return any(one is None or any(one.fullmatch(encode(char)) for char in chars) for one in compiled)


def _apart(pattern: str, parts: tuple[_Part, ...], known: Shape) -> bool:
    """
    Whether no text, once fixed, can match again, whatever stands beside a replacement.

    Shown in one of two ways; what neither shows is not claimed:

    - The pattern is whole words of ASCII (`\\b` at both ends, every character of it a word character) and the
      replacement is literal: a new match would be a word of the replacement, which `find` has looked at.
    - The replacement is literal, its first and last character can be in no match, and nothing in the pattern looks at
      what stands beside it.
    """
    if any(part.group >= 0 for part in parts):
        return False
    made = "".join(part.text for part in parts)
    compiled = _compiled(pattern)
    if compiled is None or compiled.search(encode(made)):
        return False
    body = _FLAGS.sub("", pattern)
    words = body.startswith("\\b") and body.endswith("\\b") and not body.endswith("\\\\b") and known.branches == 1
    if words and known.asserts == {"\\b"} and body.count("\\b") == 2:
        plain = all(_ASCII_WORD.fullmatch(atom) for atom in known.atoms)
        folds = "(?" in pattern and any(_holds(atom, "ks") for atom in known.atoms)
        if plain and not folds:
            return True
    outer = {made[:1], made[-1:]}
    sealed = made != "" and not any(char.isalnum() or char in "_\n" for char in outer)
    return sealed and not known.asserts and not any(_holds(atom, "".join(sorted(outer))) for atom in known.atoms)


class RegexReplace(Rule, frozen=True, kw_only=True, tag="regex_replace"):
    """
    A pattern and what each match of it becomes: the rule fails where a match is not yet so, and its fix rewrites it.

    A match that its replacement leaves as it is does not count: `colou?r` with `color` finds `colour` only. Where a
    fixed text would match again, there is no fix. It streams where the pattern's width is bounded and no replacement
    can form a match with what stands beside it, which is shown for literal replacements of whole words
    (`\\bcolour\\b`) and for those that begin and end with a character that is in no match.
    """

    example: ClassVar[Mapping[str, Any]] = {"pattern": r"\bcolour\b", "replacement": "color", "on_fail": "fix"}
    can_fix: ClassVar[bool] = True

    pattern: Annotated[str, Meta(min_length=1)]
    """An RE2 pattern (https://github.com/google/re2/wiki/Syntax); matches of no width do not count."""
    replacement: str
    """What a match becomes: `\\1` and `\\g<name>` are groups, `\\0` the match, `\\n`, `\\t` and `\\\\` as usual."""

    def build(self) -> _Rewriter:
        """See Rule."""
        return _Rewriter(self)

    def statement(self) -> str:
        """See Rule."""
        return f"Wherever {self.pattern} would match, write {self.replacement!r} instead."
