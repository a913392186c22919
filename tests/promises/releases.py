"""Judging what was released, apart from the code that released it: its own walk over a choice, fresh checks."""

from collections.abc import AsyncIterator, Iterator, Sequence
from random import Random
from typing import Any, NamedTuple

from tests.pipeline.worlds import BySlot, Ticking
from tests.promises.outputs import FUNCTIONS

from steady.pipeline.act import fixing_finders
from steady.pipeline.fixing import replace_all
from steady.pipeline.run import run
from steady.pipeline.stream import Done, Sent, stream
from steady.pipeline.world import Live
from steady.policy.resolved import Bound, Resolved
from steady.providers.scripted import ScriptedProvider
from steady.rules.rule import Context, Finder, Prefix, Rule, Window
from steady.types import UNENFORCED, Call, Outcome, Piece, Request

NO_TEXT = frozenset(
    ("id", "type", "role", "name", "index", "finish_reason", "signature", "model", "format", "tool_call_id")
)
STREAMED = ("content", "refusal", "reasoning", "reasoning_content")
SURFACE = {"content": "answer", "refusal": "answer", "reasoning": "reasoning", "reasoning_content": "reasoning"}
MODELS_OWN = frozenset(("answered", "otherwise"))  # actions that may release what a model said


def texts(choice: dict[str, Any]) -> Iterator[Piece]:
    """Yield every text of a released choice with its surface, walked in the plainest way."""
    message = choice["message"]
    for key, value in message.items():
        if key in {"content", "refusal"}:
            if isinstance(value, str):
                yield Piece("answer", (key,), value)
        elif key == "tool_calls":
            for call in value or ():
                yield Piece("tool_arguments", (key,), call["function"]["arguments"], name=call["function"]["name"])
        elif key == "function_call":
            if value:
                yield Piece("tool_arguments", (key,), value["arguments"], name=value["name"])
        elif key not in NO_TEXT:
            yield from (Piece("reasoning", (key,), text) for text in _leaves(value))


