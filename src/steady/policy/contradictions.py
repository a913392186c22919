"""
What a policy says against itself, as far as that can be decided without a model.

Each function below looks at one subject and yields its clashes. Each would at run time be an answer that can never be
given, or a key that does nothing; both are better told when the policy is written.
"""

import re
import string
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from steady.errors import legal_words
from steady.policy.document import LISTS, Policy, SamplingSpec
from steady.policy.implied import OUTPUT_ID, implied_rule
from steady.policy.presets import Presets, expand
from steady.policy.yaml_marks import join
from steady.rules.compose import All, inside
from steady.rules.rule import Context, Rule
from steady.types import UNENFORCED, Piece

_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_PLACEHOLDERS = ("agreed", "of")
STANDARD_CHARACTERS = 40
"""No standard disclosure is shorter in any locale, so a shorter limit always forbids it."""


class Placed(NamedTuple):
    """A rule, and where it was written."""

    rule: Rule
    source: Any  # the file, as load.py knows it
    field: str  # "rules[2]"


class Clash(NamedTuple):
    """A contradiction, and the field to change."""

    field: str
    message: str
    source: Any = None  # None: the policy's own file


def contradictions(
    policy: Policy, placed: Sequence[Placed], raw: Mapping[str, Any], presets: Presets
) -> Iterator[Clash]:
    """Yield every contradiction. `raw` is the document as written, to tell a key that is not there from its default."""
    yield from _candidates(policy)
    yield from _sampling(policy, presets)
    faults = [*_output(policy, raw)]
    yield from faults or _implied(policy)
    yield from _otherwise(policy, raw)
    yield from _disclosure(policy)
    yield from _allow(policy)
    yield from _ids(policy, placed)
    yield from _reasks(policy, placed)
    yield from _lengths(_everywhere(placed))
    yield from _required_terms(_flat(placed))
    yield from _disclosed_rules(policy, _flat(placed))


def _flat(placed: Sequence[Placed]) -> list[Placed]:
    """Return the rules, in place of each `all` those within it: they hold together as much as if they stood apart."""
    out: list[Placed] = []
    for item in placed:
        if not isinstance(item.rule, All):
            out.append(item)
            continue
        said = {name: getattr(item.rule, name) for name in ("on", "on_fail", "mode")} | {"id": item.rule.key}
        for place, part in item.rule.parts.items():
            said["on"] = item.rule.on if item.rule.on is not None else part.default_on
            made = msgspec.structs.replace(part, **said)
            out += _flat([Placed(made, item.source, f"{item.field}.{place}")])
    return out


def _everywhere(placed: Sequence[Placed]) -> list[Placed]:
    """Return the rules and all those within them."""
    return [
        Placed(rule, item.source, f"{item.field}.{place}" if place else item.field)
        for item in placed
        for place, rule in (("", item.rule), *inside(item.rule))
    ]


def seconds(duration: str) -> float:
    """Return a duration such as `1.5s`, `20ms`, `3m`, `14d` in seconds."""
    unit = duration.lstrip("0123456789.")
    return float(duration.removesuffix(unit)) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}[unit]


def enforced(rule: Rule) -> bool:
    """Whether a failure of this rule keeps an answer from being released as it is."""
    return rule.mode == "enforce" and rule.on_fail not in UNENFORCED


def _candidates(policy: Policy) -> Iterator[Clash]:
    doc = policy.candidates
    if doc.min > doc.max:
        yield Clash("candidates.min", f"min {doc.min} is over max {doc.max}.")
    if seconds(doc.deadline) <= 0:
        yield Clash("candidates.deadline", "nothing can be made in no time; give more than 0.")
    if doc.max > 1:
        return
    if policy.choose.min_agreement is not None:
        message = "agreement is measured between candidates, and candidates.max is 1; raise it or remove min_agreement."
        yield Clash("choose.min_agreement", message)
    if policy.disclose.when == "low_agreement":
        message = "`low_agreement` needs an agreement, and candidates.max is 1; raise it, or say `always` or `never`."
        yield Clash("disclose.when", message)


