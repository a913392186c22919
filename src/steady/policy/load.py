"""
From a file to a policy and its rules, or to every problem that it has.

`load` reads one policy, inlines its schema and its shared lists of rules, decodes and compiles each rule, and refuses
what contradicts itself (`contradictions.py`). What it gives needs no file any more.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from steady.errors import ConfigError, Problem, legal_words
from steady.policy.contradictions import Placed, contradictions
from steady.policy.document import NOT_YET, Name, Policy
from steady.policy.presets import BUILT_IN, Presets
from steady.policy.verify import Fault, not_plain, verify
from steady.policy.yaml_marks import MAX_BYTES, join, line_of, read_yaml
from steady.rules.compose import MAX_DEPTH, inside, outer_only
from steady.rules.rule import Named, Rule

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FIELD_FIRST = re.compile(r"`(([A-Za-z_]+)[A-Za-z_.]*)`")
_SAID_ONCE = "is said once, of the rule around it; a rule within another says only what it checks."


class Loaded(NamedTuple):
    """A policy whose schema is inlined and whose rules are decoded; nothing in it refers to a file."""

    policy: Policy
    rules: tuple[Rule, ...]  # in the order of the policy, shared lists inlined; without those that `output` implies
    file: str = "<dict>"


class Known(NamedTuple):
    """What a policy may name."""

    rules: Named
    presets: Presets = BUILT_IN
    functions: Collection[str] | None = None  # those that the operator allows; None: not checked
    outside: Callable[[Rule], Iterable[tuple[str, str]]] | None = None  # what a rule asks for and the operator does not
    # allow: (field, message); None: not checked


def catalog() -> Named:
    """Return every rule of this version by its name."""
    from steady.rules.catalog import RULES

    return RULES


def load(path: Path, known: Known | Named | None = None) -> Loaded:
    """
    Read one policy file.

    Args:
        path: A YAML file; schemas and shared lists of rules are looked up beside it.
        known: What it may name: rules (a mapping of names to rule types is enough), presets, functions.

    Raises:
        ConfigError: With every problem found.
    """
    data, lines = read_yaml(_bytes(path, str(path)), str(path))
    return _parse(data, _Source(str(path), lines, path.parent), _known(known))


def parse(
    data: Mapping[str, Any], known: Known | Named | None = None, *, file: str = "<dict>", folder: Path | None = None
) -> Loaded:
    """
    Check a policy given as plain data.

    Args:
        data: The document of design section 5.
        known: As for `load`.
        file: What to call it in problems.
        folder: Where its schemas and shared lists of rules lie; the current folder if None.

    Raises:
        ConfigError: With every problem found.
    """
    source = _Source(file, {}, folder or Path())
    faults = not_plain(data)
    if faults:
        raise ConfigError([source.problem(*fault) for fault in faults])
    return _parse(data, source, _known(known))


def check_file(path: Path, known: Known | Named | None = None) -> list[Problem]:
    """Return every problem of the policy at `path`; [] if it loads."""
    try:
        load(path, known)
    except ConfigError as error:
        return list(error.problems)
    return []


def check_rules(path: Path, known: Known | Named | None = None) -> list[Problem]:
    """Return every problem of the shared list of rules at `path`; [] if a policy can use it."""
    rules = _Rules(_known(known))
    try:
        data, lines = read_yaml(_bytes(path, str(path)), str(path))
    except ConfigError as error:
        return list(error.problems)
    rules.read(data, "", _Source(str(path), lines, path.parent), (path,))
    return _ordered(rules.problems)


def _known(known: Known | Named | None) -> Known:
    if isinstance(known, Known):
        return known
    return Known(catalog() if known is None else known)


def _bytes(path: Path, file: str) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError([Problem(file, 0, "", f"can't be read: {error.strerror or error}.")]) from None


class _Source(NamedTuple):
    """A file, or data in its place."""

    file: str
    lines: Mapping[str, int]
    folder: Path

    def problem(self, field: str, message: str) -> Problem:
        return Problem(self.file, line_of(self.lines, field), field, message)


def _parse(data: Any, source: _Source, known: Known) -> Loaded:
    if not isinstance(data, Mapping):
        message = "a policy is a mapping; it begins with `steady: 1`." if data is not None else "the file is empty."
        raise ConfigError([source.problem("", message)])
    raw = dict(data)
    problems = list(_not_yet(raw, source))
    faults = verify(raw, Policy)
    problems += [source.problem(*fault) for fault in faults]
    rules = _Rules(known)
    rules.read(raw.get("rules"), "rules", source)
    problems += rules.problems
    if faults:
        raise ConfigError(_ordered(problems))
    policy = msgspec.convert({**raw, "rules": list(raw.get("rules", ()))}, Policy)
    policy, schema_problems = _with_schema(policy, source)
    problems += schema_problems
    for fault in contradictions(policy, rules.placed, raw, known.presets):
        at = fault.source if isinstance(fault.source, _Source) else source
        problems.append(at.problem(fault.field, fault.message))
    if problems:
        raise ConfigError(_ordered(problems))
    return Loaded(policy, tuple(placed.rule for placed in rules.placed), source.file)


def _ordered(problems: list[Problem]) -> list[Problem]:
    """Return the problems of one file together and by line, each once."""
    files = list(dict.fromkeys(problem.file for problem in problems))
    return sorted(dict.fromkeys(problems), key=lambda problem: (files.index(problem.file), problem.line))


def _not_yet(raw: dict[str, Any], source: _Source) -> Iterator[Problem]:
    """Take out of `raw` what names a feature that is not built yet, and say so."""
    for key, feature in NOT_YET.items():
        if key in raw:
            del raw[key]
            yield source.problem(key, f"{feature} are not built yet in this version; remove the key.")


class _Rules:
    """Decodes lists of rules, shared ones inlined; collects rules and problems."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.placed: list[Placed] = []
        self.problems: list[Problem] = []

    def read(self, items: Any, path: str, source: _Source, within: tuple[Path, ...] = ()) -> None:
        if not isinstance(items, list | tuple):
            return  # the document's own check says so
        for index, item in enumerate(items):
            at = join(path, index)
            if not isinstance(item, Mapping):
                if within:
                    self.problems.append(source.problem(at, "must be a mapping: {rule: NAME, ...}."))
            elif "use" in item:
                self.use(item, at, source, within)
            else:
                self.one(dict(item), at, source)

    def use(self, item: Mapping[str, Any], at: str, source: _Source, within: tuple[Path, ...]) -> None:
        name, more = item["use"], [key for key in item if key != "use"]
        if more:
            message = f"{', '.join(more)} can't stand beside `use`; a shared list is taken as it is."
            self.problems.append(source.problem(join(at, more[0]), message))
        faults = verify(name, Name, join(at, "use"))
        if faults:
            self.problems += [source.problem(*fault) for fault in faults]
            return
        folder = source.folder if within else source.folder / "rules"
        path = folder / f"{name}.yaml"
        if path in within:
            round_trip = " -> ".join(step.stem for step in (*within[within.index(path) :], path))
            self.problems.append(source.problem(join(at, "use"), f"the lists of rules go in a circle: {round_trip}."))
            return
        if not path.is_file():
            there = [file.stem for file in sorted(folder.glob("*.yaml"))]
            message = f"no shared list of rules {name!r} in {folder}. {legal_words(name, there)}"
            self.problems.append(source.problem(join(at, "use"), message))
            return
        try:
            data, lines = read_yaml(_bytes(path, str(path)), str(path))
        except ConfigError as error:
            self.problems += error.problems
            return
        shared = _Source(str(path), lines, path.parent)
        if not isinstance(data, list):
            self.problems.append(shared.problem("", "a shared file is a list of rules: - {rule: NAME, ...}."))
        self.read(data, "", shared, (*within, path))

    def one(self, item: dict[str, Any], at: str, source: _Source) -> None:
        checked = self.checked(item, at, source)
        if checked is None:
            return
        type_ = self.known.rules[checked["rule"]]
        try:
            rule = msgspec.convert(checked, type_)
            rule.build()
        except (msgspec.ValidationError, ValueError) as error:  # a rule's own __post_init__ or build() refused
            first = _FIELD_FIRST.match(str(error))
            field = f"{at}.{first[1]}" if first and first[2] in checked else at
            self.problems.append(source.problem(field, _sentence(str(error))))
            return
        for fault in self.fit(rule):
            self.problems.append(source.problem(join(at, fault[0]), fault[1]))
        for place, inner in inside(rule):
            for fault in self.allowed(inner):
                self.problems.append(source.problem(join(f"{at}.{place}", fault[0]), fault[1]))
        self.placed.append(Placed(rule, source, at))

    def checked(self, item: dict[str, Any], at: str, source: _Source, depth: int = 0) -> dict[str, Any] | None:
        """Return a rule's item with its files inlined, the rules inside too; None where something is wrong, told."""
        name = item.get("rule")
        type_ = self.known.rules.get(name) if isinstance(name, str) else None
        if type_ is None:
            field = join(at, "rule") if "rule" in item else at
            said = f"no rule {name!r}." if "rule" in item else "a rule needs `rule: NAME` (or `use: LIST`)."
            self.problems.append(source.problem(field, f"{said} {legal_words(str(name), self.known.rules)}"))
            return None
        if name == "json_schema" and isinstance(item.get("schema"), str):
            schema, wrong = read_schema(source.folder / item["schema"])
            if wrong:
                self.problems.append(source.problem(join(at, "schema"), wrong))
                return None
            item = {**item, "schema": schema}
        given = item.get("terms", ())
        named = isinstance(item.get("terms_file"), str) and isinstance(given, list | tuple)
        if named and "terms_file" in type_.__struct_fields__:
            terms, wrong = read_terms(source.folder / item["terms_file"])
            if wrong:
                self.problems.append(source.problem(join(at, "terms_file"), wrong))
                return None
            item = {**item, "terms": [*given, *terms]}
            del item["terms_file"]
        try:
            item = type_.adopted(item)
        except ValueError as error:
            first = _FIELD_FIRST.match(str(error))
            self.problems.append(source.problem(join(at, first[1]) if first else at, _sentence(str(error))))
            return None
        faults = [fault for fault in verify(item, type_, at) if not (depth and _outer(fault.field, at, type_))]
        faults += [Fault(join(at, key), _SAID_ONCE) for key in item if depth and key in outer_only(type_)]
        self.problems += [source.problem(*fault) for fault in faults]
        whole = self.nested(item, type_, at, source, depth)
        return None if faults else whole

    def nested(
        self, item: dict[str, Any], type_: type[Rule], at: str, source: _Source, depth: int
    ) -> dict[str, Any] | None:
        """Check the rules within a rule, each at its own place."""
        told = len(self.problems)
        for key in type_.nested if depth <= MAX_DEPTH else ():  # deeper ones are refused as a whole
            value = item.get(key)
            if isinstance(value, list | tuple):
                within = [(join(join(at, key), i), one) for i, one in enumerate(value) if isinstance(one, Mapping)]
                item = {**item, key: [self.inner(one, place, source, depth + 1) for place, one in within]}
            elif isinstance(value, Mapping):
                item = {**item, key: self.inner(value, join(at, key), source, depth + 1)}
        return None if len(self.problems) > told else item

    def inner(self, item: Mapping[str, Any], at: str, source: _Source, depth: int) -> dict[str, Any] | None:
        """Check one rule within another: it compiles on its own, so that what does not is told with its line."""
        if "use" in item:
            self.problems.append(source.problem(join(at, "use"), "a shared list can't stand within a rule."))
            return None
        checked = self.checked(dict(item), at, source, depth)
        if checked is None or self.known.rules[checked["rule"]].nested:
            return checked
        try:
            msgspec.convert(checked, self.known.rules[checked["rule"]]).build()
        except (msgspec.ValidationError, ValueError) as error:
            first = _FIELD_FIRST.match(str(error))
            field = f"{at}.{first[1]}" if first and first[2] in checked else at
            self.problems.append(source.problem(field, _sentence(str(error))))
            return None
        return checked

    def fit(self, rule: Rule) -> Iterator[tuple[str, str]]:
        """Say what of the fields that every rule takes does not fit this rule."""
        if rule.id and not _ID.fullmatch(rule.id):
            yield "id", f"{rule.id[:70]!r} does not fit; an id is 1 to 64 letters, digits, dots, dashes, underscores."
        if rule.on_fail in {"fix", "fix_reask"} and not rule.can_fix:
            legal = "reask, filter, refrain, noop, exception, custom, penalize"
            yield "on_fail", f"rule {rule.name!r} has no fix, so {rule.on_fail!r} can't be done. Legal here: {legal}."
        elif rule.on_fail in {"fix", "fix_reask"} and getattr(rule, "replace", "") is None:
            yield "on_fail", f"{rule.on_fail!r} needs `replace`: what to put where something is found."
        if rule.on_fail == "custom" and not rule.function:
            yield "on_fail", "`custom` needs `function`: the name of one that steady.yaml allows under `functions`."
        own = "function" not in outer_only(type(rule))  # of the rule itself, then: what it asks
        if rule.function and rule.on_fail != "custom" and not own:
            yield "function", f"`function` is for `on_fail: custom`, but on_fail is {rule.on_fail!r}."
        if rule.on_fail == "custom" and own:
            yield (
                "on_fail",
                f"`custom` is not for rule {rule.name!r}, whose function can give a new text itself: `fix`.",
            )
        yield from self.allowed(rule)
        if rule.on is not None and not rule.on:
            yield "on", "names no surface, so the rule would look at nothing; remove the key or the rule."
        if "input" not in rule.surfaces and (rule.roles is not None or rule.scope != "turn"):
            field = "roles" if rule.roles is not None else "scope"
            yield field, f"`{field}` is for `on: [input]`, where this rule does not look."

    def allowed(self, rule: Rule) -> Iterator[tuple[str, str]]:
        """Say what a rule asks of outside that the operator does not allow."""
        functions = self.known.functions
        if rule.function and functions is not None and rule.function not in functions:
            words = legal_words(rule.function, functions)
            yield "function", f"no function {rule.function!r} in steady.yaml under `functions`. {words}"
        if self.known.outside is not None:
            yield from self.known.outside(rule)


