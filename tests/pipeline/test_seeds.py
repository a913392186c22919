"""seeds: one root, recorded; every draw's own follows from it."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pipeline.worlds import decided, draws, policy, question

from steady.pipeline.seeds import draw_seed
from steady.providers.scripted import ScriptedProvider


async def seeds_of(resolved: Any, request: Any) -> tuple[list[int], Any]:
    provider = ScriptedProvider(["Paris."])
    outcome = await decided(resolved, provider, request)
    return [call.body.get("seed") for call in provider.calls], outcome


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31 - 1))
def test_seeds_are_distinct_and_fit_31_bits(root: int) -> None:
    made = [draw_seed(root, slot, attempt) for slot in range(16) for attempt in range(3)]

    assert len(set(made)) == len(made)
    assert all(0 <= seed < 2**31 for seed in made)
    assert made[0] == root


async def test_the_clients_seed_is_the_root() -> None:
    seeds, outcome = await seeds_of(policy(candidates=draws(3)), question(seed=11))

    assert seeds[0] == 11
    assert len(set(seeds)) == len(seeds) == 3
    assert all(entry.what != "seed" for entry in outcome.journal)


async def test_a_fresh_root_is_drawn_and_recorded() -> None:
    resolved = policy(candidates=draws(2))
    one, outcome = await seeds_of(resolved, question(seed=None))
    other, _ = await seeds_of(resolved, question(seed=None))

    assert one != other
    assert [e.value for e in outcome.journal if e.what == "seed"] == [one[0]]


async def test_a_policy_may_derive_the_root_from_the_request() -> None:
    resolved = policy(candidates=draws(2, seed="request"))
    one, outcome = await seeds_of(resolved, question("a", seed=None))
    same, _ = await seeds_of(resolved, question("a", seed=None))
    other, _ = await seeds_of(resolved, question("b", seed=None))

    assert one == same != other
    assert all(entry.what != "seed" for entry in outcome.journal)
    assert all(0 <= seed < 2**31 for seed in one)


async def test_a_client_of_one_unseeded_call_gets_no_seed() -> None:
    seeds, _ = await seeds_of(policy({"rule": "no_pii"}), question(seed=None))

    assert seeds == [None]
