"""
A policy ready to run: everything that it refers to inlined, its rules compiled, its hash known.

`canonical` alone is enough to make it again (`resolve.from_bytes`), without any file: that is what replay does.
"""

from typing import NamedTuple

from msgspec import Struct

from steady.policy.document import Policy
from steady.rules.rule import Asked, Check, Rule
from steady.types import Capabilities, Sampling


class Bound(NamedTuple):
    """A rule and what it compiled to."""

    rule: Rule
    check: Check | Asked


class Target(Struct, frozen=True, kw_only=True):
    """A model to ask: which provider, under which name, and what that provider takes."""

    provider: str
    model: str
    capabilities: Capabilities
    prompt_price: str = ""  # US dollars a token as decimal text; "" where no price is known
    completion_price: str = ""


class StreamPlan(NamedTuple):
    """How a policy streams, and every reason why it does not stream live."""

    live: bool
    why: tuple[str, ...] = ()


class Resolved(Struct, frozen=True, kw_only=True):
    """What the pipeline runs under. Made once per (policy, model) and shared by all requests."""

    name: str
    hash: str  # sha256 of `canonical`, hex
    canonical: bytes  # RFC 8785 JSON: the whole document, its rules, target and sampling
    doc: Policy
    target: Target
    fallback: Target | None  # for `otherwise: {do: model}`
    sampling: Sampling  # the preset's values under the policy's own; all None for preset `client`
    deadline: float  # seconds
    rules: tuple[Bound, ...]  # judge what comes out; an implied schema or labels rule is among them
    input_rules: tuple[Bound, ...]  # judge what goes in
    plan: StreamPlan

    @property
    def passes_through(self) -> bool:
        """Whether it changes nothing: one candidate, the client's sampling, no rules, nothing disclosed."""
        ruled = bool(self.rules or self.input_rules) or self.doc.sampling.preset != "client"
        disclosed = self.doc.disclose.place != "none" and self.doc.disclose.when != "never"
        return self.plan.live and not ruled and not disclosed and self.sampling == Sampling()
