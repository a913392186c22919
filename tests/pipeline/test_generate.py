"""generate: waves, every reason to stop, what a lost candidate costs, and asking again."""

import asyncio
from fractions import Fraction
from typing import Any

import pytest
from msgspec import structs
from tests.pipeline.worlds import CAPS, BySlot, Ticking, decided, decorated, draws, policy, question, tool_call, world

from steady.errors import ProviderError
from steady.pipeline.generate import shares, together, usage_of
from steady.pipeline.run import run
from steady.policy.resolved import Target
from steady.providers.scripted import Delay, ScriptedProvider
from steady.types import Call, Outcome, Reply, Sampling, Usage

LABEL = {"kind": "label", "labels": ["spam", "ham"], "on_fail": "filter"}
SHORT = {"rule": "length", "words": {"max": 3}, "on_fail": "reask"}
LONG = "far too many words for this rule"
TOOLS = {"tools": [{"type": "function", "function": {"name": "send", "parameters": {"type": "object"}}}]}


def labels(**candidates: Any) -> Any:
    return policy(output=LABEL, candidates=candidates)


def slots(outcome: Outcome) -> list[tuple[int, int]]:
    return [(c.slot, c.attempt) for c in outcome.candidates]


def error(status: int = 503) -> ProviderError:
    return ProviderError("the upstream is busy", status=status, retryable=True)


async def test_one_wave_is_enough_where_all_agree() -> None:
    outcome = await decided(labels(min=4, max=8), ["spam"] * 8)

    assert (outcome.decision.stopped, len(outcome.candidates)) == ("posterior", 4)


async def test_later_waves_come_in_the_size_of_the_policy() -> None:
    provider = BySlot(["spam", "ham"] * 4)
    outcome = await decided(labels(min=3, max=8, wave=2, stop={"posterior": 0.99}), provider)
    waves = [e.slot for e in outcome.journal if e.what == "elapsed"]

    assert (outcome.decision.stopped, len(outcome.candidates)) == ("max", 8)
    assert waves == [0, 1, 2, 3]  # 3, 2, 2, and 1 that is left


async def test_sampling_stops_where_the_leader_can_not_be_caught() -> None:
    outcome = await decided(labels(min=3, max=4, stop={"posterior": 0.99}), ["ham", "ham", "ham", "spam"])

    assert (outcome.decision.stopped, len(outcome.candidates)) == ("unreachable", 3)


async def test_max_ends_what_never_agrees() -> None:
    outcome = await decided(labels(min=2, max=4), ["spam", "ham", "spam", "ham"])

    assert outcome.decision.stopped == "max"
    assert outcome.decision.agreement.share == Fraction(1, 2)


async def test_no_wave_starts_that_would_end_after_the_deadline() -> None:
    """A wave is expected to take as long as the slowest so far."""
    provider = BySlot(["spam", "ham"] * 4)
    live = world(provider, clock=Ticking(step=3.0))
    outcome = await run(question(), labels(min=2, max=8, deadline="5s"), live)

    assert (outcome.decision.stopped, len(outcome.candidates)) == ("deadline", 2)


async def test_the_budget_counts_prompt_and_completion() -> None:
    ask = question("one two three four")  # the script counts 4 tokens of prompt and 1 of answer
    outcome = await decided(labels(min=2, max=8, budget={"tokens": 18}), ["spam", "ham"] * 4, ask)

    assert (outcome.decision.stopped, len(outcome.candidates)) == ("budget", 3)
    assert outcome.total.prompt + outcome.total.completion <= 18


async def test_the_first_candidate_is_made_whatever_the_budget() -> None:
    outcome = await decided(labels(min=4, max=8, budget={"tokens": 1}), ["spam"] * 8)

    assert len(outcome.candidates) == 1
    assert outcome.decision.action == "answered"


async def test_one_candidate_is_one_call_whose_agreement_is_not_measured() -> None:
    outcome = await decided(policy(), ["Paris."])

    assert (outcome.decision.stopped, len(outcome.candidates)) == ("one call", 1)
    outcome = await decided(policy(SHORT | {"on_fail": "filter"}), ["Paris."])
    assert (outcome.decision.stopped, outcome.decision.agreement.share) == ("one candidate", None)
    assert outcome.decision.agreement.why


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (question("x" * 40_000), "above 8000 one candidate"),
        (question(sampling=Sampling(seed=7, temperature=0.0)), "temperature 0"),
        (question(sampling=Sampling(seed=7, top_k=1)), "temperature 0"),
        (question(fields=TOOLS), "tools are offered"),
        (question(options=decorated()), "decorated function"),
    ],
)
async def test_one_candidate_is_made_where_several_would_mean_nothing(request_: Any, why: str) -> None:
    outcome = await decided(labels(min=4, max=8), ["spam"] * 8, request_)

    assert len(outcome.candidates) == 1
    assert outcome.decision.agreement.share is None
    assert why in outcome.decision.agreement.why


