"""The embedded model behind a policy made of IFEval's instructions, on prompts of our own."""

from pathlib import Path

import pytest
from benchmarks.ifeval.pool import Recorded
from benchmarks.ifeval.run import MOST, Prompt, answers

from steady.providers.embedded import EmbeddedProvider

PROMPTS = (
    Prompt(1, "Tell me how bread is made. Use no commas.", ("punctuation:no_comma",), ({},)),
    Prompt(2, "Write a short poem about a lake, in small letters.", ("change_case:english_lowercase",), ({},)),
    Prompt(
        3,
        "Name three reasons to walk. Use exactly 3 bullets, and end with: Now go.",
        ("detectable_format:number_bullet_lists", "startend:end_checker"),
        ({"num_bullets": 3}, {"end_phrase": "Now go."}),
    ),
)


@pytest.mark.slow
async def test_the_small_model_keeps_its_policies_within_eight_candidates(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path / "pool.jsonl", EmbeddedProvider(slots=3))
    try:
        given = await answers("vary", PROMPTS, recorded)
    finally:
        await recorded.aclose()
    assert all(one.released and len(one.said) <= MOST for one in given)
    first, second, third = (one.texts[0] for one in given)
    assert "," not in first
    assert second == second.lower()
    assert third.endswith("Now go.")
    assert sum(line.startswith(("* ", "- ")) for line in third.splitlines()) == 3
    assert "Now go." in given[2].raw, "the model wrote its end itself; no fix may"
