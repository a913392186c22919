"""
A policy in the making, out of somebody else's configuration.

Each piece either becomes a rule that loads, or is named as untranslated with its line and the reason. A translation
that differs in some case is taken with a note that says in which; nothing is dropped in silence, no key carried over.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from steady.errors import ConfigError, SteadyError, legal_words
from steady.policy.load import catalog, parse
from steady.rules.rule import Rule

_NAME = re.compile(r"[^a-z0-9._-]+")
_INDEX = re.compile(r"rules\[(\d+)\]")


class Lost(NamedTuple):
    """What was not translated."""

    line: int  # 1-based; 0 where the source has no lines
    what: str
    why: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}: {self.why}" if self.line else f"{self.what}: {self.why}"


class Translated(NamedTuple):
    """A policy, and what of its source is not in it."""

    policy: dict[str, Any]
    text: str  # YAML, with what was lost in comments at its head
    lost: tuple[Lost, ...]
    notes: tuple[str, ...]


class Draft:
    """
    Collects a policy.

    Args:
        name: What to call it; made fit.
        source: What it was made of, for the head of the file.
    """

    def __init__(self, name: str, source: str) -> None:
        fit = _NAME.sub("-", name.lower()).strip("-._")[:64] or "imported"
        self.policy: dict[str, Any] = {"steady": 1, "name": fit}
        self.rules: list[dict[str, Any]] = []
        self.lost: list[Lost] = []
        self.notes: dict[str, None] = {}
        self._source = source
        self._origin: list[tuple[int, str]] = []
        self.reasks = 1  # further tries, where a rule asks again

    def lose(self, line: int, what: str, why: str) -> None:
        """Name something as untranslated."""
        self.lost.append(Lost(line, what, why))

    def note(self, text: str) -> None:
        """Say in which case a translation differs."""
        self.notes[text] = None

    def add(self, line: int, what: str, item: Mapping[str, Any]) -> bool:
        """
        Add a rule if it loads, else name `what` as untranslated. Returns whether it was added.

        A fix that this rule can't make becomes `reask`, with a note.
        """
        item = {key: value for key, value in item.items() if value is not None}
        rule = self._built(line, what, item)
        if rule is None:
            return False
        if item.get("on_fail") in {"fix", "fix_reask"} and not rule.can_fix:
            self.note(f"{what}: its fix is not made here, since it makes a text up; the model is asked again")
            item["on_fail"] = "reask"
        ids = {rule.get("id", rule["rule"]) for rule in self.rules}
        key = item.get("id", item["rule"])
        if key in ids:
            item["id"] = next(f"{key}-{n}" for n in range(2, 10_000) if f"{key}-{n}" not in ids)
        self.rules.append(_first(item))
        self._origin.append((line, what))
        return True

    def _built(self, line: int, what: str, item: dict[str, Any]) -> Rule | None:
        rules = catalog()
        type_ = rules.get(item["rule"])
        if type_ is None:
            self.lose(
                line, what, f"there is no rule {item['rule']!r} in this version. {legal_words(item['rule'], rules)}"
            )
            return None
        try:
            rule = msgspec.convert(item, type_)
            rule.build()
        except (msgspec.ValidationError, ValueError, SteadyError) as error:
            self.lose(line, what, f"the rule {item['rule']!r} can't be made of it: {' '.join(str(error).split())}")
            return None
        return rule

    def done(self) -> Translated:
        """Return the policy. What contradicts the rest of it is taken out and named."""
        if any(rule.get("on_fail") in {"reask", "fix_reask"} for rule in self.rules):
            self.policy.setdefault("candidates", {})["max"] = 1 + max(1, self.reasks)
        while True:
            policy = {**self.policy, **({"rules": self.rules} if self.rules else {})}
            try:
                parse(policy)
            except ConfigError as error:
                self._without(error)
                continue
            return Translated(policy, self._text(policy), tuple(self.lost), tuple(self.notes))

    def _without(self, error: ConfigError) -> None:
        problem = error.problems[0]
        found = _INDEX.match(problem.field)
        if found is not None:
            line, what = self._origin.pop(int(found[1]))
            del self.rules[int(found[1])]
            self.lose(line, what, problem.message)
            return
        key = problem.field.partition(".")[0].partition("[")[0]
        if key not in self.policy or key in {"steady", "name"}:
            raise error
        del self.policy[key]
        self.lose(0, key, problem.message)

    def _text(self, policy: Mapping[str, Any]) -> str:
        head = [f"# Made of {self._source} by `steady import`."]
        head += ["#", "# Not translated:", *(f"# - {_comment(str(one))}" for one in self.lost)] if self.lost else []
        head += ["#", "# Where it differs:", *(f"# - {_comment(note)}" for note in self.notes)] if self.notes else []
        body = []
        for key, value in policy.items():
            if key == "rules":
                body += ["rules:", *(f"  - {flow(rule)}" for rule in value)]
            else:
                body.append(f"{key}: {flow(value)}")
        return "\n".join([*head, *body]) + "\n"


def _comment(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _first(item: dict[str, Any]) -> dict[str, Any]:
    """Return the item with `rule` and `id` first and what happens last."""
    last = ("on", "on_fail", "mode")
    head = {key: item[key] for key in ("rule", "id") if key in item}
    return head | {k: v for k, v in item.items() if k not in (*head, *last)} | {k: item[k] for k in last if k in item}


_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_NO_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def flow(value: Any) -> str:
    """Return plain data as YAML on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(str(key))}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str) and _WORD.fullmatch(value) and (value.lower() not in _NO_WORDS or value == "on"):
        return value
    return json.dumps(value, ensure_ascii=False)
