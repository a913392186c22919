"""
What the model said, kept: a provider that asks the model once for each different call, and reads it back afterwards.

A call is known by what is sent (messages, sampling with its seed, grammar, stop): equal calls get the recorded reply,
new ones are asked and appended to a file of JSON lines. So every row of the table runs the real pipeline, a row that
does not change what is generated costs no generation, a run that was killed goes on where it stopped, and the time and
the tokens of a row are those of its calls when they were made.
"""

import fcntl
import hashlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec
from msgspec import Struct

from steady.errors import ProviderError
from steady.types import Call, Capabilities, Provider, Reply


class Said(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One reply, as it is kept."""

    call: str  # `call_key` of what was sent
    sent: dict[str, Any]  # the body without its messages: sampling, seed, grammar
    text: str
    finish: Literal["stop", "length"] = "stop"
    prompt: int = 0  # tokens
    completion: int = 0  # tokens
    seconds: float = 0.0  # while so many calls ran side by side as the model has slots


def call_key(model: str, body: dict[str, Any]) -> str:
    """Return what names a call: a hash of the model and of everything that is sent."""
    canonical = json.dumps([model, body], sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


def read(path: Path) -> dict[str, Said]:
    """Return what a file holds, by call. A last line that was cut off (a kill, a full disk) does not count."""
    raw = path.read_bytes() if path.exists() else b""
    said = (msgspec.json.decode(line, type=Said) for line in raw[: raw.rfind(b"\n") + 1].split(b"\n") if line)
    return {one.call: one for one in said}


def opened(path: Path) -> BinaryIO:
    """
    Open the file for adding to it, without a last line that was cut off.

    Raises:
        BlockingIOError: If another process has it open: two that add to it would take the same calls for new.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+b", buffering=0)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # given back by the system, whatever ends the process
    except BlockingIOError as error:
        file.close()
        raise BlockingIOError(error.errno, f"another run writes to {path}; wait for it, or use --recorded") from None
    file.seek(0)
    file.truncate(file.read().rfind(b"\n") + 1)
    return file


class Recorded:
    """
    A provider over another: what is in the file comes from there, the rest is asked and added to it.

    Args:
        path: The file of JSON lines; made if it is not there, and held by one process at a time. Only read where
            nobody is behind.
        behind: Who is asked for what the file does not hold; None: such a call is an error, so that a table can be
            made where no model is.
        capabilities: What it takes; those of `behind` if not given.
    """

    def __init__(self, path: Path, behind: Provider | None, capabilities: Capabilities | None = None) -> None:
        if capabilities is None and behind is None:
            raise ValueError("without a provider behind it, the capabilities must be given")
        self.name = behind.name if behind is not None else "recorded"
        self.capabilities: Capabilities = capabilities or behind.capabilities  # type: ignore[union-attr]
        self.asked = 0  # calls that were not in the file
        self._behind = behind
        self._file = opened(path) if behind is not None else None
        self._said = read(path)

    def said(self, call: Call) -> Said | None:
        """Return what is recorded for a call."""
        return self._said.get(call_key(call.model, call.body))

    async def complete(self, call: Call) -> Reply:
        """See Provider. Raises ProviderError for a call that is not recorded where nobody is behind."""
        key = call_key(call.model, call.body)
        if key not in self._said:
            if self._behind is None:
                raise ProviderError("this call is not recorded; run with the model", provider=self.name)
            began = time.perf_counter()
            reply = await self._behind.complete(call)
            self._keep(_said(key, call, reply, time.perf_counter() - began))
        return Reply(body=_completion(self._said[key], call.model))

    def _keep(self, said: Said) -> None:
        self.asked += 1
        self._said[said.call] = said
        if self._file is not None:
            self._file.write(msgspec.json.encode(said) + b"\n")  # unbuffered: a kill loses at most this line

    def stream(self, call: Call) -> AsyncIterator[dict[str, Any]]:
        """Refuse: nothing here streams."""
        raise ProviderError("recorded answers don't stream", provider=self.name)

    async def ready(self) -> str | None:
        """See Provider."""
        return await self._behind.ready() if self._behind is not None else None

    async def aclose(self) -> None:
        """Close the provider behind, and the file."""
        if self._behind is not None:
            await self._behind.aclose()
        if self._file is not None:
            self._file.close()


def _said(key: str, call: Call, reply: Reply, seconds: float) -> Said:
    choice, usage = reply.body["choices"][0], reply.body.get("usage") or {}
    return Said(
        call=key,
        sent={name: value for name, value in call.body.items() if name != "messages"},
        text=choice["message"].get("content") or "",
        finish="length" if choice.get("finish_reason") == "length" else "stop",
        prompt=usage.get("prompt_tokens", 0),
        completion=usage.get("completion_tokens", 0),
        seconds=round(seconds, 3),
    )


def _completion(said: Said, model: str) -> dict[str, Any]:
    usage = {
        "prompt_tokens": said.prompt,
        "completion_tokens": said.completion,
        "total_tokens": said.prompt + said.completion,
    }
    message = {"role": "assistant", "content": said.text}
    return {
        "id": f"chatcmpl-{said.call[:24]}",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": said.finish, "logprobs": None}],
        "usage": usage,
    }


class Heard:
    """One request's view of a `Recorded`: what was said to it, in the order of asking."""

    def __init__(self, recorded: Recorded, capabilities: Capabilities) -> None:
        self.name, self.capabilities = recorded.name, capabilities
        self.said: list[Said] = []
        self._recorded = recorded

    async def complete(self, call: Call) -> Reply:
        """See Provider."""
        reply = await self._recorded.complete(call)
        said = self._recorded.said(call)
        if said is not None:
            self.said.append(said)
        return reply

    def stream(self, call: Call) -> AsyncIterator[dict[str, Any]]:
        """See Recorded."""
        return self._recorded.stream(call)

    async def ready(self) -> str | None:
        """See Provider."""
        return await self._recorded.ready()

    async def aclose(self) -> None:
        """Leave the recorded provider open: others share it."""
