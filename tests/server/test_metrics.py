"""What Prometheus is told is right, bounded, and cheap to tell."""

import random
import string
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from tests.server.observing import NAMES, BrokenStore, a_verdict, an_outcome, busy_metrics, supported

from steady.errors import ProviderError, ProviderNonsense, ProviderTimeout
from steady.server.metrics import (
    ACTIONS,
    OTHER,
    RESULTS,
    STAGES,
    Metrics,
    Names,
    error_codes,
    kind_of,
    result_of,
)
from steady.types import Agreement, Candidate, Edit, Usage


def samples(metrics: Metrics, **render: Any) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return what a scrape says: (name, labels) -> value."""
    body, _ = metrics.render(**render)
    families = text_string_to_metric_families(body.decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return samples(metrics).get((name, tuple(sorted(labels.items()))), 0.0)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(NAMES, version="1.2.3")


OF_SUPPORT = {"policy": "support-answer"}
BY = {"policy": "support-answer", "model": "local/smollm2-135m"}


def test_a_decision_is_counted_under_its_policy_and_model(metrics: Metrics) -> None:
    metrics.observe(supported(4), model="local/smollm2-135m", seconds=0.3, allowed=8, streamed=True)

    assert value(metrics, "steady_requests_total", **BY) == 1
    assert value(metrics, "steady_decisions_total", action="answered", **OF_SUPPORT) == 1
    assert value(metrics, "steady_request_duration_seconds_sum", **OF_SUPPORT) == pytest.approx(0.3)
    assert value(metrics, "steady_streams_total", mode="buffered") == 1
    assert value(metrics, "steady_stage_duration_seconds_count", stage="generate") == 1


def test_candidates_are_asked_used_and_saved(metrics: Metrics) -> None:
    """A lost candidate was asked for; the vote rests on those that completed."""
    outcome = an_outcome(
        policy="support-answer",
        candidates=tuple(Candidate(slot=slot, choice={}) for slot in range(4)),
        errors=(ValueError(),),
        decision={"agreement": Agreement(share=Fraction(3, 4), of=4)},
    )
    metrics.observe(outcome, model="m", seconds=1, allowed=8)
    counts = [value(metrics, f"steady_candidates_{what}_total", **OF_SUPPORT) for what in ("asked", "used", "saved")]
    assert counts == [5, 4, 3]


def test_more_candidates_than_allowed_save_nothing(metrics: Metrics) -> None:
    """A fallback model's answer comes on top of the policy's candidates."""
    metrics.observe(supported(5), model="m", seconds=1, allowed=4)
    assert value(metrics, "steady_candidates_saved_total", **OF_SUPPORT) == 0


def test_agreement_is_a_histogram_in_which_full_agreement_is_a_bucket_of_its_own(metrics: Metrics) -> None:
    for share in (Fraction(1), Fraction(63, 64), Fraction(1, 2)):
        metrics.observe(an_outcome(decision={"agreement": Agreement(share=share, of=64)}), model="m", seconds=1)
    buckets = {
        bound: value(metrics, "steady_agreement_ratio_bucket", le=bound, policy="pass-through")
        for bound in ("0.4", "0.5", "0.999999", "1.0")
    }
    assert buckets == {"0.4": 0, "0.5": 1, "0.999999": 2, "1.0": 3}


def test_an_agreement_that_was_not_measured_is_not_an_agreement_of_zero(metrics: Metrics) -> None:
    metrics.observe(an_outcome(), model="m", seconds=1)
    assert value(metrics, "steady_agreement_ratio_count", policy="pass-through") == 0
    assert value(metrics, "steady_agreement_unmeasured_total", policy="pass-through") == 1


@pytest.mark.parametrize(
    ("action", "abstained"),
    [
        ("answered", 0),
        ("passed_through", 0),
        ("otherwise", 1),
        ("refrained", 1),
        ("refused_input", 0),
        ("error", 1),
    ],
)
def test_an_abstention_is_a_question_that_was_let_in_and_got_no_candidate(
    metrics: Metrics, action: str, abstained: int
) -> None:
    metrics.observe(an_outcome(decision={"action": action}), model="m", seconds=1)
    assert value(metrics, "steady_abstentions_total", policy="pass-through") == abstained


def test_verdicts_are_counted_by_rule_action_and_result(metrics: Metrics) -> None:
    metrics.observe(supported(5), model="m", seconds=1)
    counted = {key[1]: n for key, n in samples(metrics).items() if key[0] == "steady_verdicts_total"}
    assert counted == {
        tuple(sorted({"policy": "support-answer", "rule": r, "action": a, "result": s}.items())): 1.0
        for r, a, s in [
            ("length", "reask", "failed"),
            ("length", "reask", "passed"),
            ("length", "reask", "not_applicable"),
            ("no_pii", "fix", "failed"),
            ("no_repetition", "penalize", "shadow_failed"),
            ("other", "other", "rule_error"),
        ]
    }
    assert value(metrics, "steady_fixes_total", policy="support-answer", rule="no_pii") == 1


def test_each_verdict_has_one_result() -> None:
    verdicts = [
        a_verdict(passed=True),
        a_verdict(passed=False),
        a_verdict(passed=False, mode="shadow"),
        a_verdict(passed=None),
        a_verdict(passed=False, error="x"),
    ]
    assert tuple(map(result_of, verdicts)) == RESULTS


def test_tokens_and_dollars_are_split_into_returned_and_spent(metrics: Metrics) -> None:
    metrics.observe(supported(5), model="local/smollm2-135m", seconds=1)
    found = samples(metrics)

    def one(name: str, **labels: str) -> float:
        return found[(name, tuple(sorted({**BY, **labels}.items())))]

    assert one("steady_returned_tokens_total", type="prompt") == 80
    assert one("steady_returned_tokens_total", type="completion") == 100
    assert one("steady_spent_tokens_total", type="prompt") == 400
    assert one("steady_spent_tokens_total", type="completion") == 500
    assert one("steady_returned_cost_dollars_total") == pytest.approx(0.0003)
    assert one("steady_spent_cost_dollars_total") == pytest.approx(0.0015)


def test_a_model_without_a_price_costs_nothing_and_does_not_crash(metrics: Metrics) -> None:
    metrics.observe(an_outcome(total=Usage(prompt=1, completion=1)), model="m", seconds=1)
    assert value(metrics, "steady_spent_cost_dollars_total", policy="pass-through", model=OTHER) == 0


def test_errors_are_counted_by_their_code_and_strange_codes_as_other(metrics: Metrics) -> None:
    metrics.error("invalid_api_key")
    metrics.error("upstream's own: sk-canary")
    metrics.observe(an_outcome(decision={"action": "error"}), model="m", seconds=1)
    metrics.error("rule_violation", decided=True)

    counted = {dict(key[1])["code"]: n for key, n in samples(metrics).items() if key[0] == "steady_errors_total" and n}
    requests = [n for key, n in samples(metrics).items() if key[0] == "steady_requests_total"]
    assert counted == {"invalid_api_key": 1, "other": 1, "rule_violation": 1}
    assert sum(requests) == 3


def test_every_error_of_the_tree_has_a_code_of_its_own_series(metrics: Metrics) -> None:
    assert {"body_too_large", "upstream_timeout", "receipt_not_found", "no_acceptable_answer"} <= set(error_codes())


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ProviderTimeout("x"), "timeout"),
        (ProviderNonsense("x", status=200), "invalid_response"),
        (ProviderError("x"), "unreachable"),
        (ProviderError("x", status=429), "rate_limited"),
        (ProviderError("x", status=404), "client_error"),
        (ProviderError("x", status=500), "server_error"),
    ],
)
def test_upstream_failures_are_counted_by_kind(metrics: Metrics, error: ProviderError, kind: str) -> None:
    metrics.upstream("openai", 1.5, retries=2, error=error)
    assert kind_of(error) == kind
    assert value(metrics, "steady_upstream_errors_total", provider="openai", kind=kind) == 1
    assert value(metrics, "steady_upstream_retries_total", provider="openai") == 2
    assert value(metrics, "steady_upstream_duration_seconds_sum", provider="openai") == 1.5


def test_what_has_begun_and_not_ended_is_in_flight(metrics: Metrics) -> None:
    metrics.started()
    metrics.started()
    metrics.ended()
    metrics.hung_up()
    assert [value(metrics, name) for name in ("steady_requests_in_flight", "steady_hang_ups_total")] == [1, 1]


def test_the_store_is_read_when_metrics_are(metrics: Metrics) -> None:
    store = BrokenStore()
    metrics.watch(store)
    assert value(metrics, "steady_receipts_lost_total") == 3
    store.lost = 4
    assert value(metrics, "steady_receipts_lost_total") == 4
    assert value(metrics, "steady_receipts_stored_total") == 12
    assert value(metrics, "steady_receipts_queued") == 1
    assert value(metrics, "steady_store_broken") == 1


def count(metrics: Metrics) -> int:
    return len(samples(metrics))


def test_ten_thousand_random_names_stay_under_the_stated_bound_and_are_never_shown(metrics: Metrics) -> None:
    """Contract section 10: names that callers choose must not fill a Prometheus, nor tell it secrets."""
    chance = random.Random(7)
    metrics.watch(BrokenStore())
    for _ in range(10_000):
        name = "canary" + "".join(chance.choices(string.printable, k=12))
        outcome = an_outcome(
            policy=name,
            timings=((name, 1.0),),
            rule_timings=((name, 1.0),),
            decision={"verdicts": (a_verdict(name, passed=False, edits=(Edit(0, 0, "x"),)),)},
        )
        metrics.observe(outcome, model=name, seconds=1)
        metrics.observe(an_outcome(), model=name, seconds=1)
        metrics.error(name)
        metrics.upstream(name, 1.0, error=ProviderError(name))
    assert count(metrics) <= metrics.bound()
    assert b"canary" not in metrics.render()[0]
    assert b"canary" not in metrics.snapshot()
    assert len(metrics._routes) <= 12
    assert len(metrics._verdicts) <= len(RESULTS) * len(NAMES.rules)
    assert len(metrics._judging) <= len(NAMES.rules)


def test_the_time_of_each_rule_is_a_histogram_and_what_it_could_not_judge_is_counted(metrics: Metrics) -> None:
    policy, rule, _ = NAMES.rules[0]
    verdicts = (a_verdict(rule, passed=False, error="it raised"), a_verdict(rule, passed=True, error="it raised"))
    outcome = an_outcome(
        policy=policy, rule_timings=((rule, 0.00002), (rule, 0.05), ("?", 1.0)), decision={"verdicts": verdicts}
    )
    metrics.observe(outcome, model="m", seconds=1)

    assert value(metrics, "steady_rule_seconds_count", policy=policy, rule=rule) == 2
    assert value(metrics, "steady_rule_seconds_bucket", policy=policy, rule=rule, le="0.0001") == 1
    assert value(metrics, "steady_rule_seconds_count", policy=policy, rule=OTHER) == 1
    assert value(metrics, "steady_rule_errors_total", policy=policy, rule=rule) == 2


def everything(metrics: Metrics, names: Names) -> None:
    """Observe every combination of labels that a configuration allows, and one unknown of each."""
    metrics.watch(BrokenStore())
    errors = [
        ProviderTimeout("x"),
        ProviderNonsense("x"),
        *(ProviderError("x", status=status) for status in (None, 429, 404, 500)),
    ]
    results: list[dict[str, Any]] = [
        {"passed": True},
        {"passed": False, "edits": (Edit(0, 0, "x"),)},
        {"passed": False, "mode": "shadow"},
        {"passed": None},
        {"passed": False, "error": "x"},
    ]
    for policy, model in product((*names.policies, "?"), (*names.models, "?")):
        rules = [rule for of, rule, _ in names.rules if of == policy] + ["?"]
        verdicts = tuple(a_verdict(rule, **result) for rule in rules for result in results)
        for action in ACTIONS:
            outcome = an_outcome(
                policy=policy,
                timings=tuple((stage, 0.1) for stage in (*STAGES, "?")),
                rule_timings=tuple((rule, 0.1) for rule in rules),
                decision={"action": action, "verdicts": verdicts, "agreement": Agreement(share=Fraction(1), of=1)},
            )
            metrics.observe(outcome, model=model, seconds=1, streamed=True, live=True)
            metrics.observe(an_outcome(policy=policy), model=model, seconds=1, streamed=True)
    for provider, error in product((*names.providers, "?"), errors):
        metrics.upstream(provider, 1, retries=1, error=error)


def test_the_bound_is_the_number_of_series_when_everything_has_happened(metrics: Metrics) -> None:
    """Not only an upper bound: a new metric that the formula forgets makes this fail."""
    everything(metrics, NAMES)
    assert count(metrics) == metrics.bound()


def test_a_reloaded_configuration_is_learned_and_the_bound_says_so(metrics: Metrics) -> None:
    before = metrics.bound()
    more = Names(policies=("new",), models=("openai/gpt-4o",), rules=(("new", "length", "filter"),))
    metrics.observe(an_outcome(policy="new"), model="m", seconds=1)
    metrics.learn(more)
    metrics.observe(an_outcome(policy="new"), model="m", seconds=1)
    assert value(metrics, "steady_requests_total", policy="new", model=OTHER) == 1
    assert value(metrics, "steady_requests_total", policy=OTHER, model=OTHER) == 1
    assert metrics.bound() > before


def test_two_instances_share_nothing() -> None:
    one, two = Metrics(NAMES), Metrics(NAMES)
    one.error("invalid_api_key")
    assert value(two, "steady_errors_total", code="invalid_api_key") == 0


def test_open_metrics_is_given_to_those_who_ask_and_both_forms_parse() -> None:
    metrics = busy_metrics()
    plain, plain_type = metrics.render("text/plain")
    opened, opened_type = metrics.render("application/openmetrics-text; version=1.0.0,text/plain;version=0.0.4;q=0.5")
    assert plain_type.startswith("text/plain")
    assert opened_type.startswith("application/openmetrics-text")
    assert opened.endswith(b"# EOF\n")
    names = {f.name for f in openmetrics.text_string_to_metric_families(opened.decode())}
    assert names == {f.name for f in text_string_to_metric_families(plain.decode())}
    assert b"_created" not in plain + opened


def test_workers_are_summed() -> None:
    """Contract section 10: a scrape reaches one worker and must speak for all, also of what it never saw itself."""
    busy, idle = busy_metrics(), Metrics(NAMES, version="0.1.0")
    idle.watch(BrokenStore())
    idle.observe(an_outcome(), model="openai/gpt-4o", seconds=0.02, streamed=True, live=True)
    alone, other = samples(busy), samples(idle)
    together = samples(idle, others=[busy.snapshot()])

    assert together == {key: alone.get(key, 0) + other.get(key, 0) for key in alone | other}
    assert (
        samples(idle, others=[busy.snapshot(), busy.snapshot()])[("steady_requests_total", tuple(sorted(BY.items())))]
        == 2 * alone[("steady_requests_total", tuple(sorted(BY.items())))]
    )
    assert "# EOF" in idle.render("application/openmetrics-text; version=1.0.0", [busy.snapshot()])[0].decode()