def _sampling(policy: Policy, presets: Presets) -> Iterator[Clash]:
    spec = policy.sampling
    if spec.preset not in presets:
        yield Clash("sampling.preset", f"no preset {spec.preset!r}. {legal_words(spec.preset, presets)}")
        return
    greedy = expand(spec, presets).temperature == 0
    if greedy and policy.choose.min_agreement is not None and policy.candidates.max > 1:
        message = "at temperature 0 one candidate is asked and agreement is not measured; raise the temperature."
        yield Clash("choose.min_agreement", message)


def _output(policy: Policy, raw: Mapping[str, Any]) -> Iterator[Clash]:
    output = policy.output
    given = raw.get("output")
    kinds = {
        "labels": ("label", "flag", *LISTS),
        "schema": ("json",),
        "tolerance": ("number",),
        "estimate": ("number",),
        "similarity": ("text", "json"),
        "ranking": ("ranking",),
        "keep": ("items",),
        "threshold": ("items",),
        "costs": ("flag",),
        "language": ("code",),
        "repair": ("json", "label", "flag", *LISTS),
    }
    for key in given if isinstance(given, Mapping) else ():
        if key in kinds and output.kind not in kinds[key]:
            yield Clash(f"output.{key}", f"`{key}` is for kind {' or '.join(kinds[key])}, but kind is {output.kind!r}.")
    if output.kind == "label" and not output.labels:
        yield Clash("output", "kind label needs `labels`: the legal answers, in the order that breaks ties.")
    if output.kind == "flag" and output.labels is not None and len(output.labels) != 2:
        yield Clash("output.labels", f"a flag has two, the one that raises it first; here are {len(output.labels)}.")
    if isinstance(given, Mapping) and "threshold" in given and output.keep != "threshold":
        yield Clash("output.threshold", "is for `keep: threshold`, but `keep` is f1.")
    yield from _labels(output.labels or ())


def _labels(labels: Sequence[str]) -> Iterator[Clash]:
    for index, label in enumerate(labels):
        at = join("output.labels", index)
        if not label.strip() or label != label.strip():
            yield Clash(at, f"{label!r} is empty or begins or ends with a space.")
        if label in labels[:index]:
            yield Clash(at, f"the label {label!r} is there twice.")


def _implied(policy: Policy) -> Iterator[Clash]:
    """The rule that the output implies does not compile: a schema that is unsafe, labels that can't be told apart."""
    try:
        rule = implied_rule(policy)
        if rule is not None:
            rule.build()
    except ValueError as error:
        named = "output.labels" if policy.output.labels else "output"
        field = {"json": "output.schema", "label": "output.labels"}.get(policy.output.kind, named)
        yield Clash(field, f"{error}")


def _otherwise(policy: Policy, raw: Mapping[str, Any]) -> Iterator[Clash]:
    doc = policy.otherwise
    given = raw.get("otherwise")
    given = given if isinstance(given, Mapping) else {}
    owner = {"text": "message", "value": "value", "model": "model"}
    for key, action in owner.items():
        if key in given and doc.do != action:
            yield Clash(f"otherwise.{key}", f"`{key}` is for `do: {action}`, but do is {doc.do!r}.")
    if doc.do == "message" and not doc.text.strip():
        yield Clash("otherwise", "`do: message` needs `text`: what the user is told.")
    if doc.do == "model" and not doc.model.strip():
        yield Clash("otherwise", "`do: model` needs `model`: the one to ask then, as provider/model.")
    if doc.do == "value" and "value" not in given:
        yield Clash("otherwise", "`do: value` needs `value`: the answer to give then.")
    elif doc.do == "value":
        yield from _fallback_value(policy)


