"""
Rules made of rules: `all`, `any`, `not` and `when`.

The rules inside say only what they check. What happens when the whole fails (`on_fail`, `mode`, `id`, `on`, ...) is
said once, outside. They may be nested 8 deep, and 100 may stand in one rule.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Literal

import msgspec

from steady.rules.composed import (
    Conditional,
    Leaf,
    Negated,
    Node,
    PureTree,
    Several,
    Tree,
)
from steady.rules.rule import EVERYWHERE, Asked, Check, Constraint, Cost, Finder, Rule
from steady.rules.searches import Searches
from steady.types import Surface

MAX_DEPTH = 8
MAX_RULES = 100
_COSTS: tuple[Cost, ...] = ("low", "medium", "high", "outside")
_SURFACES: tuple[Surface, ...] = (*EVERYWHERE, "input")
Item = dict[str, Any]


@lru_cache(maxsize=256)
def outer_only(type_: type[Rule]) -> frozenset[str]:
    """Return the keys that every rule takes and a rule within another doesn't: they say what happens to the whole."""
    mine = [cls for cls in type_.__mro__ if cls is not Rule and issubclass(cls, Rule)]
    return frozenset(Rule.__struct_fields__) - {name for cls in mine for name in cls.__annotations__}


class Compound(Rule, frozen=True, kw_only=True, dict=True):
    """What rules that hold others have in common. `dict` lets what is derived from the fields be kept."""

    def places(self) -> Iterator[tuple[str, Item]]:
        """Yield the rules inside as they were written, each with its place (`of[0]`, `then`)."""
        for key, name in zip(self.__struct_encode_fields__, self.__struct_fields__, strict=True):
            value = getattr(self, name) if key in self.nested else None
            if isinstance(value, Mapping):
                yield key, dict(value)
            elif value is not None:
                yield from ((f"{key}[{i}]", dict(item)) for i, item in enumerate(value))

    @cached_property
    def parts(self) -> dict[str, Rule]:
        """The rules inside by their place. Raises ValueError for what is no rule there."""
        return {place: _part(item, place) for place, item in self.places()}

    @cached_property
    def can_fix(self) -> bool:  # type: ignore[override]
        """Whether a fix may be there; see each rule."""
        return False

    @cached_property
    def cost(self) -> Cost:  # type: ignore[override]
        """That of the dearest rule inside."""
        return max((part.cost for part in self.parts.values()), key=_COSTS.index)

    @cached_property
    def sensitive(self) -> bool:  # type: ignore[override]
        """Whether any rule inside is."""
        return any(part.sensitive for part in self.parts.values())

    @cached_property
    def default_on(self) -> tuple[Surface, ...]:  # type: ignore[override]
        """Wherever a rule inside looks by default."""
        looked = {surface for part in self.parts.values() for surface in part.default_on}
        return tuple(surface for surface in _SURFACES if surface in looked)

    @cached_property
    def _pure(self) -> bool:
        return all(part.is_pure() for part in self.parts.values())

    def is_pure(self) -> bool:
        """Pure if all rules inside are."""
        return self._pure

    def build(self) -> "Check | Asked":
        """See Rule. Raises ValueError for what is nested too deep, or is no rule."""
        if (deep := depth_of(self)) > MAX_DEPTH:
            raise ValueError(f"`{self.nested[0]}` nests rules {deep} deep; at most {MAX_DEPTH} may be.")
        if (many := size_of(self)) > MAX_RULES:
            raise ValueError(f"`{self.nested[0]}` holds {many} rules; at most {MAX_RULES} may stand in one.")
        node = self.node("", self.on)
        if (search := self._search(node)) is not None:
            return search
        return PureTree(node) if node.pure else Tree(node)  # type: ignore[return-value]

    def node(self, place: str, on: tuple[Surface, ...] | None) -> Node:
        """Return the tree of this rule. `on`: the surfaces that the outermost names."""
        raise NotImplementedError

    def _search(self, node: Node) -> Searches | None:
        return None

    def _nodes(self, place: str, on: tuple[Surface, ...] | None) -> dict[str, Node]:
        return {key: _node(part, f"{place}.{key}" if place else key, on) for key, part in self.parts.items()}


