"""Plain text of what `explain` says: candidates side by side, verdicts, what was fixed, filtered or chosen, and why."""

import shutil
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

GAP = "  "
MOST_COLUMNS = 4
STOPPED = {
    "posterior": "enough agree (the leader is the likeliest answer with the probability that the policy asks for)",
    "unreachable": "the leader can't be caught any more",
    "max": "the most candidates that the policy allows were drawn",
    "deadline": "another wave would not have ended before the deadline",
    "budget": "the token budget is spent",
}


def explained(steady: dict[str, Any]) -> Iterator[str]:
    """Yield the lines that tell how an answer came about. `steady` is the response's `steady` object."""
    told = steady.get("explain") or {}
    candidates = told.get("candidates") or []
    chosen = set(told.get("chosen") or ())
    for start in range(0, len(candidates), MOST_COLUMNS):
        yield from _side_by_side(candidates[start : start + MOST_COLUMNS], chosen)
        yield ""
    for verdict in told.get("input") or ():
        yield f"  input: {_verdict(verdict)}"
    yield from summary(steady)


def summary(steady: dict[str, Any]) -> Iterator[str]:
    """Yield what was decided and why, without the candidates."""
    told = steady.get("explain") or {}
    agreement = steady.get("agreement") or {}
    if told.get("stopped"):
        yield f"  sampling stopped: {STOPPED.get(told['stopped'], told['stopped'])}"
    yield f"  decision: {_decision(steady, told)}"
    if agreement.get("measured"):
        how = f"{agreement['value']:.2f}; {agreement['method']}"
        yield f"  agreement: {agreement['agreed']} of {agreement['of']} ({how})"
        for path, share in (agreement.get("fields") or {}).items():
            yield f"    {path or '/'}: {share:.2f}"
    else:
        yield f"  agreement: not measured ({agreement.get('why', '')})"
    for note in steady.get("notes") or ():
        yield f"  note: {note}"
    disclosure = steady.get("disclosure")
    if disclosure:
        why = f" ({disclosure['why']})" if disclosure.get("why") else ""
        yield f"  disclosed in {disclosure['place']}{why}: {disclosure['text']}"


def _decision(steady: dict[str, Any], told: dict[str, Any]) -> str:
    words = [str(steady.get("action", "")).replace("_", " ")]
    if told.get("blended"):
        words.append("put together field by field")
    elif told.get("chosen"):
        words.append("candidate " + ", ".join(f"#{slot}" for slot in told["chosen"]))
    if steady.get("fixed"):
        words.append(f"fixed by {', '.join(steady['fixed'])}")
    if steady.get("reason"):
        words.append(str(steady["reason"]))
    return "; ".join(words)


def _side_by_side(candidates: Sequence[dict[str, Any]], chosen: set[int]) -> Iterator[str]:
    width = max(24, (min(shutil.get_terminal_size((110, 24)).columns, 132) - 2) // max(1, len(candidates)) - len(GAP))
    columns = [_column(candidate, candidate["slot"] in chosen, width) for candidate in candidates]
    for i in range(max(map(len, columns))):
        cells = [(column[i] if i < len(column) else "").ljust(width) for column in columns]
        yield ("  " + GAP.join(cells)).rstrip()


def _column(candidate: dict[str, Any], chosen: bool, width: int) -> list[str]:
    again = f", asked again ({candidate['attempt']})" if candidate["attempt"] else ""
    lines = [f"#{candidate['slot']}{again}{' <- chosen' if chosen else ''}", "-" * width]
    text = "\n".join(piece["text"] for piece in candidate["texts"]) or "(no text)"
    shown = text if len(text) <= 420 else text[:420] + " ..."
    for line in shown.splitlines() or [""]:
        lines += textwrap.wrap(line, width, break_long_words=True, break_on_hyphens=False) or [""]
    lines.append("")
    passed = [verdict["rule"] for verdict in candidate["verdicts"] if verdict["passed"]]
    if passed:
        lines += textwrap.wrap(
            f"pass {', '.join(dict.fromkeys(passed))}", width, subsequent_indent="    ", break_on_hyphens=False
        )
    for verdict in candidate["verdicts"]:
        if verdict["passed"] is False:
            lines += textwrap.wrap(_verdict(verdict), width, subsequent_indent="    ", break_on_hyphens=False)
    return lines


def _verdict(verdict: dict[str, Any]) -> str:
    if verdict["passed"]:
        return f"pass {verdict['rule']}"
    done = "fixed" if verdict.get("edits") else verdict["action"]
    shadow = " (shadow)" if verdict["mode"] == "shadow" else ""
    reason = verdict.get("error") or verdict.get("reason", "")
    return f"FAIL {verdict['rule']} -> {done}{shadow}: {reason}"
