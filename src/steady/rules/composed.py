"""
What the rules of `compose.py` compile to: a tree whose leaves are the checks of other rules.

A leaf is pure, or it is asked outside. `weigh` is pure either way: it takes the answers that are known, and where one
more is needed it says which (`Need`); whoever can ask does, and weighs again. So the same few lines serve a rule that
is computed again on replay and one whose answers stand in the journal.

A leaf that could not judge is never turned into its opposite. Under `not`, and as a condition, its `on_error` stands
for the whole rule.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from msgspec import structs

from steady.rules.escapes import unescaped
from steady.rules.rule import (
    Asked,
    Check,
    Context,
    Rule,
    Streams,
    Whole,
    apply_edits,
    searches,
)
from steady.types import Edit, Finding, Piece, Span, Surface

REASON = 600  # characters of a reason that is put together


class Answer(NamedTuple):
    """What a leaf that is asked outside said of one text."""

    passed: bool
    reason: str = ""
    fix: str | None = None
    error: str = ""  # it could not judge; `passed` is then what its `on_error` says


Answers = Mapping[tuple[str, str], Answer]  # (place of the leaf, text) -> its answer
NONE: Answers = {}


class Told(NamedTuple):
    """What a rule of rules says of a text."""

    passed: bool
    reason: str = ""
    spans: tuple[Span, ...] = ()
    label: str = ""
    error: str = ""  # of the leaves that could not judge
    unsure: bool = False  # the verdict rests on such a leaf

    @property
    def finding(self) -> Finding:
        """The same as a Finding."""
        return Finding(passed=self.passed, reason=self.reason, spans=self.spans, label=self.label)


class Need(NamedTuple):
    """The answer of this leaf about this text decides."""

    place: str
    rule: Rule
    check: Asked
    piece: Piece


class Node:
    """A part of the tree."""

    pure = True
    surfaces: tuple[Surface, ...] = ()  # where it looks

    def weigh(self, piece: Piece, context: Context, answers: Answers) -> Told | Need:
        """Say whether the text passes, or which answer that needs."""
        raise NotImplementedError

    def mend(self, piece: Piece, context: Context, answers: Answers) -> tuple[Edit, ...] | None:
        """Return edits that make a failing text pass, as far as the answers tell; None where there are none."""
        return None

    def leaves(self) -> "Iterator[Leaf]":
        """Yield every leaf, in the order of the policy."""
        raise NotImplementedError


class Leaf(Node):
    """A rule that holds no other."""

    def __init__(self, rule: Rule, check: Check | Asked, place: str, surfaces: tuple[Surface, ...]) -> None:
        self.rule, self.check, self.place, self.surfaces = rule, check, place, surfaces
        self.pure = rule.is_pure()

    def weigh(self, piece: Piece, context: Context, answers: Answers) -> Told | Need:
        """See Node. What a pure check raises is its caller's affair: the whole rule then could not judge."""
        if self.pure:
            if context.spelled and _seeks(self.check):
                piece = piece._replace(text=unescaped(piece.text))
            found = self.check.judge(piece, context)  # type: ignore[union-attr]
            return Told(found.passed, found.reason, found.spans, found.label)
        answer = answers.get((self.place, piece.text))
        if answer is None:
            return Need(self.place, self.rule, self.check, piece)  # type: ignore[arg-type]
        return Told(answer.passed, answer.reason, error=answer.error, unsure=bool(answer.error))

    def mend(self, piece: Piece, context: Context, answers: Answers) -> tuple[Edit, ...] | None:
        """See Node."""
        if self.pure:
            return self.check.fix(piece, context)  # type: ignore[union-attr]
        answer = answers.get((self.place, piece.text))
        fix = answer.fix if answer else None
        return None if fix is None else (Edit(0, len(piece.text), fix, invented=True),)

    def leaves(self) -> "Iterator[Leaf]":
        """See Node."""
        yield self


