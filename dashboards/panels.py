"""
The panels of Steady's dashboard: each a question or a claim, a unit, a reading, and the queries that answer it.

The metrics are those of `steady.server.metrics`. `$policy` may be several policies; metrics without that label (stages,
store, upstream, errors) are of the whole server.
"""

from typing import Literal, NamedTuple

RATE = "[$__rate_interval]"
MINE = '{policy=~"$policy"}'

Look = Literal["lines", "stacked", "heatmap"]


class Query(NamedTuple):
    """One PromQL expression and the legend of its series."""

    expr: str
    legend: str


class Panel(NamedTuple):
    """One panel, 24 columns to a row of panels."""

    title: str
    unit: str
    description: str
    queries: tuple[Query, ...]
    look: Look = "lines"
    width: int = 8
    bad_above: float | None = None  # a threshold from which on the number is red


class Row(NamedTuple):
    """A titled group of panels."""

    title: str
    panels: tuple[Panel, ...]


def rate(metric: str, by: str = "", labels: str = MINE) -> str:
    """Return the summed rate per second of a counter."""
    grouped = f" by ({by})" if by else ""
    return f"sum{grouped} (rate(steady_{metric}{labels}{RATE}))"


def share(part: str, whole: str) -> str:
    """Return part / whole, 0 where the part has no series yet and nothing where there is no traffic."""
    return f"({part} or vector(0)) / ({whole} > 0)"


def quantiles(metric: str, labels: str = MINE) -> tuple[Query, ...]:
    """Return the queries of p50, p95 and p99 of a histogram."""
    return tuple(
        Query(f"histogram_quantile({q}, {rate(f'{metric}_bucket', 'le', labels)})", name)
        for q, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
    )


def below(bound: str) -> Query:
    """Return the share of measured decisions whose agreement is at most `bound`."""
    bucket = rate("agreement_ratio_bucket", labels=f'{{policy=~"$policy",le="{bound}"}}')
    return Query(share(bucket, rate("agreement_ratio_count")), f"at most {bound}")


OVERVIEW = Row(
    "Overview",
    (
        Panel(
            "How many requests are answered?",
            "reqps",
            "Requests a second by policy, refusals and errors included. `other` is what no loaded policy answers for.",
            (Query(rate("requests_total", "policy"), "{{policy}}"),),
            "stacked",
        ),
        Panel(
            "How many requests end in an error?",
            "percentunit",
            "Share of all requests of this server that were answered with an error status. Steady's refusals under a "
            "policy are abstentions, not errors, unless the policy says `error`.",
            (
                Query(
                    share(rate("errors_total", labels=""), rate("requests_total", labels="")),
                    "errors",
                ),
            ),
            bad_above=0.05,
        ),
        Panel(
            "Which errors are they?",
            "reqps",
            "Errors a second by the `code` that the client got.",
            (Query(f"{rate('errors_total', 'code', '')} > 0", "{{code}}"),),
            "stacked",
        ),
        Panel(
            "How long does a whole answer take?",
            "s",
            "From the first byte of the request to the last of the answer, all candidates included.",
            quantiles("request_duration_seconds"),
        ),
        Panel(
            "In which stage is the time spent?",
            "percentunit",
            "Share of the pipeline's time by stage. Generation should be nearly all of it.",
            (
                Query(
                    f"{rate('stage_duration_seconds_sum', 'stage', '')} / ignoring(stage) group_left () "
                    f"({rate('stage_duration_seconds_sum', labels='')} > 0)",
                    "{{stage}}",
                ),
            ),
            "stacked",
        ),
        Panel(
            "How much is in flight?",
            "short",
            "Requests being answered at the moment of the scrape.",
            (Query("sum(steady_requests_in_flight)", "requests"),),
        ),
    ),
)

