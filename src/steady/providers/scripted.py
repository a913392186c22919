"""A provider that says what it is told to: for users' tests and demos. It ships; nothing here is a mock of ours."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from steady.errors import ConfigError, ProviderError, ProviderTimeout
from steady.providers.capabilities import capabilities as known_capabilities
from steady.providers.chunks import split
from steady.types import Call, Capabilities, Reply

Line = Any  # str | dict (a message, a choice or a whole completion) | Exception | Delay | Broken
Script = Sequence[Line] | Callable[[Call], Line]


class Delay(NamedTuple):
    """Say `line` after `seconds` of real time; longer than the call's timeout is a ProviderTimeout."""

    seconds: float
    line: Line = ""


class Broken(NamedTuple):
    """Stream `line` up to `after` chunks and then fail; a call that does not stream fails at once."""

    line: Line
    after: int = 1
    error: Exception | None = None  # None: the connection broke


class ScriptedProvider:
    """
    A provider whose answers are written down.

    Args:
        script: The lines to say, at least one, used again from the start when all were said; or a function from the
            call to a line. A line is a text, a message, a choice, a whole completion (a dict), an exception to raise,
            a `Delay` or a `Broken`.
        name: Its name in the configuration.
        capabilities: What it claims to take; everything if not given.
        by: `order`: each call gets the next line. `seed`: a call gets the line that its seed picks, so that concurrent
            calls get the same lines however they are scheduled; a call without a seed goes by order.
        size: Characters in one streamed piece; None: each text in one piece.
        pause: Seconds between streamed chunks.

    A call with `n` above 1 gets as many lines, one for each choice.
    """

    def __init__(
        self,
        script: Script,
        *,
        name: str = "scripted",
        capabilities: Capabilities | None = None,
        by: Literal["order", "seed"] = "order",
        size: int | None = None,
        pause: float = 0.0,
    ) -> None:
        if not callable(script) and (isinstance(script, str) or not len(script)):
            raise ValueError("a script needs at least one line, in a list")
        if by not in ("order", "seed"):
            raise ValueError(f"by must be 'order' or 'seed', got {by!r}")
        self.name = name
        self.capabilities = capabilities or known_capabilities("scripted", "")
        self.calls: list[Call] = []
        """Every call so far, in the order of arrival."""
        self._script, self._by, self._size, self._pause = script, by, size, pause
        self._said = 0

    @classmethod
    def load(cls, path: Path, *, name: str = "scripted", by: Literal["order", "seed"] = "order") -> "ScriptedProvider":
        """
        Read a script from a YAML or JSON file: a list of lines.

        A line is a text, a message, choice or completion, `{delay: SECONDS, line: LINE}`, or
        `{error: {status: 429, message: TEXT, retry_after: SECONDS}}`.

        Raises:
            ConfigError: If the file can't be read or holds no such list; it names the file and the line's number.
        """
        return cls(_load(path), name=name, by=by)

    async def complete(self, call: Call) -> Reply:
        """Say the next line. Raises what the script says; any exception that is no ProviderError becomes one."""
        self.calls.append(call)
        return Reply(body=_whole(await self._lines(call), call))

    async def stream(self, call: Call) -> AsyncIterator[dict[str, Any]]:
        """Say the next line in chunks, ending with the usage."""
        self.calls.append(call)
        lines = await self._lines(call, streaming=True)
        broken = lines[0] if isinstance(lines[0], Broken) else None
        whole = _whole([broken.line if broken else lines[0], *lines[1:]], call)
        for number, chunk in enumerate(split(whole, size=self._size)):
            if broken and number >= broken.after:
                break
            if number:
                await asyncio.sleep(self._pause)
            yield chunk
        if broken:
            raise _told(broken.error or ProviderError("The script's connection broke.", retryable=True), self.name)

    async def ready(self) -> str | None:
        """Return None: a script is always ready."""
        return None

    async def aclose(self) -> None:
        """There is nothing to release."""

    async def _lines(self, call: Call, *, streaming: bool = False) -> list[Line]:
        count = call.body.get("n") or 1
        picked = [self._pick(call, at) for at in range(count)]  # before any wait: arrival decides, not scheduling
        return [await self._settled(line, call, streaming) for line in picked]

    def _pick(self, call: Call, at: int) -> Line:
        if callable(self._script):
            return self._script(call)
        seed = call.body.get("seed")
        if self._by == "seed" and isinstance(seed, int):
            return self._script[(seed + at) % len(self._script)]
        self._said += 1
        return self._script[(self._said - 1) % len(self._script)]

    async def _settled(self, line: Line, call: Call, streaming: bool) -> Line:
        """Wait and raise as the line says; return what is to be said."""
        while isinstance(line, Delay):
            if line.seconds > call.timeout:
                await asyncio.sleep(call.timeout)
                text = f"The script did not answer within {call.timeout:g} s."
                raise ProviderTimeout(text, retryable=True, provider=self.name)
            await asyncio.sleep(line.seconds)
            line = line.line
        if isinstance(line, Broken) and not streaming:
            line = line.error or ProviderError("The script's connection broke.", retryable=True)
        if isinstance(line, Exception):
            raise _told(line, self.name)
        return line