def _part(item: Item, place: str) -> Rule:
    from steady.rules.catalog import RULES  # the catalogue holds these rules too

    type_ = RULES.get(str(item.get("rule")))
    if type_ is None:
        raise ValueError(f"`{place}` names no rule: {str(item.get('rule'))[:60]!r}.")
    wrong = sorted(outer_only(type_) & set(item))
    if wrong:
        raise ValueError(f"`{place}` has `{wrong[0]}`, which is said once, of the rule around it.")
    try:
        return msgspec.convert(item, type_)
    except msgspec.ValidationError as error:
        raise ValueError(f"`{place}`: {error}") from None


def _node(rule: Rule, place: str, on: tuple[Surface, ...] | None) -> Node:
    if isinstance(rule, Compound):
        return rule.node(place, on)
    try:
        return Leaf(rule, rule.build(), place, on if on is not None else rule.default_on)
    except ValueError as error:
        raise ValueError(f"`{place}`: {error}") from None


def depth_of(rule: Rule) -> int:
    """Return how deep rules stand in this one: 0 if it holds none."""
    waiting, deepest = [(rule, 0)], 0
    while waiting:
        at, depth = waiting.pop()
        deepest = max(deepest, depth)
        if isinstance(at, Compound) and depth <= MAX_DEPTH:
            waiting += [(part, depth + 1) for part in at.parts.values()]
    return deepest


def size_of(rule: Rule) -> int:
    """Return how many rules stand in this one, at any depth."""
    waiting, count = [rule], -1
    while waiting:
        at = waiting.pop()
        count += 1
        if isinstance(at, Compound):
            waiting += at.parts.values()
    return count


def inside(rule: Rule, place: str = "") -> Iterator[tuple[str, Rule]]:
    """Yield every rule within a rule, at any depth, with its place (`of[0].then`)."""
    for key, part in rule.parts.items() if isinstance(rule, Compound) else ():
        at = f"{place}.{key}" if place else key
        yield at, part
        yield from inside(part, at)


def mendable(rule: Rule) -> bool:
    """Whether a fix of this rule is there: some need to be told what to put in the place of what they find."""
    return bool(rule.can_fix) and getattr(rule, "replace", "") is not None


def _clause(rule: Rule) -> str:
    said = rule.statement().rstrip()
    return said.removesuffix(".") or f"It must pass the check {rule.name}"


class All(Compound, frozen=True, kw_only=True, tag="all"):
    """
    All of several rules hold, as one rule with one verdict.

    A fix does what each failing rule's own fix does; it needs all of them to have one. Rules that are searches are one
    search together, so that such a rule can stream.
    """

    example: ClassVar[Mapping[str, Any]] = {
        "of": [{"rule": "contains", "all": ["Sources:"]}, {"rule": "length", "words": {"max": 200}}]
    }
    nested: ClassVar[tuple[str, ...]] = ("of",)

    of: tuple[Item, ...]
    """The rules, each as in a policy but without `on_fail` and the other keys that every rule takes."""

    @cached_property
    def can_fix(self) -> bool:  # type: ignore[override]
        """If every rule inside can."""
        return all(mendable(part) for part in self.parts.values())

    @cached_property
    def requires_text(self) -> bool:  # type: ignore[override]
        """If a rule inside does."""
        return any(part.requires_text for part in self.parts.values())

    def node(self, place: str, on: tuple[Surface, ...] | None) -> Node:
        """See Compound."""
        return Several(_some(self._nodes(place, on)), every=True)

    def _search(self, node: Node) -> Searches | None:
        """A search, where all parts are searches that look at the same surfaces."""
        leaves = [part for part in node.parts if isinstance(part, Leaf)] if isinstance(node, Several) else []
        finders = [leaf.check for leaf in leaves if leaf.pure and isinstance(leaf.check, Finder)]
        alike = len({leaf.surfaces for leaf in leaves}) == 1
        return Searches(finders) if alike and len(finders) == len(self.parts) else None

    def constraint(self) -> Constraint | None:
        """What the rules inside ask for, as far as no two ask for it."""
        asked: dict[str, list[Any]] = {}
        none = Constraint()
        for part in self.parts.values():
            one = part.constraint()
            for name in Constraint.__struct_fields__ if one is not None else ():
                if (value := getattr(one, name)) != getattr(none, name):
                    asked.setdefault(name, []).append(value)
        merged = {name: values[0] for name, values in asked.items() if len(values) == 1}
        return Constraint(**merged) if merged else None

    def statement(self) -> str:
        """See Rule."""
        return " ".join(f"{_clause(part)}." for part in self.parts.values())


