"""Contract, section 2: agreement that deserves the name. Each test's name is a promise."""

from fractions import Fraction
from typing import Any

import pytest
from tests.pipeline.worlds import QUIET, BySlot, decided, draws, policy, question, tool_call, world

from steady.errors import ProviderError
from steady.pipeline.respond import agreement_header, steady_object
from steady.pipeline.run import run
from steady.policy.document import Similarity
from steady.policy.resolved import Resolved
from steady.providers.scripted import ScriptedProvider
from steady.types import Outcome, Sampling

HAM = {"rule": "excludes", "terms": ["ham"], "on_fail": "filter"}
LAVA = {"rule": "excludes", "terms": ["lava"]}
REFUSAL = {"message": {"role": "assistant", "content": None, "refusal": "I won't."}, "finish_reason": "stop"}
SEVERAL: dict[str, Any] = {"sampling": {"preset": "balanced"}, "choose": {"by": "consensus"}}


def voting(many: int, *rules: dict[str, Any], on_fail: str = "filter", **doc: Any) -> Resolved:
    """A vote among spam and ham over that many draws."""
    output = {"kind": "label", "labels": ["spam", "ham"], "on_fail": on_fail}
    return policy(*rules, output=output, **{**SEVERAL, "candidates": draws(many), **doc})


def texts(many: int, **doc: Any) -> Resolved:
    return policy(**{**SEVERAL, "candidates": draws(many), **doc})


def cut(text: str, why: str = "length") -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": text}, "finish_reason": why}


async def test_the_denominator_is_all_completed_first_draws_those_that_rules_filtered_included() -> None:
    """Else a rule that drops dissent would raise the agreement that users are told."""
    outcome = await decided(voting(5, HAM), ["spam", "ham", "ham", "spam", "gibberish"])

    assert outcome.decision.agreement.of == 5
    assert outcome.decision.agreement.share == Fraction(2, 5)
    assert outcome.choices[0]["message"]["content"] == "spam"


async def test_a_draw_that_never_completed_is_no_part_of_the_denominator() -> None:
    lost = ProviderError("gone", status=500)
    outcome = await decided(voting(4), ["spam", lost, "ham", "spam", *[lost] * 4])

    assert (outcome.decision.agreement.share, outcome.decision.agreement.of) == (Fraction(2, 3), 3)


async def test_reasks_never_count() -> None:
    """Asked again with the reason at hand, a model says what it is told: that is no independent vote."""
    lines = {(slot, attempt): "a" if attempt else "lava" for slot in range(6) for attempt in range(6)}
    resolved = policy({**LAVA, "on_fail": "reask"}, **SEVERAL, candidates=draws(2, 6))

    outcome = await decided(resolved, BySlot(lines))

    assert outcome.choices[0]["message"]["content"] == "a"
    assert outcome.decision.agreement.share is None
    assert "no vote" in outcome.decision.agreement.why


async def test_a_snapped_candidate_counts_and_is_flagged() -> None:
    outcome = await decided(voting(4, on_fail="fix"), ["spam", "Spam.", " SPAM", "ham"])

    assert (outcome.decision.agreement.share, outcome.decision.agreement.of) == (Fraction(3, 4), 4)
    assert outcome.decision.agreement.fixed == 2


async def test_a_fixed_candidate_counts_and_is_flagged() -> None:
    resolved = policy({**LAVA, "replace": "stone", "on_fail": "fix"}, **SEVERAL, candidates=draws(3))

    outcome = await decided(resolved, ["It is hot stone.", "It is hot lava.", "It is hot stone."])

    assert (outcome.decision.agreement.share, outcome.decision.agreement.fixed) == (1, 1)


@pytest.mark.parametrize("why", ["length", "content_filter"])
async def test_truncated_answers_do_not_vote(why: str) -> None:
    outcome = await decided(voting(5), ["spam", "spam", cut("ham", why), cut("ham", why), cut("ham", why)])

    assert outcome.choices[0]["message"]["content"] == "spam"
    assert (outcome.decision.agreement.share, outcome.decision.agreement.of) == (1, 2)


async def test_refusals_form_a_cluster_of_their_own() -> None:
    """Two refusals in different words are one opinion, and neither is a vote for the answer."""
    other = {"message": {"role": "assistant", "content": None, "refusal": "No way, sorry."}, "finish_reason": "stop"}

    answered = await decided(texts(5), ["Paris it is.", REFUSAL, "Paris it is.", other, "Paris it is."])
    refused = await decided(texts(5), [REFUSAL, other, "Paris it is.", other, "Rome, I think."])

    assert answered.choices[0]["message"]["content"] == "Paris it is."
    assert answered.decision.agreement.share == Fraction(3, 5)
    assert refused.choices[0]["message"]["refusal"]
    assert refused.decision.agreement.share == Fraction(3, 5)


ONCE: list[tuple[dict[str, Any], Sampling]] = [
    ({"sampling": {"preset": "balanced", "temperature": 0}, "candidates": draws(5)}, Sampling()),
    ({"sampling": {"preset": "deterministic"}, "candidates": draws(5)}, Sampling()),
    ({"sampling": {"preset": "balanced", "top_k": 1}, "candidates": draws(5)}, Sampling()),
    ({"sampling": {"preset": "client"}, "candidates": draws(5)}, Sampling(temperature=0)),
    ({"sampling": {"preset": "balanced"}, "candidates": draws(1)}, Sampling()),
]


