"""A world that is written down: candidates, outside verdicts, what functions give. No model, no network, no clock."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from steady.errors import ProviderError, RuleError
from steady.pipeline.outside import CLOSED
from steady.policy.resolved import Resolved
from steady.providers.scripted import ScriptedProvider
from steady.studies.cases import Answer, Case, Given, Told
from steady.types import JSON, Call, Outside, Reply

ROOT_SEED = 1
BEYOND = "no further candidate is given"


class GivenWorld:
    """
    The world of one case.

    Args:
        case: What is given.
        policy: Under which it runs; of its two models one answers with `candidates`, the other with `fallback`.
        size: Characters in a streamed piece; None: a text in one piece.
    """

    outside: Outside = CLOSED

    def __init__(self, case: Case, policy: Resolved, *, size: int | None = None) -> None:
        self._case, self._size = case, size
        self._fallback = policy.fallback
        self._asked: dict[tuple[str, int, int], list[str]] = {}
        self.missing: dict[str, None] = {}
        """What was asked and is not given, in the order of asking."""
        self.functions: Mapping[str, Callable[[str, str], Awaitable[str | None]]] = {}

    def _lines(self, slot: int, attempt: int, call: Call) -> list[Any]:
        count = call.body.get("n") or 1
        return [self._line(slot + i, attempt, call) for i in range(count)]

    def _line(self, slot: int, attempt: int, call: Call) -> Any:
        given = self._case.candidates
        other = self._fallback
        if slot >= len(given) and other and (call.provider, call.model) == (other.provider, other.model):
            if self._case.fallback is None:
                self.missing["fallback"] = None
                return ProviderError("no fallback is given")
            return line_of(self._case.fallback)
        if slot >= len(given):
            return ProviderError(BEYOND)
        if attempt == 0:
            return line_of(given[slot])
        first = given[slot]
        again = first.again if isinstance(first, Given) else ()
        return line_of(again[attempt - 1]) if attempt <= len(again) else ProviderError("no further answer is given")

    async def complete(self, slot: int, attempt: int, call: Call) -> Reply:
        """Give the candidate of this slot. Raises ProviderError where none is given."""
        lines = self._lines(slot, attempt, call)
        if len(lines) > 1:
            lines = [line for line in lines if not isinstance(line, ProviderError)] or lines[:1]
            call = msgspec.structs.replace(call, body={**call.body, "n": len(lines)})
        return await ScriptedProvider(lines, name=call.provider).complete(call)

    async def stream(self, slot: int, attempt: int, call: Call) -> AsyncIterator[dict[str, Any]]:
        """Give it in chunks."""
        provider = ScriptedProvider(self._lines(slot, attempt, call), name=call.provider, size=self._size)
        async for chunk in provider.stream(call):
            yield chunk

    async def ask(self, slot: int, attempt: int, rule: str, question: Callable[[], Awaitable[JSON]]) -> JSON:
        """Give the outside verdict. Raises RuleError where it says so, or where none is given."""
        name, _, mark = rule.partition("#")
        name, _, function = name.partition(":")
        if function:
            if name not in self._case.functions:
                self.missing[f"functions.{name}"] = None
                raise RuleError("no answer is given")
            return self._case.functions[name]
        if name not in self._case.outside:  # a rule within another is asked as OUTER/of[0]: told by the outer's id
            name = name.partition("/")[0]
        if name not in self._case.outside:
            self.missing[f"outside.{name}"] = None
            raise RuleError("no answer is given")
        seen = self._asked.setdefault((name, slot, attempt), [])
        if mark not in seen:
            seen.append(mark)
        return _verdict(self._told(name, slot, seen.index(mark)))

    def _told(self, name: str, slot: int, turn: int) -> Told:
        given = self._case.outside[name]
        if not isinstance(given, tuple):
            return given
        if slot >= len(given) or not given:
            self.missing[f"outside.{name}[{max(slot, 0)}]"] = None
            raise RuleError("no answer is given")
        own = given[max(slot, 0)]
        if not isinstance(own, tuple):
            return own
        if not own:
            raise RuleError("no answer is given")
        return own[min(turn, len(own) - 1)]

    def root_seed(self) -> int:
        """Return the one seed."""
        return ROOT_SEED

    def elapsed(self, mark: int) -> float:
        """Return 0: no time passes."""
        return 0.0


def _verdict(told: Told) -> JSON:
    if isinstance(told, Answer):
        if told.error:
            raise RuleError(told.error)
        return {"passed": told.passed, "reason": told.reason, "fix": told.fix}
    return {"passed": told == "pass", "reason": "" if told == "pass" else "it did not pass", "fix": None}


def line_of(given: str | Given) -> Any:
    """Return a candidate as `ScriptedProvider` says it."""
    if isinstance(given, str):
        return {"message": {"role": "assistant", "content": given}, "finish_reason": "stop"}
    if given.error is not None:
        return ProviderError(given.error.message, status=given.error.status)
    if given.message is not None:
        message = {"role": "assistant", **given.message}
    else:
        parts = {name: getattr(given, name) for name in ("refusal", "reasoning", "reasoning_content")}
        content = msgspec.to_builtins(given.content)
        message = {"role": "assistant", "content": content, **{k: v for k, v in parts.items() if v is not None}}
        if given.tool_calls is not None:
            message["tool_calls"] = _calls(given.tool_calls)
    choice: dict[str, Any] = {"index": given.index, "message": message}
    choice["finish_reason"] = given.finish_reason or ("tool_calls" if message.get("tool_calls") else "stop")
    if given.logprobs is not None:
        choice["logprobs"] = given.logprobs
    return choice


def _calls(calls: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return tool calls as OpenAI's objects."""
    out = []
    for i, call in enumerate(calls):
        if "function" in call:
            out.append({"id": f"call_{i}", "type": "function", **call})
            continue
        arguments = call.get("arguments", {})
        text = arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode()
        function = {"name": str(call.get("name", "")), "arguments": text}
        out.append({"id": f"call_{i}", "type": "function", "function": function})
    return out
