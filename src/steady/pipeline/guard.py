"""Rules on what goes in: a text is fixed before it is sent, or the request is refused before a model is asked."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from steady.pipeline.act import FIXING
from steady.pipeline.fixing import ROUNDS, edits_for, replace_all
from steady.pipeline.judge import Scene, judge_piece, verdict
from steady.pipeline.pieces import InputText, input_pieces, with_input_texts
from steady.policy.resolved import Bound
from steady.rules.rule import Finder, apply_edits
from steady.types import Edit, Verdict

_NONE: tuple[Edit, ...] = ()
INPUT_SLOT = -1  # verdicts about the input carry this slot


class Guarded(NamedTuple):
    """The input after its rules."""

    messages: tuple[dict[str, Any], ...]
    verdicts: tuple[Verdict, ...]
    refused: Literal["", "refused", "exception"]
    reason: str = ""


async def guard(messages: tuple[dict[str, Any], ...], rules: Sequence[Bound], scene: Scene) -> Guarded:
    """Judge the input, fix what is to be fixed, and say whether the request is refused."""
    verdicts: list[Verdict] = []
    for bound in rules:
        for text in input_pieces(messages, scope=bound.rule.scope, roles=bound.rule.roles):
            made, fixed = await _one(bound, text, scene)
            verdicts.append(made)
            if fixed is not None:
                message = with_input_texts(messages[text.message], {text.piece.path: fixed})
                messages = (*messages[: text.message], message, *messages[text.message + 1 :])
    return _refusal(messages, tuple(verdicts))


async def _one(bound: Bound, text: InputText, scene: Scene) -> tuple[Verdict, str | None]:
    result = await judge_piece(bound, text.piece, scene)
    path = ("messages", text.message, *text.piece.path)
    made = verdict(result, scene)
    fields: dict[str, Any] = {name: getattr(made, name) for name in made.__struct_fields__}
    fields |= {"surface": "input", "path": path}
    if not (result.failed and result.enforced and bound.rule.on_fail in FIXING):
        return Verdict(**fields), None
    fixed, edits = _fixed(bound, text, scene)
    if fixed is not None:
        after = await judge_piece(bound, text.piece._replace(text=fixed), scene)
        if not after.failed:
            return Verdict(**(fields | {"edits": edits})), fixed
    return Verdict(**(fields | {"reason": f"{made.reason} (no fix)"})), None


def _fixed(bound: Bound, text: InputText, scene: Scene) -> tuple[str | None, tuple[Edit, ...]]:
    if isinstance(bound.check, Finder):
        new, edits = text.piece.text, _NONE
        for i in range(ROUNDS):
            new, merged = replace_all(new, [bound.check])
            edits = edits_for(0, merged) if i == 0 else edits
        return new, edits
    if not bound.rule.is_pure() or bound.rule.on_fail == "custom":
        return None, ()
    try:
        made = bound.check.fix(text.piece, scene.context)  # type: ignore[union-attr]
    except Exception:  # noqa: BLE001 - a fix that breaks is no fix; the input is refused as if there were none
        return None, ()
    return (None, ()) if made is None else (apply_edits(text.piece.text, made), made)


def _refusal(messages: tuple[dict[str, Any], ...], verdicts: tuple[Verdict, ...]) -> Guarded:
    bad = [v for v in verdicts if v.passed is False and v.mode == "enforce" and not v.edits]
    bad = [v for v in bad if v.action not in {"noop", "penalize"}]
    if not bad:
        return Guarded(messages, verdicts, "")
    first = next((v for v in bad if v.action == "exception"), bad[0])
    refused: Literal["refused", "exception"] = "exception" if first.action == "exception" else "refused"
    return Guarded(messages, verdicts, refused, f"the input broke the rule {first.rule}: {first.reason}")