def _fallback_value(policy: Policy) -> Iterator[Clash]:
    kind, value = policy.output.kind, policy.otherwise.value
    if kind in {"text", "label", "flag", "code"} and not isinstance(value, str):
        yield Clash("otherwise.value", f"must be text, since the output is of kind {kind}.")
        return
    text = value if isinstance(value, str) and kind not in {"json", *LISTS} else msgspec.json.encode(value).decode()
    rule = implied_rule(policy)
    if rule is None or any(_implied(policy)):  # a schema that does not compile is not the value's fault
        return
    check = rule.build()
    if not hasattr(check, "judge"):
        return
    finding = check.judge(Piece("answer", ("message", "content"), text), Context(kind=kind))
    if not finding.passed:
        yield Clash("otherwise.value", f"breaks what `output` asks for: {finding.reason}")


def _disclosure(policy: Policy) -> Iterator[Clash]:
    doc = policy.disclose
    if doc.locale != "request" and not _LOCALE.fullmatch(doc.locale):
        yield Clash(
            "disclose.locale", f"{doc.locale[:40]!r} is neither `request` nor a language tag such as en or pt-BR."
        )
    texts = {"disclose.text": doc.text} if isinstance(doc.text, str) else {}
    if isinstance(doc.text, dict):
        if not doc.text:
            yield Clash("disclose.text", "is empty; give a text, or one for each locale.")
        for locale, text in doc.text.items():
            at = join("disclose.text", locale)
            texts[at] = text
            if not _LOCALE.fullmatch(locale):
                yield Clash(at, f"{locale[:40]!r} is no language tag such as en or pt-BR.")
    for at, text in texts.items():
        if not text.strip():
            yield Clash(at, "is empty; say `when: never` to disclose nothing.")
        yield from _placeholders(at, text)


def _placeholders(at: str, text: str) -> Iterator[Clash]:
    try:
        found = [part[1:] for part in string.Formatter().parse(text) if part[1] is not None]
    except ValueError as error:
        yield Clash(at, f"the braces do not pair ({error}); write {{{{ for a brace.")
        return
    for name, spec, conversion in found:
        if name not in _PLACEHOLDERS:
            yield Clash(at, f"no placeholder {{{name}}}. {legal_words(str(name), _PLACEHOLDERS)}")
        elif spec or conversion:
            yield Clash(at, f"{{{name}}} takes no format; write it alone.")


def _allow(policy: Policy) -> Iterator[Clash]:
    legal = [*(name for name in SamplingSpec.__struct_fields__ if name != "preset"), "seed"]
    for index, name in enumerate(policy.allow.sampling):
        if name not in legal:
            at = join("allow.sampling", index)
            yield Clash(at, f"{name[:60]!r} is no sampling parameter. {legal_words(name, legal)}")


def _ids(policy: Policy, placed: Sequence[Placed]) -> Iterator[Clash]:
    taken: dict[str, str] = {}
    if policy.output.kind != "text":
        taken[OUTPUT_ID] = "the rule that `output` implies"
    for item in placed:
        key = item.rule.key
        if key in taken:
            message = f"two rules have the id {key!r}: this one and {taken[key]}; give one of them another `id`."
            yield Clash(join(item.field, "id"), message, item.source)
        taken.setdefault(key, f"{item.field or 'the first'} ({item.rule.name})")


def _reasks(policy: Policy, placed: Sequence[Placed]) -> Iterator[Clash]:
    """A reask counts against `max`; `fix_reask` is left alone, since its fix can be made."""
    if policy.candidates.max > 1:
        return
    message = "`reask` asks again, and candidates.max is 1 (reasks count); raise it, or say `filter`."
    if policy.output.kind != "text" and policy.output.on_fail == "reask":
        yield Clash("output.on_fail", message)
    for item in placed:
        if item.rule.on_fail == "reask" and item.rule.mode == "enforce":
            yield Clash(join(item.field, "on_fail"), message, item.source)


