"""
What Prometheus is told, and how many series that can be.

Label values come only from loaded configuration; everything else is `other`. No user, key, receipt or free model name
ever becomes one. `Metrics.bound()` is the most samples that one process can give under its configuration.

Each instance has a registry of its own. The children that one kind of request needs are looked up once and kept, so
that observing an ordinary answer costs a few microseconds.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder

from steady import errors
from steady.server.scrape import StoreCollector, Stored, Sum
from steady.types import Outcome, Usage, Verdict

OTHER = "other"
HUNG_UP = "hung_up"
"""Stands for a decision that was not made, since the client of a live stream went away before its end."""
ACTIONS = ("answered", "passed_through", "otherwise", "refrained", "refused_input", "error", HUNG_UP)
ABSTAINED = frozenset(("otherwise", "refrained", "error"))
"""Actions under which no candidate was released although the question was let through."""
RESULTS = ("passed", "failed", "shadow_failed", "not_applicable", "rule_error")
STAGES = ("guard", "generate", "choose", "disclose")
"""Those that the pipeline times; constraining, checking and acting are parts of `generate`, since they overlap it."""
STREAMS = ("live", "buffered")
UPSTREAM_ERRORS = ("timeout", "unreachable", "invalid_response", "rate_limited", "client_error", "server_error")

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
STAGE_SECONDS = (0.0001, 0.001, 0.01, 0.1, 1, 10)
RULE_SECONDS = (0.00001, 0.0001, 0.001, 0.01, 0.1, 1, 10)
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.999999, 1.0)
"""Upper bounds; the last but one keeps full agreement apart from nearly full."""


def error_codes() -> tuple[str, ...]:
    """Return the `code` of every error that Steady raises, sorted."""
    found, todo = set(), [errors.SteadyError]
    while todo:
        kind = todo.pop()
        found.add(kind.code)
        todo += kind.__subclasses__()
    return tuple(sorted(found))


class Names(Struct, frozen=True, kw_only=True):
    """The label values that a configuration allows."""

    policies: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    rules: tuple[tuple[str, str, str], ...] = ()  # (policy, rule id, on_fail), implied rules included


class _Paid:
    """Tokens and dollars of one (policy, model)."""

    def __init__(self, tokens: Counter, dollars: Counter, policy: str, model: str) -> None:
        self._prompt = tokens.labels(policy, model, "prompt")
        self._completion = tokens.labels(policy, model, "completion")
        self._dollars = dollars.labels(policy, model)

    def add(self, usage: Usage) -> None:
        self._prompt.inc(usage.prompt)
        self._completion.inc(usage.completion)
        if usage.cost:
            self._dollars.inc(float(usage.cost))


class _Route:
    """The children of one (policy, model), looked up once."""

    def __init__(self, metrics: "Metrics", policy: str, model: str) -> None:
        self.requests = metrics.requests.labels(policy, model)
        self.seconds = metrics.seconds.labels(policy)
        self.returned = _Paid(metrics.returned_tokens, metrics.returned_dollars, policy, model)
        self.spent = _Paid(metrics.spent_tokens, metrics.spent_dollars, policy, model)
        self.asked = metrics.asked.labels(policy)
        self.used = metrics.used.labels(policy)
        self.saved = metrics.saved.labels(policy)
        self.agreement = metrics.agreement.labels(policy)
        self.unmeasured = metrics.unmeasured.labels(policy)
        self.abstentions = metrics.abstentions.labels(policy)
        self.actions = {action: metrics.decisions.labels(policy, action) for action in ACTIONS}

    def candidates(self, outcome: Outcome, allowed: int) -> None:
        agreement = outcome.decision.agreement
        asked = len(outcome.candidates) + len(outcome.errors)
        self.asked.inc(asked)
        self.used.inc(agreement.of or len(outcome.decision.chosen))
        if allowed > asked:
            self.saved.inc(allowed - asked)
        if agreement.share is None:
            self.unmeasured.inc()
        else:
            self.agreement.observe(float(agreement.share))
        if outcome.decision.action in ABSTAINED:
            self.abstentions.inc()


class Metrics:
    """
    The metrics of one process.

    Args:
        names: The label values of the loaded configuration; `learn` adds those of a reloaded one.
        version: Steady's version, for `steady_build_info`.
    """

    def __init__(self, names: Names, *, version: str = "") -> None:
        self.registry = CollectorRegistry()
        self._names = names
        self._rules: dict[tuple[str, str], str] = {}
        self._routes: dict[tuple[str, str], _Route] = {}
        self._verdicts: dict[tuple[str, str, str], Any] = {}
        self._judging: dict[tuple[str, str], Any] = {}
        self._declare()
        self._declare_upstream()
        self._info.labels(version).set(1)
        self.learn(names)
        self._stages = {stage: self.stages.labels(stage) for stage in (*STAGES, OTHER)}
        self._errors = {code: self.errors.labels(code) for code in (*error_codes(), OTHER)}
        self._refused = self.requests.labels(OTHER, OTHER)
        self._streams = {kind: self.streams.labels(kind) for kind in STREAMS}

    def _declare(self) -> None:
        self.requests = self._counter("requests", "Requests that were answered, errors included.", "policy", "model")
        self.errors = self._counter("errors", "Requests that were answered with an error.", "code")
        self.seconds = self._histogram("request_duration_seconds", "Seconds to the whole answer.", SECONDS, "policy")
        self.stages = self._histogram("stage_duration_seconds", "Seconds in a stage.", STAGE_SECONDS, "stage")
        self.asked = self._counter("candidates_asked", "Candidates asked of a model, reasks included.", "policy")
        self.used = self._counter("candidates_used", "Candidates on which decisions rest.", "policy")
        self.saved = self._counter("candidates_saved", "Candidates that a policy allows and nobody needed.", "policy")
        self.verdicts = self._counter("verdicts", "What rules said.", "policy", "rule", "action", "result")
        self.fixes = self._counter("fixes", "Texts that a rule fixed.", "policy", "rule")
        self.broken = self._counter("rule_errors", "Texts that a rule could not judge.", "policy", "rule")
        self.judging = self._histogram("rule_seconds", "Seconds to judge a text.", RULE_SECONDS, "policy", "rule")
        self.agreement = self._histogram("agreement_ratio", "Agreement of measured decisions.", SHARES, "policy")
        self.unmeasured = self._counter("agreement_unmeasured", "Decisions without measured agreement.", "policy")
        self.decisions = self._counter("decisions", "Decisions by what was done.", "policy", "action")
        self.abstentions = self._counter("abstentions", "Decisions that released no candidate.", "policy")
        self.returned_tokens = self._counter("returned_tokens", "Tokens of answers.", "policy", "model", "type")
        self.spent_tokens = self._counter("spent_tokens", "Tokens of all candidates.", "policy", "model", "type")
        self.returned_dollars = self._counter("returned_cost_dollars", "Cost of answers.", "policy", "model")
        self.spent_dollars = self._counter("spent_cost_dollars", "Cost of all candidates.", "policy", "model")
        self.streams = self._counter("streams", "Streamed answers, live or decided first.", "mode")
        self.hang_ups = self._counter("hang_ups", "Clients that went away before their stream ended.")
        self.in_flight = self._gauge("requests_in_flight", "Requests being answered.")
        self._info = Gauge("steady_build_info", "Workers of a version.", ["version"], registry=self.registry)

    def _declare_upstream(self) -> None:
        self.calls = self._counter("upstream_calls", "Calls of a provider.", "provider")
        self.retries = self._counter("upstream_retries", "Calls that were made again.", "provider")
        self.failures = self._counter("upstream_errors", "Calls that failed for good.", "provider", "kind")
        self.upstream_seconds = self._histogram(
            "upstream_duration_seconds", "Seconds of a call, retries included.", SECONDS, "provider"
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"steady_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"steady_{name}", text, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"steady_{name}", text, labels, buckets=buckets, registry=self.registry)

    def learn(self, names: Names) -> None:
        """Take the names of a reloaded configuration besides those known; series that exist stay."""
        old = self._names
        self._names = Names(
            policies=_joined(old.policies, names.policies),
            models=_joined(old.models, names.models),
            providers=_joined(old.providers, names.providers),
            rules=tuple(dict.fromkeys((*old.rules, *names.rules))),
        )
        self._rules = {(policy, rule): action for policy, rule, action in self._names.rules}
        self._policies, self._models = frozenset(self._names.policies), frozenset(self._names.models)
        self._providers = frozenset(self._names.providers)
        self._routes.clear()
        self._verdicts.clear()
        self._judging.clear()

    def watch(self, store: Stored) -> None:
        """Tell of a store's receipts whenever metrics are read."""
        self.registry.register(StoreCollector(store))

    def observe(
        self,
        outcome: Outcome,
        *,
        model: str,
        seconds: float,
        allowed: int = 1,
        streamed: bool = False,
        live: bool = False,
    ) -> None:
        """
        Count one decided request.

        Args:
            outcome: What the pipeline gave.
            model: The configured model that was asked, as `Names.models` spells it.
            seconds: From the first byte of the request to the last of the answer.
            allowed: The policy's `candidates.max`; what was not asked of it is saved.
            streamed: Whether the answer was sent as a stream.
            live: Whether that stream was sent as the model made it, not decided first.
        """
        route = self._routes.get((outcome.policy, model)) or self._route(outcome.policy, model)
        decision = outcome.decision
        route.requests.inc()
        route.seconds.observe(seconds)
        route.actions[decision.action].inc()
        route.returned.add(outcome.returned)
        route.spent.add(outcome.total)
        route.candidates(outcome, allowed)
        for verdict in decision.verdicts:
            self._verdict(outcome.policy, verdict)
        for rule, spent in outcome.rule_timings:
            (self._judging.get((outcome.policy, rule)) or self._judge(outcome.policy, rule)).observe(spent)
        for stage, spent in outcome.timings:
            (self._stages.get(stage) or self._stages[OTHER]).observe(spent)
        if streamed:
            self._streams["live" if live else "buffered"].inc()

    def judged(self, policy: str, model: str, verdicts: Iterable[Verdict]) -> None:
        """Count one check: a request whose rules gave verdicts, and for which no model was asked."""
        (self._routes.get((policy, model)) or self._route(policy, model)).requests.inc()
        for verdict in verdicts:
            self._verdict(policy, verdict)

    def started(self) -> None:
        """Count a request that is being answered, until `ended`."""
        self.in_flight.inc()

    def ended(self) -> None:
        """See `started`."""
        self.in_flight.dec()

    def hung_up(self) -> None:
        """Count a client that went away before its stream ended."""
        self.hang_ups.inc()

    def undecided(self, policy: str, *, model: str) -> None:
        """Count a request whose live stream was given up with its client: nothing was decided, and nothing is kept."""
        route = self._routes.get((policy, model)) or self._route(policy, model)
        route.requests.inc()
        route.actions[HUNG_UP].inc()

    def error(self, code: str, *, decided: bool = False) -> None:
        """Count a request that was answered with an error of this `code`. `decided`: it was observed as well."""
        if not decided:
            self._refused.inc()
        (self._errors.get(code) or self._errors[OTHER]).inc()

    def upstream(
        self, provider: str, seconds: float, *, retries: int = 0, error: errors.ProviderError | None = None
    ) -> None:
        """Count one call of a provider, retries and all, and what it failed with."""
        name = provider if provider in self._providers else OTHER
        self.calls.labels(name).inc()
        self.upstream_seconds.labels(name).observe(seconds)
        if retries:
            self.retries.labels(name).inc(retries)
        if error is not None:
            self.failures.labels(name, kind_of(error)).inc()

    def render(self, accept: str = "", others: Iterable[bytes] = ()) -> tuple[bytes, str]:
        """
        Return what a scrape is answered, and its content type.

        Args:
            accept: The request's Accept header: OpenMetrics where it is asked for, else Prometheus' text format.
            others: `snapshot()`s of the other workers, to be summed with this one's.
        """
        encode, content_type = choose_encoder(accept)
        return encode(Sum(self.registry, others)), content_type

    def snapshot(self) -> bytes:
        """Return every sample of this worker, for another worker's `render`."""
        return msgspec.json.encode([(s.name, s.labels, s.value) for m in self.registry.collect() for s in m.samples])

    def bound(self) -> int:
        """Return the most samples that a scrape of this process can hold under its configuration."""
        policies, models, providers = (len(set(names)) + 1 for names in self._label_sets())
        rules = len(self._names.rules) + policies  # an unknown rule is `other` in its policy
        fixes = len({(policy, rule) for policy, rule, _ in self._names.rules}) + policies
        by_policy = 5 + len(ACTIONS) + _samples(SECONDS) + _samples(SHARES)
        by_route = 1 + 2 * 2 + 2  # requests; prompt and completion tokens, dollars: each returned and spent
        by_provider = 2 + len(UPSTREAM_ERRORS) + _samples(SECONDS)
        # once: hang-ups, a gauge, the version; stored, lost, queued, broken
        once = len(error_codes()) + 1 + (len(STAGES) + 1) * _samples(STAGE_SECONDS) + len(STREAMS) + 3 + 4
        by_rule = rules * len(RESULTS) + fixes * (2 + _samples(RULE_SECONDS))  # fixes, errors, seconds
        return policies * (by_policy + models * by_route) + by_rule + providers * by_provider + once

    def _label_sets(self) -> tuple[tuple[str, ...], ...]:
        return self._names.policies, self._names.models, self._names.providers

    def _route(self, policy: str, model: str) -> _Route:
        known = (policy if policy in self._policies else OTHER, model if model in self._models else OTHER)
        route = self._routes.get(known)
        if route is None:
            route = self._routes[known] = _Route(self, *known)
        return route

    def _verdict(self, policy: str, verdict: Verdict) -> None:
        result = result_of(verdict)
        key = (policy, verdict.rule, result)
        child = self._verdicts.get(key)
        if child is None:
            labels = self._rule_labels(policy, verdict.rule)
            child = self.verdicts.labels(*labels, result)
            if labels[1] != OTHER:
                self._verdicts[key] = child  # unknown names are not kept: they could fill the memory
        child.inc()
        if verdict.edits:
            self.fixes.labels(*self._rule_labels(policy, verdict.rule)[:2]).inc()
        if verdict.error:
            self.broken.labels(*self._rule_labels(policy, verdict.rule)[:2]).inc()

    def _judge(self, policy: str, rule: str) -> Any:
        labels = self._rule_labels(policy, rule)[:2]
        child = self.judging.labels(*labels)
        if labels[1] != OTHER:
            self._judging[policy, rule] = child
        return child

    def _rule_labels(self, policy: str, rule: str) -> tuple[str, str, str]:
        action = self._rules.get((policy, rule))
        if action is None:
            return (policy if policy in self._policies else OTHER, OTHER, OTHER)
        return (policy if policy in self._policies else OTHER, rule, action)


def result_of(verdict: Verdict) -> str:
    """Return the word of `RESULTS` for a verdict."""
    if verdict.error:
        return "rule_error"
    if verdict.passed is None:
        return "not_applicable"
    if verdict.passed:
        return "passed"
    return "shadow_failed" if verdict.mode == "shadow" else "failed"


def kind_of(error: errors.ProviderError) -> str:
    """Return the word of `UPSTREAM_ERRORS` for what a provider failed with."""
    if isinstance(error, errors.ProviderTimeout):
        return "timeout"
    if isinstance(error, errors.ProviderNonsense):
        return "invalid_response"
    status = error.upstream_status
    if status is None:
        return "unreachable"
    if status == 429:
        return "rate_limited"
    return "server_error" if status >= 500 else "client_error"


def _joined(one: tuple[str, ...], two: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *two)))


def _samples(buckets: Sequence[float]) -> int:
    return len(buckets) + 3  # +Inf, _count and _sum