def _told(error: Exception, name: str) -> ProviderError:
    if isinstance(error, ProviderError):
        error.provider = error.provider or name
        return error
    if isinstance(error, TimeoutError):
        return ProviderTimeout(str(error) or "The script timed out.", retryable=True, provider=name)
    return ProviderError(f"{type(error).__name__}: {error}", provider=name)


def _whole(lines: list[Line], call: Call) -> dict[str, Any]:
    """Return the chat.completion that says `lines`; usage is counted in words split at whitespace."""
    first = lines[0]
    if isinstance(first, Mapping) and "choices" in first:
        return dict(first)
    choices = [{**_choice(line), "index": at} for at, line in enumerate(lines)]
    prompt = sum(_words(message) for message in call.body.get("messages") or ())
    said = sum(_words(choice["message"]) for choice in choices)
    return {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 0,
        "model": call.model,
        "choices": choices,
        "usage": {"prompt_tokens": prompt, "completion_tokens": said, "total_tokens": prompt + said},
    }


def _choice(line: Line) -> dict[str, Any]:
    if isinstance(line, str):
        line = {"content": line}
    if not isinstance(line, Mapping):
        raise ProviderError(f"A script's line is a text, a dict or an exception, not {type(line).__name__}.")
    choice = dict(line) if "message" in line else {"message": line}
    message = {"role": "assistant", "content": None, **choice["message"]}
    finish = "tool_calls" if message.get("tool_calls") else "stop"
    return {"finish_reason": finish, "logprobs": None, **choice, "message": message}


def _words(message: Mapping[str, Any]) -> int:
    content = message.get("content")
    parts = content if isinstance(content, list) else [{"text": content}]
    texts = [part.get("text") for part in parts if isinstance(part, Mapping)]
    texts += [call.get("function", {}).get("arguments") for call in message.get("tool_calls") or ()]
    return sum(len(text.split()) for text in texts if isinstance(text, str))


def _load(path: Path) -> list[Line]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        lines = YAML(typ="safe", pure=True).load(path.read_text("utf-8"))  # JSON is YAML too
    except OSError as error:
        raise ConfigError(f"{path}: the script can't be read: {error.strerror}.") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the script is no YAML or JSON: {' '.join(str(error).split())}") from None
    if not isinstance(lines, list) or not lines:
        raise ConfigError(f"{path}: a script is a list of at least one line.")
    return [_line(line, f"{path}: line {number} of the script") for number, line in enumerate(lines, 1)]


def _line(line: Any, where: str) -> Line:
    if isinstance(line, str):
        return line
    if isinstance(line, dict) and "error" in line:
        error = line["error"] if isinstance(line["error"], dict) else {"message": str(line["error"])}
        status, after = error.get("status"), error.get("retry_after")
        if not (status is None or isinstance(status, int)) or not (after is None or isinstance(after, int | float)):
            raise ConfigError(f"{where}: `error` takes a status (a number), a message and retry_after (seconds).")
        return ProviderError(
            str(error.get("message", "The script fails here.")),
            status=status,
            retryable=status is None or status in (408, 409, 425, 429) or status >= 500,
            retry_after=after,
            body={"message": error.get("message"), "type": "scripted", "param": None, "code": None},
        )
    if isinstance(line, dict) and "delay" in line:
        seconds = line["delay"]
        if not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
            raise ConfigError(f"{where}: `delay` is a number of seconds, got {seconds!r}.")
        return Delay(seconds, _line(line.get("line", ""), where))
    if isinstance(line, dict) and any(
        key in line for key in ("content", "message", "choices", "tool_calls", "refusal")
    ):
        return line
    shapes = "a text, a message, a choice, a completion, {delay, line} or {error}"
    raise ConfigError(f"{where}: expected {shapes}, got {line!r}.")
