"""`fixed` is about the answer that was given, not about drafts that nobody sees."""

from tests.pipeline.worlds import decided, draws, policy

from steady.pipeline.respond import steady_object


async def test_fixed_leaves_out_what_was_fixed_in_other_drafts() -> None:
    under = policy({"rule": "no_pii", "on_fail": "fix"}, candidates=draws(3), sampling={"preset": "balanced"})
    outcome = await decided(under, ["Yes, we do.", "Yes, we do.", "Write to ann@example.com today."])

    assert any(v.edits for v in outcome.decision.verdicts)
    assert "fixed" not in steady_object(outcome)