def _leaves(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for key, value in node.items():
            if key not in NO_TEXT:
                yield from _leaves(value)
    elif isinstance(node, list):
        for value in node:
            yield from _leaves(value)


def binding(rules: Sequence[Rule]) -> list[Rule]:
    """Return the enforced ones."""
    return [rule for rule in rules if rule.mode == "enforce" and rule.on_fail not in UNENFORCED]


def broken_rules(choice: dict[str, Any], rules: Sequence[Rule], request: Request) -> list[str]:
    """Return the ids of the enforced rules that a choice breaks, judged by checks that are built now."""
    pieces = list(texts(choice))
    context = Context(messages=request.messages, finish_reason=str(choice.get("finish_reason") or "stop"))
    return [
        rule.key
        for rule in binding(rules)
        for piece in pieces
        if piece.surface in rule.surfaces and not rule.build().judge(piece, context).passed  # type: ignore[union-attr]
    ]


def leaks(choices: Sequence[dict[str, Any]], rules: Sequence[Rule], request: Request) -> list[tuple[int, str]]:
    """Return (choice, rule) for everything that was released and breaks a rule."""
    return [(i, key) for i, choice in enumerate(choices) for key in broken_rules(choice, rules, request)]


def undisclosed(outcome: Outcome) -> list[dict[str, Any]]:
    """Return the released choices with the disclosure taken off, by nothing but its own text."""
    told = outcome.decision.disclosure
    made = []
    for i, (choice, plain) in enumerate(zip(outcome.choices, outcome.decision.choices, strict=True)):
        content, bare = choice["message"].get("content"), plain["message"].get("content")
        if content != bare:
            before, after = content.startswith(bare), content.endswith(bare)
            assert before or after
            added = content[len(bare) :] if before else content[: len(content) - len(bare)]
            assert i > 0 or told.text.strip() in added  # a further choice says that it is one draft
            assert len(added) <= 400
        made.append({**choice, "message": {**choice["message"], "content": bare}})
    return made


class Cut(BySlot):
    """Streams its line in pieces of random sizes, now and then several fields in turn."""

    def __init__(self, lines: Sequence[Any], cuts: int, **more: Any) -> None:
        super().__init__(lines, **more)
        self._cuts = cuts

    async def stream(self, call: Call) -> AsyncIterator[dict[str, Any]]:
        reply = await self.complete(call)
        for chunk in chunks(reply.body, Random(self._cuts)):
            yield chunk


def chunks(body: dict[str, Any], random: Random) -> Iterator[dict[str, Any]]:
    """Yield one completion of one choice as chunks."""
    choice = body["choices"][0]
    fields: dict[str, list[dict[str, Any]]] = {}
    whole: dict[str, Any] = {}
    for key, value in choice["message"].items():
        if key in STREAMED and isinstance(value, str) and value:
            fields[key] = [{key: part} for part in _parts(value, random)]
        elif key == "tool_calls" and value:
            fields[key] = [{key: [part]} for i, call in enumerate(value) for part in _call_parts(i, call, random)]
        elif key != "role":
            whole[key] = value
    base = {"id": body["id"], "object": "chat.completion.chunk", "created": 0, "model": body["model"]}
    yield {**base, "choices": [{"index": 0, "delta": {"role": "assistant"}, "finish_reason": None}]}
    for delta in _in_turn(list(fields.values()), random):
        yield {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield {**base, "choices": [{"index": 0, "delta": whole, "finish_reason": choice["finish_reason"]}]}
    yield {**base, "choices": [], "usage": body["usage"]}


def _parts(text: str, random: Random) -> list[str]:
    most = random.choice((1, 2, 4, 9, 30))
    parts, at = [], 0
    while at < len(text):
        size = random.randint(1, most)
        parts.append(text[at : at + size])
        at += size
    return parts


def _call_parts(index: int, call: dict[str, Any], random: Random) -> list[dict[str, Any]]:
    head = {**call, "index": index, "function": {**call["function"], "arguments": ""}}
    texts = _parts(call["function"]["arguments"], random)
    return [head, *({"index": index, "function": {"arguments": part}} for part in texts)]


def _in_turn(fields: list[list[dict[str, Any]]], random: Random) -> Iterator[dict[str, Any]]:
    mixed = random.random() < 0.5
    while fields:
        at = random.randrange(len(fields)) if mixed else 0
        yield fields[at].pop(0)
        fields = [field for field in fields if field]


class Streamed(NamedTuple):
    """What a client has at the end of a stream."""

    outcome: Outcome
    message: dict[str, Any] | None  # put together from the deltas; None: broken off, or all is still to be sent
    finish: str | None
    sent: dict[str, str]  # what had left before the end, by field
    live: bool
    broken: bool


def lived(lines: Sequence[Any], cuts: int, other: Any) -> Live:
    """Return the world in which these lines are said."""
    providers = {"scripted": Cut(lines, cuts), "other": ScriptedProvider([other], name="other")}
    return Live(providers, Ticking(), FUNCTIONS)


async def whole(request: Request, policy: Resolved, lines: Sequence[Any], other: Any) -> Outcome:
    """Run without a stream."""
    return await run(request, policy, lived(lines, 0, other))


async def streamed(request: Request, policy: Resolved, lines: Sequence[Any], other: Any, cuts: int) -> Streamed:
    """Run with a stream cut at random, and put together what a client gets."""
    sent: dict[str, str] = {}
    done: Done | None = None
    role = None
    async for event in stream(request, policy, lived(lines, cuts, other)):
        assert done is None, "nothing follows the end"
        if isinstance(event, Sent):
            (choice,) = event.chunk["choices"]
            delta = choice["delta"]
            assert set(delta) <= {"role", *STREAMED}, delta
            assert choice["finish_reason"] is None
            role = delta.pop("role", role)
            for key, text in delta.items():
                sent[key] = sent.get(key, "") + text
        else:
            done = event
    assert done is not None
    if done.whole or done.broken:
        assert not (done.whole and any(sent.values()))
        return Streamed(done.outcome, None, None, sent, done.live, done.broken)
    message: dict[str, Any] = {"role": role, **sent}
    finish = None
    for chunk in done.rest:
        (choice,) = chunk["choices"]
        for key, value in choice["delta"].items():
            message[key] = message.get(key, "") + value if key in STREAMED else value
        finish = choice["finish_reason"] or finish
    return Streamed(done.outcome, message, finish, sent, done.live, done.broken)


def said(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message as a client of a stream can know it: nulls and empty texts are not sent."""
    kept = {k: v for k, v in message.items() if v not in (None, "", []) and k != "role"}
    if "tool_calls" in kept:
        kept["tool_calls"] = [{k: v for k, v in call.items() if k != "index"} for call in kept["tool_calls"]]
    return kept


def seen_too_much(sent: dict[str, str], rules: Sequence[Rule]) -> list[tuple[str, str]]:
    """
    Return (field, rule) for every text that has left a stream and holds what an enforced rule forbids.

    Judged as it stands: a match that ends right where the stream broke off counts only if no text after it could have
    undone it, since the rest was not sent but was there.
    """
    found = []
    for key, text in sent.items():
        for rule in binding(rules):
            check = rule.build()
            if SURFACE[key] not in rule.surfaces:
                continue
            if isinstance(check, Finder) and isinstance(check.streams, Window):
                right = check.streams.right
                bad = any(match.end + right <= len(text) for match in check.find(text))
            elif isinstance(check.streams, Prefix):
                bad = not check.judge(Piece("answer", (key,), text), Context()).passed  # type: ignore[union-attr]
            else:
                bad = False
            if bad:
                found.append((key, rule.key))
    return found


class Naive:
    """What a scanner of single chunks does: it fixes and searches each piece by itself. For the tests to catch."""

    def __init__(self, rules: Sequence[Bound]) -> None:
        self._fixing = [finder for _, finder in fixing_finders(rules)]
        self._ending = [b.check for b in rules if isinstance(b.check, Finder)]
        self.released = ""
        self.shut = False

    def feed(self, text: str, *, final: bool = False) -> str:
        text = replace_all(text, self._fixing)[0]
        self.shut = self.shut or any(next(finder.find(text), None) for finder in self._ending)
        self.released += "" if self.shut else text
        return "" if self.shut else text
