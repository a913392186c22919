"""Any upstream with the chat-completions API: OpenAI, vLLM, llama.cpp's server, Ollama, OpenRouter, another Steady."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from steady.errors import ConfigError, ProviderError, ProviderNonsense, ProviderTimeout
from steady.providers.chunks import split
from steady.providers.failures import decode, http_error, inline_error, parse_completion, secrets_of
from steady.providers.http import MAX_BYTES, Http
from steady.providers.retries import Retries, with_retries
from steady.providers.sse import Event, Events, TooLong
from steady.types import Call, Capabilities, Reply

if TYPE_CHECKING:
    import aiohttp

_PATH = "/chat/completions"
_encode = msgspec.json.Encoder().encode


class OpenAIProvider:
    """
    A provider over HTTP.

    Args:
        name: Its name in the configuration.
        base_url: Where the API is, such as `https://api.openai.com/v1`.
        key: The API key; None where the upstream needs none.
        forward: Send the client's own Authorization instead, where the call carries one.
        capabilities: What the upstream takes.
        headers: Further headers for every request; their values count as secrets.
        connect_timeout: Seconds for DNS, TCP and TLS together.
        max_bytes: The largest answer that is read.
        retries: How often, and how patiently, a failed call is made again.

    Raises:
        ConfigError: If the address, the key or a header can't be used.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        key: str | None = None,
        forward: bool = False,
        *,
        capabilities: Capabilities,
        headers: Mapping[str, str] | None = None,
        connect_timeout: float = 10.0,
        max_bytes: int = MAX_BYTES,
        retries: Retries | None = None,
    ) -> None:
        if key is not None and not (key.isascii() and key.isprintable() and key.strip()):
            raise ConfigError(f"provider {name!r}: the key is empty or holds characters that can't be sent.")
        self.name = name
        self.capabilities = capabilities
        self._http = Http(name, base_url, headers or {}, connect_timeout=connect_timeout, max_bytes=max_bytes)
        self._forward = forward
        self._retries = retries or Retries()
        self._own = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
        self._secrets = secrets_of(key, *(headers or {}).values())

    async def complete(self, call: Call) -> Reply:
        """
        Ask once, and again after failures that may pass, all within `call.timeout` seconds.

        Raises:
            ProviderError: With the upstream's status, message and error object, or why it can't be reached.
            ProviderTimeout: No answer in time.
            ProviderNonsense: A 200 that is no chat completion.
        """
        headers = self._headers(call)
        data = _encode({"model": call.model, **call.body})

        async def attempt(seconds: float) -> dict[str, Any]:
            answer = await self._http.request("POST", _PATH, data, headers, seconds)
            secrets = self._secrets_in(call) if answer.status != 200 else self._secrets
            if answer.status != 200:
                raise self._error(answer.status, answer.headers, answer.body, secrets)
            return self._completion(answer.body, secrets)

        body, retries = await with_retries(attempt, timeout=call.timeout, retries=self._retries, patient=call.patient)
        return Reply(body=body, retries=retries)

    async def stream(self, call: Call) -> AsyncIterator[dict[str, Any]]:
        """
        Yield the chunks as they arrive. `call.timeout` bounds the wait for the first, retries included, and each gap.

        Failures before the first chunk are retried like those of `complete`. An upstream that answers a whole
        completion instead of a stream is cut into chunks. Raises as `complete` does; a stream that ends before every
        choice is finished is a ProviderError, so that half an answer never passes for one.
        """
        body = {"model": call.model, **call.body, "stream": True}
        if self.capabilities.stream_usage:
            body["stream_options"] = {**(call.body.get("stream_options") or {}), "include_usage": True}
        data = _encode(body)

        async def begin(seconds: float) -> tuple[AsyncGenerator[dict[str, Any], None], dict[str, Any]]:
            chunks = self._attempt_stream(call, data, seconds)
            try:
                async with asyncio.timeout(seconds):  # keep-alive comments are no progress
                    return chunks, await anext(chunks)
            except TimeoutError:
                text = f"{self._http.where} sent nothing of its stream within {seconds:g} s."
                raise ProviderTimeout(text, retryable=True, provider=self.name) from None

        (chunks, first), _ = await with_retries(
            begin, timeout=call.timeout, retries=self._retries, patient=call.patient
        )
        async with contextlib.aclosing(chunks):
            yield first
            async for chunk in chunks:
                yield chunk

    async def ready(self) -> str | None:
        """Return None if the upstream answers its list of models (which is not billed), else what is wrong."""
        try:
            answer = await self._http.request("GET", "/models", None, self._own, 5.0)
        except ProviderError as error:
            return f"provider {self.name!r}: {error}"
        if answer.status in (401, 403) and not self._forward:
            return f"provider {self.name!r}: {self._http.where} refuses the key (status {answer.status})."
        if answer.status >= 500:
            return f"provider {self.name!r}: {self._http.where} answers {answer.status}."
        return None

    async def aclose(self) -> None:
        """Close the connections of the running loop."""
        await self._http.aclose()

    def _headers(self, call: Call) -> Mapping[str, str]:
        if self._forward and call.authorization:
            return {**self._own, "authorization": call.authorization}
        return self._own

    def _secrets_in(self, call: Call) -> tuple[str, ...]:
        return secrets_of(*self._secrets, call.authorization) if call.authorization else self._secrets

    def _error(self, status: int, headers: Mapping[str, str], data: bytes, secrets: Sequence[str]) -> ProviderError:
        return http_error(status, headers, data, provider=self.name, where=self._http.where, secrets=secrets)

    def _completion(self, data: bytes, secrets: Sequence[str]) -> dict[str, Any]:
        return parse_completion(data, 200, provider=self.name, where=self._http.where, secrets=secrets)

    def _nonsense(self, what: str) -> ProviderNonsense:
        return ProviderNonsense(f"{self._http.where} answered a stream with {what}.", status=200, provider=self.name)

    async def _attempt_stream(self, call: Call, data: bytes, seconds: float) -> AsyncGenerator[dict[str, Any], None]:
        async with self._http.open("POST", _PATH, data, self._headers(call), seconds) as response:
            secrets = self._secrets_in(call)
            if response.status != 200:
                raise self._error(response.status, response.headers, await self._http.read(response), secrets)
            if response.content_type != "text/event-stream" and response.content_type != "application/octet-stream":
                for chunk in split(self._completion(await self._http.read(response), secrets)):
                    yield chunk
                return
            async for chunk in self._chunks(response, secrets):
                yield chunk

    async def _chunks(
        self, response: "aiohttp.ClientResponse", secrets: Sequence[str]
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield the chunks of an event stream until [DONE], or until its end where all choices are finished."""
        open_choices: dict[int, bool] = {}  # index -> still unfinished
        try:
            async for event in _events(response):
                if event.data == b"[DONE]":
                    open_choices = dict.fromkeys(open_choices, False)
                    await _drain(response)
                    break
                chunk = self._chunk(event, secrets)
                for choice in chunk["choices"]:
                    index = choice.get("index") or 0
                    open_choices[index] = open_choices.get(index, True) and not choice.get("finish_reason")
                yield chunk
        except TooLong as error:
            raise self._nonsense(str(error)) from None
        if not open_choices:
            raise self._nonsense("no choices")
        if any(open_choices.values()):
            text = f"{self._http.where} ended its stream in the middle of the answer."
            raise ProviderError(text, retryable=True, provider=self.name)

    def _chunk(self, event: Event, secrets: Sequence[str]) -> dict[str, Any]:
        try:
            chunk = decode(event.data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self._nonsense("data that is not JSON") from None
        if not isinstance(chunk, dict):
            raise self._nonsense("data that is not an object")
        if chunk.get("error") or event.name == "error":
            raise inline_error(chunk.get("error") or chunk, provider=self.name, where=self._http.where, secrets=secrets)
        choices = chunk.setdefault("choices", [])
        if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
            raise self._nonsense("choices that are no objects")
        if not all(_is_delta(choice) for choice in choices):
            raise self._nonsense("a delta or an index of another type")
        return chunk


def _is_delta(choice: dict[str, Any]) -> bool:
    """Whether a chunk's choice has the shape that `assemble` adds up."""
    delta, index = choice.get("delta"), choice.get("index")
    if not (delta is None or isinstance(delta, dict)) or not (index is None or type(index) is int):
        return False
    calls = (delta or {}).get("tool_calls")
    return calls is None or (isinstance(calls, list) and all(isinstance(call, dict) for call in calls))


async def _events(response: "aiohttp.ClientResponse") -> AsyncIterator[Event]:
    reader = Events()
    async for piece in response.content.iter_any():
        for event in reader.feed(piece):
            yield event
    for event in reader.end():
        yield event


async def _drain(response: "aiohttp.ClientResponse") -> None:
    """Read what follows [DONE], which is nothing: only then can the connection be used again."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.1):
            while await response.content.readany():
                pass