async def test_the_first_that_passes_ends_it_where_the_policy_compares_none() -> None:
    first = policy(SHORT | {"on_fail": "filter"}, choose={"by": "first"}, candidates=draws(1, 4, wave=1))
    outcome = await decided(first, [LONG, "Paris.", "Lyon.", "Rome."])

    assert outcome.decision.stopped == "the first accepted"
    assert outcome.decision.chosen == (1,)
    assert outcome.decision.agreement.share is None


async def test_a_lost_candidate_costs_only_itself() -> None:
    outcome = await decided(labels(min=4, max=4), ["spam", error(), "ham", "spam", "spam"])

    assert outcome.decision.action == "answered"
    assert [e.upstream_status for e in outcome.errors] == [503]
    assert outcome.decision.agreement.of == len(outcome.candidates) == 4  # the lost one was made up for


async def test_a_candidate_that_times_out_costs_only_itself() -> None:
    outcome = await decided(labels(min=3, max=3, deadline="80ms"), ["spam", Delay(5.0, "ham"), "spam", "spam"])

    assert outcome.decision.choices[0]["message"]["content"] == "spam"
    assert [type(e).__name__ for e in outcome.errors] == ["ProviderTimeout"]


async def test_calls_are_bounded_where_the_upstream_fails_every_time() -> None:
    provider = ScriptedProvider([error()])
    outcome = await decided(labels(min=2, max=4), provider)

    assert (outcome.decision.action, outcome.decision.code) == ("error", "upstream_error")
    assert outcome.decision.stopped == "errors"
    assert len(provider.calls) == 2


async def test_calls_are_bounded_where_the_upstream_fails_all_but_once() -> None:
    outcome = await decided(labels(min=2, max=4), ["spam", *[error() for _ in range(20)]])

    assert outcome.decision.stopped == "max"
    assert len(outcome.errors) + len(outcome.candidates) <= 8


async def test_a_429_halves_the_next_wave_and_is_not_waited_for() -> None:
    """Each slot of a wave that waits and tries again would only add to the load that was refused."""
    lines = ["spam", error(429), error(429), error(429), *["ham", "spam"] * 8]
    provider = BySlot(lines)
    outcome = await decided(labels(min=4, max=8, wave=8), provider)
    patience = [call.patient for call in provider.calls]

    assert patience[:6] == [False] * 6
    assert [e.upstream_status for e in outcome.errors] == [429] * 3
    marks = [e for e in outcome.journal if e.what == "elapsed"]
    assert len(marks) >= 3  # 4, then 2, then the rest: without shrinking, two waves would have done


async def test_a_single_call_waits_for_a_429_itself() -> None:
    provider = BySlot(["Paris."])
    await decided(policy(SHORT | {"on_fail": "filter"}), provider)

    assert [call.patient for call in provider.calls] == [True]


async def test_an_upstream_that_serves_n_well_is_asked_in_batches() -> None:
    caps = structs.replace(CAPS, n=3)
    provider = ScriptedProvider(["spam", "ham"], capabilities=caps)
    outcome = await decided(policy(output=LABEL, candidates=draws(5, 5), caps=caps), provider)

    assert [call.body.get("n") for call in provider.calls] == [3, 2]
    assert slots(outcome) == [(slot, 0) for slot in range(5)]
    assert outcome.total.completion == 5
    assert len({call.body["seed"] for call in provider.calls}) == 2


async def test_every_candidate_that_fails_is_asked_again_with_what_would_pass() -> None:
    provider = BySlot({(s, a): "Paris." if a else LONG for s in range(4) for a in range(4)})
    outcome = await decided(policy(SHORT, candidates=draws(2, 4)), provider)
    last = provider.calls[-1].body["messages"]

    assert outcome.decision.choices[0]["message"]["content"] == "Paris."
    assert last[-1]["role"] == "user"
    assert "at most 3 words" in last[-1]["content"]
    assert last[-2] == {"role": "assistant", "content": LONG}


async def test_reasks_never_vote() -> None:
    provider = BySlot({(s, a): "Paris." if a else LONG for s in range(2) for a in range(4)})
    outcome = await decided(policy(SHORT, candidates=draws(2, 4, stop={"posterior": 0.6})), provider)

    assert outcome.decision.agreement.share is None
    assert "no vote" in outcome.decision.agreement.why


