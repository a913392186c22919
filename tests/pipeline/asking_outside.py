"""What the tests of recorded rules share: an outside whose answers are given, and that keeps what it was asked."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.pipeline.worlds import BySlot, question, world

from steady.errors import RuleError
from steady.pipeline.run import run
from steady.policy.resolved import Resolved
from steady.types import JSON, Outcome, Reply

HOOK = {"rule": "webhook", "url": "https://checks.test/tone"}
CALL = {"rule": "python", "function": "mine"}


class Told:
    """Answers a webhook by the text it is asked about; an exception is raised."""

    def __init__(
        self, says: Callable[[str], Any], functions: Mapping[str, Callable[..., Any]] | None = None, model: Any = None
    ) -> None:
        self._says, self._functions, self._model = says, functions or {}, model
        self.asked: list[tuple[str, str]] = []
        self.bodies: list[dict[str, Any]] = []

    async def model(self, name: str, body: dict[str, Any], timeout: float) -> Reply:
        self.bodies.append(body)
        said = self._model(body) if callable(self._model) else self._model
        if isinstance(said, Exception):
            raise said
        return Reply(body=said)

    async def post(self, url: str, body: JSON, timeout: float) -> JSON:
        self.asked.append((url, body["text"]))
        said = self._says(body["text"])
        if isinstance(said, Exception):
            raise said
        return said

    def function(self, name: str) -> Callable[..., Any]:
        if name not in self._functions:
            raise RuleError(f"no function {name!r} is among those that the operator allows")
        return self._functions[name]

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.asked]


def fails(*texts: str, fix: str | None = None) -> Callable[[str], Any]:
    """Return what fails these texts and passes all others."""
    return lambda text: {"passed": text not in texts, "reason": "not so", "fix": fix}


async def asked(resolved: Resolved, lines: Any, told: Told, **more: Any) -> Outcome:
    return await run(question(**more), resolved, world(BySlot(lines), outside=told))
