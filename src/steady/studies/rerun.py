"""
A recorded request under another policy: the same function over the journal, which knows what was asked.

What the journal does not hold is not guessed. That is more than a missing entry: where another policy would put another
question to the model (an input rule changed it, a reask names other rules) or to the outside (the same rule with other
words), the recorded answer is no answer to it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from steady.errors import ContentNotKept, SteadyError
from steady.pipeline.generate import shares
from steady.pipeline.journal import Replayed
from steady.pipeline.run import run
from steady.pipeline.spending import usage_of
from steady.policy.resolved import Resolved
from steady.types import JSON, Call, Entry, Outcome, Receipt, Reply

Lack = Literal["hashes only", "more candidates", "another question to the model", "another outside verdict", "an error"]
LACKS: tuple[Lack, ...] = (
    "hashes only",
    "more candidates",
    "another question to the model",
    "another outside verdict",
    "an error",
)
Questions = Mapping[tuple[int, int], JSON]  # (slot, attempt) -> which model was asked what
# What of a rule does not change what it asks of the outside.
_NOT_ASKED = frozenset(("action", "id", "mode", "on", "on_error", "on_fail", "roles", "scope", "timeout", "weight"))


class NotComputable(SteadyError):
    """This policy can't be computed from this journal. `.lack` says what is missing, the text where."""

    def __init__(self, lack: Lack, message: str) -> None:
        super().__init__(message)
        self.lack: Lack = lack


class Rerun(Replayed):
    """
    A world made of a journal, that also knows what was asked when the journal was written.

    Args:
        journal: The receipt's.
        asked: What the model was asked for each recorded reply, by the run under the receipt's own policy; None during
            that run.
        same_rule: Whether a rule id asks the outside what it asked then.
    """

    def __init__(
        self, journal: tuple[Entry, ...], asked: Questions | None, same_rule: Callable[[str], bool], target: Resolved
    ) -> None:
        super().__init__(journal)
        self._journal, self._asked, self._same_rule = journal, asked, same_rule
        self._alone = dict(_alone(journal, target))
        self.questions: dict[tuple[int, int], JSON] = {}

    async def complete(self, slot: int, attempt: int, call: Call) -> Reply:
        """Give what was recorded for this slot, if the same was asked. Raises NotComputable, ProviderError."""
        count = call.body.get("n") or 1
        question = [call.provider, call.model, call.body.get("messages")]
        self.questions.update({(slot + i, attempt): question for i in range(count)})
        try:
            reply = await self._reply(slot, attempt, call, count)
        except ContentNotKept as error:
            raise NotComputable("more candidates", str(error)) from None
        if self._asked is not None and self._asked.get((slot, attempt), question) != question:
            again = "asked again in other words" if attempt else "asked something else"
            raise NotComputable("another question to the model", f"for slot {slot} the model would be {again}")
        return reply

    async def _reply(self, slot: int, attempt: int, call: Call, count: int) -> Reply:
        entry = self._entries.get(("reply", slot, attempt, ""))
        whole = entry is not None and (entry.error is not None or len(entry.value["choices"]) == count)
        if whole or attempt or (slot, 0) not in self._alone:
            return await super().complete(slot, attempt, call)
        parts = [self._alone[slot + i, 0] for i in range(count) if (slot + i, 0) in self._alone]
        if len(parts) < count:
            raise ContentNotKept(f"The journal holds no reply for slot {slot + len(parts)}.")
        usage = {name: sum(part["usage"][name] for part in parts) for name in ("prompt_tokens", "completion_tokens")}
        choices = [{**part["choices"][0], "index": i} for i, part in enumerate(parts)]
        return Reply(body={**parts[0], "choices": choices, "usage": usage})

    async def ask(self, slot: int, attempt: int, rule: str, question: Callable[[], Awaitable[JSON]]) -> JSON:
        """Give the recorded verdict, if the same was asked. Raises NotComputable, RuleError."""
        name = rule.partition("#")[0]
        if not self._same_rule(name.partition(":")[0].partition("/")[0]):  # a rule within another: OUTER/of[0]
            raise NotComputable("another outside verdict", f"rule {name} asks what nobody was asked then")
        try:
            return await super().ask(slot, attempt, rule, question)
        except ContentNotKept:
            place = "the input" if slot < 0 else f"slot {slot}"
            raise NotComputable(
                "another outside verdict", f"rule {name} was not asked about this text of {place}"
            ) from None

    def root_seed(self) -> int:
        """Give the recorded seed; no decision depends on it, so where none was drawn it is 0."""
        entry = self._entries.get(("seed", 0, 0, ""))
        return int(entry.value) if entry is not None else 0

    def elapsed(self, mark: int) -> float:
        """Give the recorded reading: the last one, where waves are cut otherwise; 0 where the clock was not read."""
        marks = {entry.slot: entry.value for entry in self._journal if entry.what == "elapsed"}
        return float(marks.get(mark, max(marks.values(), default=0.0)))

    async def stream(self, slot: int, attempt: int, call: Call) -> AsyncIterator[dict[str, Any]]:
        """Not used: how an answer was sent is no part of its decision."""
        raise ContentNotKept("A rerun has no stream.")
        yield {}


def _alone(journal: tuple[Entry, ...], policy: Resolved) -> Iterator[tuple[tuple[int, int], dict[str, Any]]]:
    """Yield each recorded first draw as a completion of one choice, with its share of the usage."""
    for entry in journal:
        if entry.what != "reply" or entry.attempt or entry.error is not None:
            continue
        reply = Reply(body=entry.value)
        for i, (choice, usage) in enumerate(
            zip(reply.body["choices"], shares(reply, usage_of(reply, policy.target)), strict=True)
        ):
            told = {"prompt_tokens": usage.prompt, "completion_tokens": usage.completion}
            yield (entry.slot + i, 0), {**entry.value, "choices": [choice], "usage": told}


def asks(policy: Resolved) -> dict[str, JSON]:
    """Return, by rule id, what of a rule decides what it asks; rules within others are there too."""
    out: dict[str, JSON] = {}

    def walk(item: JSON) -> None:
        if isinstance(item, dict):
            if isinstance(item.get("rule"), str):
                kept = {key: value for key, value in item.items() if key not in _NOT_ASKED}
                out[str(item.get("id") or item["rule"])] = kept
            for value in item.values():
                walk(value)
        elif isinstance(item, list):
            for value in item:
                walk(value)

    walk(msgspec.json.decode(policy.canonical)["rules"])
    return out


async def rerun(
    receipt: Receipt, policy: Resolved, own: Resolved, asked: Questions | None
) -> tuple[Outcome, Questions]:
    """
    Decide a recorded request under `policy`, and return the outcome and what was asked of the model.

    Args:
        receipt: Whose journal answers.
        policy: To decide by.
        own: The receipt's own policy: it says what the outside was asked.
        asked: What the model was asked then; None to find it out, under `own`.

    Raises:
        NotComputable: The journal can't say.
    """
    if receipt.request is None or receipt.journal is None:
        raise NotComputable("hashes only", f"receipt {receipt.id} holds hashes only (`record: hashes`)")
    then, now = asks(own), asks(policy)
    world = Rerun(receipt.journal, asked, lambda name: then.get(name) == now.get(name), own)
    try:
        return await run(receipt.request, policy, world), world.questions
    except NotComputable:
        raise
    except SteadyError as error:
        raise NotComputable("an error", str(error)) from error
