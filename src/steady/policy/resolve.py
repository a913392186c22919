"""
From a loaded policy to one that is ready to run, and back from its bytes.

`canonical` holds everything that can alter a decision: the document with its schema inlined, every rule with all its
fields (the one that `output` implies first), the sampling parameters that the preset stands for, and the target with
its capabilities and prices. Texts of standard disclosures are covered by `decision_version`; texts of one's own are in
the document. `resolve` itself goes through the bytes, so that a request and its replay run under the very same objects.
"""

import hashlib
from typing import Any

import msgspec

from steady.errors import ConfigError, UnknownNameError
from steady.policy.canonical import full, in_order, with_order
from steady.policy.contradictions import seconds
from steady.policy.document import Policy
from steady.policy.implied import implied_rule
from steady.policy.load import Loaded, catalog
from steady.policy.presets import BUILT_IN, Presets, expand
from steady.policy.resolved import Bound, Resolved, Target
from steady.policy.streaming import stream_plan
from steady.rules.rule import Named, Rule
from steady.types import Sampling

FORMAT = 1  # of the canonical document


def resolve(
    loaded: Loaded,
    *,
    target: Target,
    fallback: Target | None = None,
    presets: Presets = BUILT_IN,
    rules: Named | None = None,
) -> Resolved:
    """
    Make a policy ready to run against one model.

    Args:
        loaded: What `load` or `parse` gave; a door may have replaced its `output` since.
        target: The model to ask.
        fallback: The model for `otherwise: {do: model}`; needed there, ignored elsewhere.
        presets: Those that the policy may name.
        rules: The catalogue; this version's own if None.

    Raises:
        ConfigError: If a rule does not compile, or the fallback is missing.
    """
    doc = loaded.policy
    if doc.otherwise.do == "model" and fallback is None:
        raise ConfigError(f"policy {doc.name!r}: `otherwise: {{do: model}}` needs a model to fall back to.")
    return from_bytes(canonical(loaded, target, fallback, presets), rules)


def canonical(loaded: Loaded, target: Target, fallback: Target | None = None, presets: Presets = BUILT_IN) -> bytes:
    """Return RFC 8785 JSON of everything that can alter a decision under this policy."""
    doc = loaded.policy
    if doc.sampling.preset not in presets:
        raise UnknownNameError("preset", doc.sampling.preset, presets)
    implied = implied_rule(doc)
    rules = loaded.rules if implied is None else (implied, *loaded.rules)
    document = full(doc)
    del document["rules"]  # as they were written; what they became stands below
    return with_order(
        {
            "format": FORMAT,
            "document": document,
            "rules": [full(rule) for rule in rules],
            "sampling": full(expand(doc.sampling, presets)),
            "target": full(target),
            "fallback": full(fallback) if doc.otherwise.do == "model" else None,
        }
    )


def from_bytes(kept: bytes, rules: Named | None = None) -> Resolved:
    """
    Make a policy ready from its canonical bytes alone; no file is read.

    Args:
        kept: What `canonical` gave, in this version or an earlier one.
        rules: The catalogue; this version's own if None.

    Raises:
        ConfigError: If the bytes are no policy that this version can run.
    """
    try:
        data = in_order(kept)
        if data.get("format") != FORMAT:
            raise ConfigError(f"the policy is of format {data.get('format')!r}; this version reads {FORMAT}.")
        doc = msgspec.convert(data["document"], Policy)
        bound = tuple(_bound(item, catalog() if rules is None else rules) for item in data["rules"])
        sampling = msgspec.convert(data["sampling"], Sampling)
        target = msgspec.convert(data["target"], Target)
        fallback = msgspec.convert(data["fallback"], Target | None)
    except (msgspec.MsgspecError, KeyError, TypeError) as error:
        raise ConfigError(f"the resolved policy can't be read by this version: {error}") from None
    out = tuple(item for item in bound if set(item.rule.surfaces) - {"input"})
    return Resolved(
        name=doc.name,
        hash=hashlib.sha256(kept).hexdigest(),
        canonical=kept,
        doc=doc,
        target=target,
        fallback=fallback,
        sampling=sampling,
        deadline=seconds(doc.candidates.deadline),
        rules=out,
        input_rules=tuple(item for item in bound if "input" in item.rule.surfaces),
        plan=stream_plan(doc, out),
    )


def _bound(item: dict[str, Any], rules: Named) -> Bound:
    type_ = rules.get(item["rule"])
    if type_ is None:
        raise UnknownNameError("rule", str(item["rule"]), rules)
    rule: Rule = msgspec.convert(item, type_)
    try:
        return Bound(rule, rule.build())
    except ValueError as error:
        raise ConfigError(f"rule {rule.key!r} does not compile: {error}") from None
