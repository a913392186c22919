"""
Fixes that contradict each other: two on one span, or one that undoes another. An error verdict, never a silent winner.

Both rules count as failed, so what becomes of the candidate is what their `on_fail` says.
"""

from collections.abc import Mapping, Sequence

from msgspec import structs

from steady.pipeline.body import Body
from steady.pipeline.fixing import Group
from steady.pipeline.judge import Result
from steady.pipeline.pieces import Path
from steady.policy.resolved import Bound
from steady.types import Edit, Finding

Edits = Mapping[tuple[str, Path], tuple[Edit, ...]]  # by rule key and path


class Conflict(Exception):
    """The fixes of `rules` to the text at `path` can't all be made. Caught where fixes are applied."""

    def __init__(self, rules: Sequence[str], path: Path, why: str) -> None:
        super().__init__(why)
        self.rules, self.path = tuple(rules), path


def refuse_clash(merged: Sequence[Group], rules: Sequence[Bound], path: Path) -> None:
    """Raise Conflict if overlapping matches of one text have replacements that can't be merged."""
    bad = sorted({rule for group in merged for rule in group.clash})
    if bad:
        named = [rules[i].rule.key for i in bad]
        raise Conflict(named, path, f"the fixes of {_listed(named)} differ where they overlap, so none was made")


class Trail:
    """The texts that fixes made of one body, place by place."""

    def __init__(self, rules: Sequence[Bound]) -> None:
        self._rules = {bound.rule.key: bound.rule for bound in rules}
        self._left: dict[Path, list[tuple[str, tuple[str, ...]]]] = {}  # a text, and the rules that changed it

    def step(self, old: Body, new: Body, edits: Edits) -> None:
        """Take note of one change. Raises Conflict if it brings back a text that was there before."""
        for path in dict.fromkeys(path for _, path in edits):
            rules = tuple(sorted(rule for rule, changed in edits if changed == path))
            before, after = self._text(old, path, rules[0]), self._text(new, path, rules[0])
            if before is None or after is None or before == after:
                continue
            left = self._left.setdefault(path, [])
            left.append((before, rules))
            back = next((i for i, (text, _) in enumerate(left) if text == after), None)
            if back is not None:
                named = sorted({rule for _, some in left[back:] for rule in some})
                raise Conflict(named, path, f"the fixes of {_listed(named)} undo what was fixed, so none was made")

    def _text(self, body: Body, path: Path, key: str) -> str | None:
        return next((piece.text for piece in body.pieces(self._rules[key]) if piece.path == path), None)


def _listed(rules: Sequence[str]) -> str:
    return f"{'rules' if len(rules) > 1 else 'rule'} {' and '.join(map(repr, rules))}"


def with_conflict(results: Sequence[Result], conflict: Conflict) -> list[Result]:
    """Return the results with the rules in conflict failed where they met, and why."""
    why = str(conflict)
    return [
        r._replace(finding=_failed(r.finding, why), error=why)
        if r.bound.rule.key in conflict.rules and r.piece is not None and r.piece.path == conflict.path
        else r
        for r in results
    ]


def _failed(finding: Finding | None, why: str) -> Finding:
    return structs.replace(finding or Finding(passed=False), passed=False, reason=why)