class Several(Node):
    """`all` and `any`. Pure parts are weighed first: they may decide, and then nobody is asked."""

    def __init__(self, parts: Sequence[Node], *, every: bool) -> None:
        self.parts, self._every = tuple(parts), every
        self.pure = all(part.pure for part in parts)
        self._order = sorted(range(len(parts)), key=lambda i: not parts[i].pure)
        self.surfaces = _union(self.parts)

    def _told(self, piece: Piece, context: Context, answers: Answers) -> dict[int, Told] | Need:
        """Return what the parts said, as far as was needed; all pure ones under `all`, so that one reason names all."""
        told: dict[int, Told] = {}
        for i in self._order:
            part = self.parts[i]
            if piece.surface not in part.surfaces:
                continue
            if not part.pure and any(one.passed is not self._every for one in told.values()):
                break
            said = part.weigh(piece, context, answers)
            if isinstance(said, Need):
                return said
            told[i] = said
            if said.passed and not self._every:
                break
        return dict(sorted(told.items()))

    def weigh(self, piece: Piece, context: Context, answers: Answers) -> Told | Need:
        """See Node."""
        told = self._told(piece, context, answers)
        if isinstance(told, Need):
            return told
        return all_of(list(told.values())) if self._every else _any(list(told.values()))

    def mend(self, piece: Piece, context: Context, answers: Answers) -> tuple[Edit, ...] | None:
        """See Node. `all`: what each failing part would do; `any`: what the first does that can be met."""
        told = self._told(piece, context, answers)
        if isinstance(told, Need):
            return None
        failing = [self.parts[i] for i, one in told.items() if not one.passed]
        if self._every:
            return _mended(failing, piece, context, answers)
        for part in failing:
            made = part.mend(piece, context, answers)
            if made and _passes(part, piece, made, context):
                return made
        return None

    def leaves(self) -> Iterator[Leaf]:
        """See Node."""
        for part in self.parts:
            yield from part.leaves()


class Negated(Node):
    """`not`."""

    def __init__(self, part: Node, reason: str) -> None:
        self._part, self._reason = part, reason
        self.pure, self.surfaces = part.pure, part.surfaces

    def weigh(self, piece: Piece, context: Context, answers: Answers) -> Told | Need:
        """See Node."""
        said = self._part.weigh(piece, context, answers)
        if isinstance(said, Need) or said.unsure:
            return said
        if said.passed:
            return Told(False, self._reason, error=said.error)
        return Told(True, error=said.error)

    def leaves(self) -> Iterator[Leaf]:
        """See Node."""
        yield from self._part.leaves()


class Conditional(Node):
    """`when`."""

    def __init__(self, condition: Node, then: Node, other: Node | None, *, of_input: bool) -> None:
        self._condition, self._then, self._other, self._of_input = condition, then, other, of_input
        parts = [condition, then, *([other] if other else [])]
        self.pure = all(part.pure for part in parts)
        self.surfaces = _union(parts[1:])

    def _branch(self, piece: Piece, context: Context, answers: Answers) -> Node | Told | Need:
        judged, around = piece, context
        if self._of_input:  # no parser reads that
            judged, around = Piece("input", (), input_text(context)), structs.replace(context, spelled=False)
        said = self._condition.weigh(judged, around, answers)
        if isinstance(said, Need) or said.unsure:
            return said
        branch = self._then if said.passed else self._other
        if branch is None or piece.surface not in branch.surfaces:
            return Told(True, "not asked for here: the condition does not hold" if branch is None else "")
        return branch

    def weigh(self, piece: Piece, context: Context, answers: Answers) -> Told | Need:
        """See Node."""
        branch = self._branch(piece, context, answers)
        return branch.weigh(piece, context, answers) if isinstance(branch, Node) else branch

    def mend(self, piece: Piece, context: Context, answers: Answers) -> tuple[Edit, ...] | None:
        """See Node. What the branch that holds would do."""
        branch = self._branch(piece, context, answers)
        return branch.mend(piece, context, answers) if isinstance(branch, Node) else None

    def leaves(self) -> Iterator[Leaf]:
        """See Node."""
        for part in (self._condition, self._then, self._other):
            if part is not None:
                yield from part.leaves()


class Tree:
    """The check of a rule of rules. Pure ones are judged like any other; the rest are weighed by the pipeline."""

    def __init__(self, root: Node) -> None:
        self.streams: Streams = Whole("rules within a rule are weighed together, over the whole text")
        self.root = root
        self.searches = any(_seeks(leaf.check) for leaf in root.leaves())

    def weigh(self, piece: Piece, context: Context, answers: Answers) -> Told | Need:
        """Say whether the text passes, or which answer that needs."""
        return self.root.weigh(piece, context, answers)

    def mend(self, piece: Piece, context: Context, answers: Answers) -> tuple[Edit, ...] | None:
        """Return edits that make a failing text pass, or None."""
        return self.root.mend(piece, context, answers)

    def warm(self) -> None:
        """Load what leaves of others would load on their first question. Raises RuleError."""
        for leaf in self.root.leaves():
            load = getattr(leaf.check, "warm", None)
            if load is not None:
                load()


