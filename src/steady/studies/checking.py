"""One text, or one choice, under a policy's rules: what a run would do with it, and no model asked for it."""

from typing import Any, Literal, NamedTuple

from msgspec import structs

from steady.pipeline.act import act
from steady.pipeline.guard import INPUT_SLOT, guard
from steady.pipeline.history import clean
from steady.pipeline.journal import Recorder
from steady.pipeline.judge import Scene, rounds_of
from steady.pipeline.plan import plan
from steady.pipeline.run import with_messages
from steady.pipeline.texts import customs
from steady.policy.resolved import Resolved
from steady.types import UNENFORCED, Candidate, Entry, Request, Verdict, World

Action = Literal["passed", "fixed", "asked_again", "dropped", "refrained", "error", "refused_input"]
ACTIONS: tuple[Action, ...] = ("passed", "fixed", "asked_again", "dropped", "refrained", "error", "refused_input")
_FATES: dict[str, Action] = {
    "reask": "asked_again",
    "dropped": "dropped",
    "refrain": "refrained",
    "exception": "error",
}


class Checked(NamedTuple):
    """What the rules made of it."""

    action: Action
    reason: str
    passed: bool  # no enforced rule failed on what was given
    choice: dict[str, Any] | None  # as it would be released; None: it would not, or there was none to judge
    messages: tuple[dict[str, Any], ...] | None  # as they would be sent; None: they would not
    verdicts: tuple[Verdict, ...]
    candidate: Candidate | None
    journal: tuple[Entry, ...]  # what rules that are not pure were told


async def check(
    request: Request, choice: dict[str, Any] | None, policy: Resolved, world: World, *, judge_input: bool
) -> Checked:
    """
    Judge a choice, and the request's messages where `judge_input` says so, as a run would.

    An input that is refused ends it, as it ends a run: the choice is not judged then. Rules that are not pure are
    asked. The action is that of this one candidate; what becomes of a request depends on the others too.

    Raises:
        RequestError: The request can't be used under this policy.
    """
    recorder = Recorder(world)
    made = plan(request, policy, clean(request.messages, customs(policy.doc.disclose.text)))
    verdicts: tuple[Verdict, ...] = ()
    if judge_input:
        scene = Scene(slot=INPUT_SLOT, attempt=0, context=made.context, world=recorder)
        guarded = await guard(made.messages, policy.input_rules, scene)
        made, verdicts = with_messages(made, guarded.messages), guarded.verdicts
        if guarded.refused:
            return Checked("refused_input", guarded.reason, False, None, None, verdicts, None, recorder.journal())
    if choice is None:
        fixed = any(v.edits for v in verdicts)
        return Checked(
            "fixed" if fixed else "passed", "", not _failed(verdicts), None, made.messages, verdicts, None,
            recorder.journal(),
        )  # fmt: skip
    finish = str(choice.get("finish_reason") or "stop")
    context = structs.replace(made.context, finish_reason=finish)
    candidate = Candidate(slot=0, choice=choice)
    scene = Scene(slot=0, attempt=0, context=context, world=recorder, rounds=rounds_of(policy))
    acted = await act(candidate, made.rules, scene)
    verdicts = (*verdicts, *acted.verdicts)
    released = acted.fate == "accepted"
    fixed = acted.fixed or any(v.edits for v in verdicts if v.slot == INPUT_SLOT)
    return Checked(
        action=_FATES.get(acted.fate, "fixed" if fixed else "passed"),
        reason=next((f"the rule {bound.rule.key} failed: {why}" for bound, why in acted.failing), ""),
        passed=not _failed(verdicts),
        choice=acted.choice if released else None,
        messages=made.messages if judge_input else None,
        verdicts=verdicts,
        candidate=candidate,
        journal=recorder.journal(),
    )


def _failed(verdicts: tuple[Verdict, ...]) -> bool:
    return any(v.passed is False and v.mode == "enforce" and v.action not in UNENFORCED for v in verdicts)