async def test_reasks_count_against_max() -> None:
    provider = BySlot({(s, a): LONG for s in range(4) for a in range(9)})
    outcome = await decided(policy(SHORT, candidates=draws(2, 5, stop={"posterior": 0.6})), provider)

    assert (outcome.decision.action, outcome.decision.code) == ("error", "no_acceptable_answer")
    assert len(provider.calls) <= 5


async def test_reasks_count_against_the_budget() -> None:
    """A reask's prompt holds the failed answer and what would pass, so it costs more than a draw."""
    candidates = draws(1, 8, wave=1, budget={"tokens": 100})
    provider = BySlot([LONG])
    outcome = await decided(policy(SHORT, candidates=candidates), provider, question("one two three"))

    assert outcome.total.prompt + outcome.total.completion <= 100
    assert 2 <= len(provider.calls) < 8


async def test_no_reask_is_made_that_the_budget_does_not_cover() -> None:
    candidates = draws(1, 8, wave=1, budget={"tokens": 22})
    outcome = await decided(policy(SHORT, candidates=candidates), [LONG], question("one two three"))

    assert outcome.total.prompt + outcome.total.completion <= 22


async def test_nothing_is_asked_again_where_a_candidate_passed() -> None:
    provider = BySlot(["Paris.", LONG])
    await decided(policy(SHORT, candidates=draws(2, 8, stop={"posterior": 0.51})), provider)

    assert all(len(call.body["messages"]) == 1 for call in provider.calls)


async def test_a_reask_does_not_quote_what_a_sensitive_rule_matched() -> None:
    rule = {"rule": "no_pii", "kinds": ["email"], "on_fail": "reask"}
    provider = BySlot({(s, a): "Nobody." if a else "Ask ann@example.com." for s in range(2) for a in range(3)})
    outcome = await decided(policy(rule, candidates=draws(1, 2, wave=1)), provider)
    again = [call for call in provider.calls if len(call.body["messages"]) > 1]

    assert outcome.decision.action == "answered" or again
    assert "ann@example.com" not in str([call.body["messages"] for call in again])


async def test_a_foreign_exception_reaches_the_caller_and_ends_the_others() -> None:
    ended: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cancelled")

    async def breaks() -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        await together([waits(), breaks()])
    assert ended == ["cancelled"]


async def test_cancelling_a_run_cancels_its_calls() -> None:
    provider = BySlot([Delay(60, "spam")] * 4)
    task = asyncio.ensure_future(decided(labels(min=4, max=4), provider))
    while len(provider.calls) < 4:
        await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


def test_usage_is_split_over_the_choices_of_one_reply() -> None:
    choices = [{"message": {"content": "a" * 9}}, {"message": {"content": "b" * 19}}]
    reply = Reply(body={"choices": choices, "usage": {"prompt_tokens": 5, "completion_tokens": 30}})
    target = Target(provider="p", model="m", capabilities=CAPS, prompt_price="0.01", completion_price="0.02")
    spent = usage_of(reply, target)
    parts = shares(reply, spent)

    assert spent == Usage(prompt=5, completion=30, cost=Fraction(65, 100))
    assert [(p.prompt, p.completion) for p in parts] == [(5, 10), (0, 20)]


@pytest.mark.parametrize("told", [None, "many", {}, {"prompt_tokens": -3, "completion_tokens": True}])
def test_nonsense_for_usage_counts_as_nothing(told: Any) -> None:
    reply = Reply(body={"choices": [{"message": {}}], "usage": told})

    assert usage_of(reply, Target(provider="p", model="m", capabilities=CAPS)) == Usage()


async def test_tool_calls_are_not_quoted_in_a_reask() -> None:
    """An assistant message with tool calls needs their results; the reask has none."""
    call = {"content": "Sending.", "tool_calls": [tool_call("not json")]}
    rule = {"rule": "tool_call_schema", "on_fail": "reask"}
    provider = BySlot({(s, a): call for s in range(3) for a in range(4)})
    await decided(policy(rule, candidates=draws(1, 2)), provider, question(fields=TOOLS))

    assert len(provider.calls) == 2
    assert all(m["role"] != "assistant" for m in provider.calls[-1].body["messages"])


async def test_the_call_says_how_long_it_may_take() -> None:
    seen: list[Call] = []
    provider = ScriptedProvider(lambda call: seen.append(call) or "spam")
    await decided(labels(min=2, max=2, deadline="7s"), provider)

    assert [call.timeout for call in seen] == [7.0, 7.0]