def _outer(field: str, at: str, type_: type[Rule]) -> bool:
    """Whether a fault is of a key that a rule within another does not take at all."""
    return any(field == join(at, key) or field.startswith(f"{join(at, key)}[") for key in outer_only(type_))


def _sentence(text: str) -> str:
    line = " ".join(text.split())[:500]
    return line if line.endswith(".") else f"{line}."


def _with_schema(policy: Policy, source: _Source) -> tuple[Policy, list[Problem]]:
    """Return the policy with its schema file inlined."""
    if not isinstance(policy.output.schema, str):
        return policy, []
    schema, wrong = read_schema(source.folder / policy.output.schema)
    if wrong:
        return policy, [source.problem("output.schema", wrong)]
    output = msgspec.structs.replace(policy.output, schema=schema)
    return msgspec.structs.replace(policy, output=output), []


def read_terms(path: Path) -> tuple[list[str], str]:
    """Return the terms in a text file, one a line, and "", or [] and one sentence on what is wrong."""
    try:
        data = _bytes(path, str(path))
        text = data.decode("utf-8-sig")
    except ConfigError as error:
        return [], f"the terms can't be used: {error.problems[0]}"
    except UnicodeDecodeError:
        return [], f"{path.name} is no text in UTF-8."
    if len(data) > MAX_BYTES:
        return [], f"{path.name} has more than {MAX_BYTES:,} bytes."
    lines = [line.strip() for line in text.splitlines()]
    terms = [line for line in lines if line and not line.startswith("#")]
    return (terms, "") if terms else ([], f"{path.name} holds no term; write one a line.")


def read_schema(path: Path) -> tuple[dict[str, Any], str]:
    """Return the JSON Schema in a JSON or YAML file and "", or {} and one sentence on what is wrong."""
    if path.suffix not in {".json", ".yaml", ".yml"}:
        return {}, f"{path.name} is no schema file; it ends in .json, .yaml or .yml."
    try:  # JSON is YAML 1.2, so one reader serves, and repeated keys are errors in both
        data = read_yaml(_bytes(path, str(path)), str(path)).data
    except ConfigError as error:
        return {}, f"the schema can't be used: {error.problems[0]}"
    return (data, "") if isinstance(data, dict) else ({}, f"{path} holds no JSON Schema; it must be an object.")