class PureTree(Tree):
    """A tree that asks nobody."""

    def judge(self, piece: Piece, context: Context) -> Finding:
        """See Check."""
        said = self.root.weigh(piece, context, NONE)
        if isinstance(said, Need):
            raise TypeError(f"{said.place} asks outside")
        return said.finding

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        """See Check."""
        return () if self.judge(piece, context).passed else self.root.mend(piece, context, NONE)


def leaves_of(rule: Rule, check: Check | Asked) -> list[tuple[Rule, Check | Asked]]:
    """Return the rules without rules inside and their checks; of any other rule itself alone."""
    return [(leaf.rule, leaf.check) for leaf in check.root.leaves()] if isinstance(check, Tree) else [(rule, check)]


def input_text(context: Context) -> str:
    """Return what was asked: the texts that came after the last assistant answer, but for system messages."""
    texts: list[str] = []
    for message in reversed(context.messages):
        role = message.get("role")
        if role == "assistant" and not message.get("tool_calls") and texts:
            break
        if role in {"system", "developer", "assistant"}:
            continue
        content = message.get("content")
        parts = content if isinstance(content, list) else [{"text": content}]
        said = [p["text"] for p in parts if isinstance(p, dict) and isinstance(p.get("text"), str)]
        texts += reversed(said)
    return "\n".join(reversed(texts))


def _seeks(check: Check | Asked) -> bool:
    """Whether a check looks for a text, be it wanted or not: under `not` the one is the other."""
    return searches(check) or bool(getattr(check, "seeks", False))


def _union(parts: Sequence[Node]) -> tuple[Surface, ...]:
    return tuple(dict.fromkeys(surface for part in parts for surface in part.surfaces))


def told(finding: Finding) -> Told:
    """Return a finding as what a rule of rules says."""
    return Told(finding.passed, finding.reason, finding.spans, finding.label)


def all_of(told: Sequence[Told]) -> Told:
    """Return what `all` says of what its parts said."""
    failing = [one for one in told if not one.passed]
    error = "; ".join(dict.fromkeys(one.error for one in told if one.error))
    if not failing:
        return Told(True, _joined(told, " "), error=error, unsure=any(one.unsure for one in told))
    return Told(
        False,
        _joined(failing, " "),
        _spans(failing),
        _labels(failing),
        error,
        all(one.unsure for one in failing),
    )


def _any(told: Sequence[Told]) -> Told:
    error = "; ".join(dict.fromkeys(one.error for one in told if one.error))
    passing = [one for one in told if one.passed]
    if passing or not told:
        return Told(True, _joined(passing, " "), error=error, unsure=bool(told) and all(one.unsure for one in passing))
    reason = f"None of {len(told)} holds: {_joined(told, ' ')}" if len(told) > 1 else told[0].reason
    return Told(False, reason[:REASON], _spans(told), _labels(told), error, any(one.unsure for one in told))


def _joined(told: Sequence[Told], by: str) -> str:
    return by.join(dict.fromkeys(one.reason for one in told if one.reason))[:REASON]


def _spans(told: Sequence[Told]) -> tuple[Span, ...]:
    return tuple(sorted({span for one in told for span in one.spans}))


def _labels(told: Sequence[Told]) -> str:
    return ",".join(sorted({label for one in told for label in one.label.split(",") if label}))


def _passes(part: Node, piece: Piece, edits: Sequence[Edit], context: Context) -> bool:
    """Whether edits help; of a leaf that is asked outside that is known only when it is asked again."""
    if not part.pure:
        return True
    said = part.weigh(piece._replace(text=apply_edits(piece.text, edits)), context, NONE)
    return isinstance(said, Told) and said.passed


def _mended(failing: Sequence[Node], piece: Piece, context: Context, answers: Answers) -> tuple[Edit, ...] | None:
    """Return the edits of all failing parts: side by side where they don't touch, else one part after the other."""
    each = [part.mend(piece, context, answers) for part in failing]
    if any(made is None for made in each):
        return None
    edits = sorted(edit for made in each for edit in made or ())
    if all(one.end < two.start for one, two in pairwise(edits)) or len(failing) == 1:
        return tuple(edits)
    text = piece.text
    for part in failing:
        made = part.mend(piece._replace(text=text), context, answers)
        if made is None:
            return None
        text = apply_edits(text, made)
    return _difference(piece.text, text, invented=any(edit.invented for edit in edits))


def _difference(old: str, new: str, *, invented: bool) -> tuple[Edit, ...]:
    """Return the one edit that makes `new` of `old`: all between what they begin and end with alike."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return (Edit(start, len(old) - end, new[start : len(new) - end], invented),) if old != new else ()