class AnyOf(Compound, frozen=True, kw_only=True, tag="any"):
    """
    At least one of several rules holds.

    A fix is that of the first rule that has one after which it holds. Rules that ask outside are asked only where no
    other one holds already, one after the other.
    """

    example: ClassVar[Mapping[str, Any]] = {
        "of": [{"rule": "contains", "any": ["I don't know"]}, {"rule": "regex", "pattern": r"\[\d+\]", "full": False}]
    }
    nested: ClassVar[tuple[str, ...]] = ("of",)

    of: tuple[Item, ...]
    """The rules, each as in a policy but without `on_fail` and the other keys that every rule takes."""

    @cached_property
    def can_fix(self) -> bool:  # type: ignore[override]
        """If a rule inside can."""
        return any(mendable(part) for part in self.parts.values())

    @cached_property
    def requires_text(self) -> bool:  # type: ignore[override]
        """If every rule inside does."""
        return all(part.requires_text for part in self.parts.values())

    def node(self, place: str, on: tuple[Surface, ...] | None) -> Node:
        """See Compound."""
        return Several(_some(self._nodes(place, on)), every=False)

    def statement(self) -> str:
        """See Rule."""
        clauses = "; or: ".join(_clause(part) for part in self.parts.values())
        return f"At least one of these must hold: {clauses}."


class Not(Compound, frozen=True, kw_only=True, tag="not"):
    """
    A rule does not hold. It has no fix.

    Where the rule inside could not judge, this one could not either; it is not turned into a pass.
    """

    example: ClassVar[Mapping[str, Any]] = {"of": {"rule": "starts_with", "any": ["Sure", "Certainly"]}}
    nested: ClassVar[tuple[str, ...]] = ("of",)

    of: Item
    """The rule, as in a policy but without `on_fail` and the other keys that every rule takes."""

    def node(self, place: str, on: tuple[Surface, ...] | None) -> Node:
        """See Compound."""
        ((_, part),) = self._nodes(place, on).items()
        return Negated(part, self.statement())

    def statement(self) -> str:
        """See Rule."""
        return f"This must not be so: {_clause(self.parts['of'])}."


class When(Compound, frozen=True, kw_only=True, tag="when", rename={"if_": "if", "else_": "else"}):
    """
    Where a condition holds, a rule must hold; else another one, or nothing.

    The condition is a rule like any other and has no effect of its own. A fix is that of the rule that must hold.
    Where the condition could not be judged, `on_error` of the rule that was asked stands for the whole.
    """

    example: ClassVar[Mapping[str, Any]] = {
        "if": {"rule": "contains", "any": ["refund"]},
        "if_on": "input",
        "then": {"rule": "contains", "all": ["https://example.com/refunds"]},
    }
    nested: ClassVar[tuple[str, ...]] = ("if", "then", "else")

    if_: Item
    """The condition: a rule."""
    if_on: Literal["same", "input"] = "same"
    """What the condition judges: the same text, or what was asked (after the last assistant answer)."""
    then: Item
    """The rule that must hold where the condition does."""
    else_: Item | None = None
    """The rule that must hold where the condition does not."""

    @cached_property
    def can_fix(self) -> bool:  # type: ignore[override]
        """If every branch can."""
        return all(mendable(part) for place, part in self.parts.items() if place != "if")

    @cached_property
    def default_on(self) -> tuple[Surface, ...]:  # type: ignore[override]
        """Wherever a branch looks by default."""
        looked = {s for place, part in self.parts.items() if place != "if" for s in part.default_on}
        return tuple(surface for surface in _SURFACES if surface in looked)

    def node(self, place: str, on: tuple[Surface, ...] | None) -> Node:
        """See Compound."""
        parts = self._nodes(place, on)
        parts["if"] = _node(self.parts["if"], f"{place}.if" if place else "if", _SURFACES)
        return Conditional(parts["if"], parts["then"], parts.get("else"), of_input=self.if_on == "input")

    def statement(self) -> str:
        """See Rule."""
        of = "what was asked meets this" if self.if_on == "input" else "this holds"
        said = f"Where {of}: {_clause(self.parts['if'])} - then: {_clause(self.parts['then'])}."
        return said + (f" Otherwise: {_clause(self.parts['else'])}." if "else" in self.parts else "")


def _some(nodes: dict[str, Node]) -> list[Node]:
    if not nodes:
        raise ValueError("`of` is empty: name at least one rule.")
    return list(nodes.values())
