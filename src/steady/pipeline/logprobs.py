"""
Token logprobs spell the answer once more, and what might have been said instead: judged before they are released.

Where a rule is enforced on what comes out, they stay only if they spell the text that was judged, and if no search
finds in their alternatives what it forbids. A field of another form, whose texts nobody can lay beside the answer's,
does not stay.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from steady.pipeline.judge import forbids
from steady.pipeline.pieces import answer_text
from steady.policy.resolved import Bound
from steady.rules.rule import Context, searches
from steady.types import UNENFORCED, Piece


def cleared(choice: dict[str, Any], rules: Sequence[Bound], context: Context) -> dict[str, Any]:
    """Return the choice with its logprobs only if they hold nothing that the rules did not judge."""
    told = choice.get("logprobs")
    enforced = [b for b in rules if b.rule.mode == "enforce" and b.rule.on_fail not in UNENFORCED]
    if told is None or not enforced or _fit(told, answer_text(choice), enforced, context):
        return choice
    return {**choice, "logprobs": None}


def _fit(told: Any, text: str, rules: Sequence[Bound], context: Context) -> bool:
    if not isinstance(told, dict) or not told.keys() <= {"content", "refusal"}:
        return False
    lists = [tokens for key in ("content", "refusal") if (tokens := told.get(key)) is not None]
    if not all(isinstance(tokens, list) and all(map(_known, tokens)) for tokens in lists):
        return False
    tokens = [token for tokens in lists for token in tokens]
    if _spelled(tokens) != text:
        return False
    others = "\n".join(dict.fromkeys(_others(tokens)))
    seeking = [bound for bound in rules if searches(bound.check)]
    return not any(forbids(bound, Piece("answer", ("logprobs",), others), context) for bound in seeking)


def _known(token: Any) -> bool:
    """Whether an entry has OpenAI's form, and nothing else that could hold a text."""
    if not isinstance(token, dict) or not isinstance(token.get("token"), str):
        return False
    more, data = token.get("top_logprobs") or [], token.get("bytes") or []
    texts = {key for key, value in token.items() if isinstance(value, str | list | dict)}
    if not texts <= {"token", "bytes", "top_logprobs"} or not isinstance(more, list) or not isinstance(data, list):
        return False
    return all(isinstance(n, int) and 0 <= n < 256 for n in data) and all(map(_known, more))


def _spelled(tokens: Sequence[dict[str, Any]]) -> str:
    """Return what the tokens say, by their bytes where each has some: a character may lie in two tokens."""
    joined = "".join(token["token"] for token in tokens)
    if not all(token.get("bytes") for token in tokens):
        return joined
    return b"".join(bytes(token["bytes"]) for token in tokens).decode("utf-8", "replace")


def _others(tokens: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield every text but the one that the tokens spell: alternatives, and what does not say what its bytes say."""
    for token in tokens:
        data = bytes(token.get("bytes") or ())
        if data and data != token["token"].encode("utf-8", "replace"):
            yield token["token"]
        for other in token.get("top_logprobs") or ():
            yield other["token"]
            yield bytes(other.get("bytes") or ()).decode("utf-8", "replace")
            yield from _others([other])