@pytest.mark.parametrize(("doc", "sampling"), ONCE)
async def test_where_draws_are_not_independent_steady_asks_once_and_agreement_is_not_measured(
    doc: dict[str, Any], sampling: Sampling
) -> None:
    """In body, header and disclosure; five equal answers at temperature 0 would otherwise read 100%."""
    provider = ScriptedProvider(["It is Paris."])
    shown = {"place": "append", "when": "always"}
    resolved = policy(**{**doc, "disclose": shown}, choose={"by": "consensus"})

    outcome = await run(question(seed=None, sampling=sampling), resolved, world(provider))

    assert len(provider.calls) == 1
    assert steady_object(outcome)["agreement"]["measured"] is False
    assert steady_object(outcome)["agreement"]["value"] is None
    assert agreement_header(outcome.decision.agreement) == "not measured"
    assert "not measured" in outcome.decision.disclosure.text
    assert outcome.choices[0]["message"]["content"].endswith(outcome.decision.disclosure.text)


async def test_independent_draws_have_distinct_seeds_and_a_temperature_above_0() -> None:
    provider = BySlot(["a", "b", "c", "d"])

    await decided(texts(4), provider)

    assert len({call.body["seed"] for call in provider.calls}) == 4
    assert all(call.body["temperature"] > 0 for call in provider.calls)


async def test_the_root_seed_is_the_clients_where_it_sends_one() -> None:
    one, two = ScriptedProvider(["a"]), ScriptedProvider(["a"])

    for provider in (one, two):
        await run(question(seed=99), texts(3), world(provider))

    seeds = [sorted(call.body["seed"] for call in provider.calls) for provider in (one, two)]
    assert seeds[0] == seeds[1]
    assert 99 in seeds[0]


def roots(outcome: Outcome) -> list[Any]:
    return [entry.value for entry in outcome.journal if entry.what == "seed"]


async def test_else_the_root_seed_is_random_and_recorded() -> None:
    outcomes = [await run(question(seed=None), texts(3), world(ScriptedProvider(["a"]))) for _ in range(4)]

    found = [roots(outcome) for outcome in outcomes]
    assert all(len(root) == 1 for root in found)
    assert len({root[0] for root in found}) > 1


async def test_the_root_seed_is_derived_from_the_request_only_if_the_policy_says_so() -> None:
    asked = texts(3, candidates=draws(3, seed="request"))
    providers = [ScriptedProvider(["a"]) for _ in range(3)]

    same = [await run(question(seed=None), asked, world(provider)) for provider in providers[:2]]
    await run(question("Another question", seed=None), asked, world(providers[2]))

    seeds = [{call.body["seed"] for call in provider.calls} for provider in providers]
    assert seeds[0] == seeds[1] != seeds[2]
    assert all(roots(outcome) == [] for outcome in same)


async def test_the_shape_is_voted_before_the_content() -> None:
    """Three calls of a tool, each with other arguments, outvote two answers in the same words."""
    calls = [
        {"role": "assistant", "content": None, "tool_calls": [tool_call(f'{{"n": {n}}}', id=f"c{n}")]} for n in range(3)
    ]

    outcome = await decided(texts(5), ["Same words.", calls[0], "Same words.", calls[1], calls[2]])

    assert outcome.choices[0]["message"]["tool_calls"]
    assert outcome.decision.agreement.of == 5
    assert outcome.decision.agreement.share is not None
    assert outcome.decision.agreement.share <= Fraction(3, 5)


async def test_a_text_beside_tool_calls_is_a_shape_of_its_own() -> None:
    both = {"role": "assistant", "content": "Looking.", "tool_calls": [tool_call("{}")]}

    outcome = await decided(texts(3), [both, both, "Looking."])

    assert outcome.choices[0]["message"]["content"] == "Looking."
    assert outcome.choices[0]["message"]["tool_calls"]
    assert outcome.decision.agreement.share == Fraction(2, 3)


UNLIKE = [
    "The harbour opens at dawn.",
    "Nobody knows which number.",
    "Try a bakery nearby, then ask.",
    "Green is a colour people like.",
]


async def test_open_text_has_no_default_min_agreement() -> None:
    """8 samples of a small model give 3 to 8 distinct answers: a default would make most policies abstain."""
    outcome = await decided(texts(4), UNLIKE)

    assert texts(4).doc.choose.min_agreement is None
    assert outcome.decision.action == "answered"
    assert outcome.decision.agreement.share == Fraction(1, 4)


async def test_below_a_min_agreement_that_is_named_there_is_no_answer() -> None:
    outcome = await decided(texts(4, choose={"by": "consensus", "min_agreement": 0.3}), UNLIKE)

    assert outcome.decision.action == "error"
    assert outcome.choices == ()


async def test_similarity_measure_and_threshold_are_named_in_the_policy_with_documented_defaults() -> None:
    lines = ["The train leaves from the platform at noon.", "The long train leaves from the platform at noon."]
    shares = []
    for threshold in (0.4, 0.99):
        output = {"kind": "text", "similarity": {"measure": "words", "threshold": threshold}}
        shares.append((await decided(texts(2, output=output), lines)).decision.agreement)

    assert (Similarity().measure, Similarity().threshold) == ("words", 0.6)
    assert [agreement.share for agreement in shares] == [1, Fraction(1, 2)]


async def test_a_disclosure_names_no_number_that_was_not_measured() -> None:
    shown = {"place": "append", "when": "always", "text": "{agreed} of {of} drafts agreed."}

    outcome = await decided(policy(sampling={"preset": "precise"}, disclose=shown), ["It is Paris."])

    assert "{" not in outcome.decision.disclosure.text
    assert not any(char.isdigit() for char in outcome.decision.disclosure.text)
    assert QUIET["place"] == "none"