VARIABILITY = Row(
    "Variability: how far do independent draws agree?",
    (
        Panel(
            "How is agreement distributed?",
            "short",
            "Measured decisions by the share of first draws that back them. Agreement says how steady an answer is, "
            "not whether it is true. Open text has naturally low shares.",
            (Query(f"sum by (le) (increase(steady_agreement_ratio_bucket{MINE}{RATE}))", "{{le}}"),),
            "heatmap",
            12,
        ),
        Panel(
            "How many decisions rest on little agreement?",
            "percentunit",
            "Share of measured decisions whose agreement is at most 0.3, 0.5 or 0.8.",
            (below("0.3"), below("0.5"), below("0.8")),
            width=12,
        ),
        Panel(
            "What is the mean agreement of each policy?",
            "percentunit",
            "Mean over measured decisions. A fall without a change of the policy is drift.",
            (
                Query(
                    f"{rate('agreement_ratio_sum', 'policy')} / ({rate('agreement_ratio_count', 'policy')} > 0)",
                    "{{policy}}",
                ),
            ),
        ),
        Panel(
            "How often does Steady abstain?",
            "percentunit",
            "Share of decisions that released no candidate: the policy's `otherwise`, a refrain rule, or an error.",
            (Query(share(rate("abstentions_total", "policy"), rate("decisions_total", "policy")), "{{policy}}"),),
            bad_above=0.2,
        ),
        Panel(
            "For how many decisions is agreement not measured?",
            "percentunit",
            "One candidate, temperature 0 or a pass-through policy: there is nothing to compare, and Steady says so.",
            (
                Query(
                    f"{rate('agreement_unmeasured_total', 'policy')} / ({rate('decisions_total', 'policy')} > 0)",
                    "{{policy}}",
                ),
            ),
        ),
    ),
)

CANDIDATES = Row(
    "Candidates: what does agreement cost?",
    (
        Panel(
            "How many candidates does a request take?",
            "short",
            "Candidates for one request: asked of a model (reasks included) and used for the decision.",
            (
                Query(f"{rate('candidates_asked_total')} / ({rate('decisions_total')} > 0)", "asked"),
                Query(f"{rate('candidates_used_total')} / ({rate('decisions_total')} > 0)", "used"),
            ),
        ),
        Panel(
            "How many candidates does stopping early save?",
            "percentunit",
            "Share of the candidates that policies allow and that were not needed, because enough of them agreed.",
            (
                Query(
                    f"{rate('candidates_saved_total', 'policy')} / "
                    f"({rate('candidates_saved_total', 'policy')} + {rate('candidates_asked_total', 'policy')} > 0)",
                    "{{policy}}",
                ),
            ),
        ),
        Panel(
            "What is decided?",
            "reqps",
            "Decisions a second by what was done: answered, passed through, otherwise, refrained, refused, error.",
            (Query(rate("decisions_total", "action"), "{{action}}"),),
            "stacked",
        ),
    ),
)

RULES = Row(
    "Rules: what do they find, and what is done about it?",
    (
        Panel(
            "Which rules fail?",
            "ops",
            "Failing verdicts a second by rule and the action that its policy orders. One candidate can fail many.",
            (
                Query(
                    rate("verdicts_total", "rule, action", '{policy=~"$policy",result="failed"}'),
                    "{{rule}} ({{action}})",
                ),
            ),
            "stacked",
        ),
        Panel(
            "Which share of verdicts fails?",
            "percentunit",
            "Of the verdicts of a rule that applied: how many failed, in shadow mode too.",
            (
                Query(
                    rate("verdicts_total", "rule", '{policy=~"$policy",result=~"failed|shadow_failed|rule_error"}')
                    + " / ("
                    + rate("verdicts_total", "rule", '{policy=~"$policy",result!="not_applicable"}')
                    + " > 0)",
                    "{{rule}}",
                ),
            ),
        ),
        Panel(
            "What would rules in shadow mode have caught?",
            "ops",
            "Failures a second of rules that are only watched: what enforcing them would act on.",
            (Query(rate("verdicts_total", "rule", '{policy=~"$policy",result="shadow_failed"}'), "{{rule}}"),),
        ),
        Panel(
            "What do rules fix?",
            "ops",
            "Texts a second that a rule changed so that they pass. Each fix is a diff on the receipt.",
            (Query(rate("fixes_total", "rule"), "{{rule}}"),),
            "stacked",
            12,
        ),
        Panel(
            "Which rules could not judge?",
            "ops",
            "Texts a second that a rule could not judge: it raised, took too long or was not reached. They count as "
            "failed, or as its `on_error` says.",
            (Query(rate("rule_errors_total", "rule"), "{{rule}}"),),
            width=12,
        ),
        Panel(
            "How long does a rule take?",
            "s",
            "Seconds to judge one text, 95% of them below. Pure rules take microseconds; one that asks outside (a "
            "webhook, a judge, a function) takes as long as its answer, within its `timeout`.",
            (
                Query(
                    f"histogram_quantile(0.95, {rate('rule_seconds_bucket', 'rule, le')})",
                    "{{rule}}",
                ),
            ),
            width=12,
        ),
        Panel(
            "Which rules take the time?",
            "percentunit",
            "Seconds a second that are spent judging, by rule: 1 is one core, or one answer that is waited for.",
            (Query(rate("rule_seconds_sum", "rule"), "{{rule}}"),),
            "stacked",
            12,
        ),
    ),
)