def _lengths(placed: Sequence[Placed]) -> Iterator[Clash]:
    for item in placed:
        if item.rule.name != "length":
            continue
        for unit, bounds in _bounds(item.rule):
            low, high = bounds
            if low is not None and high is not None and low > high:
                yield Clash(join(item.field, unit), f"min {low} is over max {high}.", item.source)


def _bounds(rule: Rule) -> Iterator[tuple[str, tuple[int | None, int | None]]]:
    for unit in ("characters", "words", "sentences", "tokens"):
        value = getattr(rule, unit, None)
        if value is not None:
            yield unit, (getattr(value, "min", None), getattr(value, "max", None))


def _required(rule: Rule) -> Iterator[tuple[str, ...]]:
    """Yield sets of texts of which every answer that passes holds one."""
    if rule.name == "contains":
        yield from ((text,) for text in getattr(rule, "all", ()))
    if rule.name in {"contains", "starts_with", "ends_with"}:
        text, alternatives = getattr(rule, "text", ""), tuple(getattr(rule, "any", ()))
        if text or alternatives:
            yield (text,) if text else alternatives


def _without_wants(rule: Rule) -> Rule:
    wants = {name: type(getattr(rule, name))() for name in ("all", "any", "counts") if hasattr(rule, name)}
    return msgspec.structs.replace(rule, **wants)


def _required_terms(placed: Sequence[Placed]) -> Iterator[Clash]:
    """A required text that holds an excluded term; the excluding rule itself judges, with its case and bounds."""
    live = [item for item in placed if enforced(item.rule) and "answer" in item.rule.surfaces]
    for item in live:
        if item.rule.name not in {"excludes", "not_regex"} and not getattr(item.rule, "none", ()):
            continue
        rule = item.rule
        if rule.name == "contains":  # only what it excludes is of interest here
            rule = _without_wants(rule)
        check = rule.build()
        if not hasattr(check, "judge"):  # it asks outside, which is not done here
            continue
        for other in live:
            for texts in _required(other.rule):
                if not any(check.judge(Piece("answer", (), text), Context()).passed for text in texts):
                    message = f"excludes what rule {other.rule.key!r} requires ({texts[0][:60]!r}); change one of them."
                    yield Clash(item.field, message, item.source)


def _disclosed_rules(policy: Policy, placed: Sequence[Placed]) -> Iterator[Clash]:
    """The answer is judged without its disclosure, so a place that spoils an end or a length would defeat the rule."""
    doc = policy.disclose
    if doc.when == "never" or doc.place not in {"append", "prefix"} or policy.output.kind != "text":
        return
    end = "ends_with" if doc.place == "append" else "starts_with"
    for item in placed:
        if not enforced(item.rule) or "answer" not in item.rule.surfaces:
            continue
        if item.rule.name == end:
            message = f"`{doc.place}` would put text where rule {item.rule.key!r} wants the answer's own; use `field`."
            yield Clash("disclose.place", message)
        for unit, (_, high) in _bounds(item.rule) if item.rule.name == "length" else ():
            least = _least(policy, unit)
            if high is not None and least > high:
                message = (
                    f"`{doc.place}` adds {least} {unit} or more, and rule {item.rule.key!r} allows {high} in all; "
                    "use `field`, or allow more."
                )
                yield Clash("disclose.place", message)


def _least(policy: Policy, unit: str) -> int:
    """Return how many of `unit` the shortest disclosure adds; 0 where that is not known."""
    text = policy.disclose.text
    if text == "standard":
        return STANDARD_CHARACTERS if unit == "characters" else 1
    texts = [text] if isinstance(text, str) else list(text.values())
    if unit == "characters":
        return min(len(text.replace("{agreed}", "1").replace("{of}", "1")) for text in texts)
    return min(len(text.split()) for text in texts) if unit == "words" else 1