COST = Row(
    "Cost and tokens: returned against spent",
    (
        Panel(
            "How many tokens are spent for one returned?",
            "short",
            "All candidates' tokens over those of the released answers. 1 is a single call.",
            (
                Query(
                    f"{rate('spent_tokens_total', 'policy')} / ({rate('returned_tokens_total', 'policy')} > 0)",
                    "{{policy}}",
                ),
            ),
        ),
        Panel(
            "How many tokens flow?",
            "short",
            "Tokens a second, returned to callers and spent on all candidates.",
            (
                Query(rate("returned_tokens_total", "type"), "returned {{type}}"),
                Query(rate("spent_tokens_total", "type"), "spent {{type}}"),
            ),
        ),
        Panel(
            "What does an hour cost?",
            "currencyUSD",
            "US dollars an hour at the present rate, where a price is known. The embedded model costs nothing.",
            (
                Query(f"3600 * {rate('returned_cost_dollars_total')}", "returned"),
                Query(f"3600 * {rate('spent_cost_dollars_total')}", "spent"),
            ),
        ),
        Panel(
            "Which model costs the most?",
            "currencyUSD",
            "US dollars an hour at the present rate, by model.",
            (Query(f"3600 * {rate('spent_cost_dollars_total', 'model')}", "{{model}}"),),
            "stacked",
            24,
        ),
    ),
)

OUTSIDE = Row(
    "Store and upstream: what Steady stands on",
    (
        Panel(
            "Are receipts kept?",
            "ops",
            "Receipts a second that were stored and lost. A lost receipt never costs an answer.",
            (
                Query(rate("receipts_stored_total", labels=""), "stored"),
                Query(rate("receipts_lost_total", labels=""), "lost"),
            ),
        ),
        Panel(
            "Can the store be written?",
            "short",
            "Processes whose store is broken, and receipts that wait in memory. Both should be near 0.",
            (
                Query("sum(steady_store_broken)", "broken"),
                Query("sum(steady_receipts_queued)", "waiting"),
            ),
        ),
        Panel(
            "How are answers streamed?",
            "reqps",
            "Streams a second: live, or decided first and then sent. `steady check` says which a policy will be.",
            (
                Query(rate("streams_total", "mode", ""), "{{mode}}"),
                Query(rate("hang_ups_total", labels=""), "client went away"),
            ),
        ),
        Panel(
            "How long do providers take?",
            "s",
            "95th percentile of a call, retries included.",
            (
                Query(
                    f"histogram_quantile(0.95, {rate('upstream_duration_seconds_bucket', 'provider, le', '')})",
                    "{{provider}}",
                ),
            ),
        ),
        Panel(
            "How often do providers fail?",
            "percentunit",
            "Share of calls that failed for good, by provider.",
            (
                Query(
                    f"{rate('upstream_errors_total', 'provider', '')} / "
                    f"({rate('upstream_calls_total', 'provider', '')} > 0)",
                    "{{provider}}",
                ),
            ),
            bad_above=0.1,
        ),
        Panel(
            "Why do providers fail, and what is tried again?",
            "ops",
            "Failures a second by kind, and retries.",
            (
                Query(rate("upstream_errors_total", "provider, kind", ""), "{{provider}} {{kind}}"),
                Query(rate("upstream_retries_total", "provider", ""), "{{provider}} retries"),
            ),
        ),
    ),
)

ROWS = (OVERVIEW, VARIABILITY, CANDIDATES, RULES, COST, OUTSIDE)
