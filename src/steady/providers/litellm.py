"""
Every vendor that does not speak OpenAI's API, through litellm.

litellm takes seconds to import, so that is done in a thread on the first call. What it would contact by itself is off
before it is imported: no `.env` is read, no price table, header list or tokenizer is fetched. Callbacks are empty
unless the program that embeds Steady has set its own.
"""

import asyncio
import contextlib
import json
import os
import re
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from importlib.util import find_spec
from typing import Any

from steady.errors import ConfigError, ProviderError, ProviderNonsense, ProviderTimeout
from steady.providers.failures import redact, secrets_of, what_is_wrong
from steady.providers.retries import Retries, retry_after, retryable, with_retries
from steady.types import Call, Capabilities, Reply

_ENVIRONMENT = {
    "LITELLM_MODE": "PRODUCTION",  # in its default mode the import reads the nearest .env into the environment
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
}
_FIELDS = frozenset(
    {
        "audio",
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "modalities",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
        "web_search_options",
    }
)
"""What of a body is passed on. litellm takes its own controls (`base_url`, `api_key`, `fallbacks`) from the same
arguments, so any other field would let a client send the key elsewhere."""
_PREFIX = re.compile(r"^(litellm\.\w+: )*(\w+(Exception|Error) - )?")
_TAIL = re.compile(r"\. Handle with `litellm\.\w+`\.$")
_lock = threading.Lock()
_users = 0  # providers that may still call: litellm's connections are shared by all of them


def load_litellm() -> Any:
    """Import litellm (seconds, the first time) with everything off that contacts anyone but the upstream."""
    with _lock:
        os.environ.update(_ENVIRONMENT)
        import litellm

        litellm.telemetry = False
        litellm.suppress_debug_info = True
        litellm.turn_off_message_logging = True
        litellm.disable_hf_tokenizer_download = True
        return litellm


class LitellmProvider:
    """
    A provider behind litellm.

    Args:
        name: Its name in the configuration.
        vendor: litellm's name for the vendor (`anthropic`, `gemini`, `bedrock`); "" where models carry it themselves.
        key: The API key; None where litellm finds the vendor's own credentials in the environment.
        capabilities: What the vendor takes.
        api_base: Another address than the vendor's own.
        retries: How often, and how patiently, a failed call is made again.

    Of a body only the fields of OpenAI's API (with top_k and thinking) are passed on, and parts given by an http
    address are refused with status 400, since litellm would fetch them itself.

    A stream that the vendor ends early without a broken connection looks finished here, since litellm adds the finish.
    """

    def __init__(
        self,
        name: str,
        vendor: str,
        key: str | None = None,
        *,
        capabilities: Capabilities,
        api_base: str | None = None,
        retries: Retries | None = None,
    ) -> None:
        if key is not None and not (key.isascii() and key.isprintable() and key.strip()):
            raise ConfigError(f"provider {name!r}: the key is empty or holds characters that can't be sent.")
        self.name = name
        self.capabilities = capabilities
        self._vendor, self._retries = vendor, retries or Retries()
        self._secrets = secrets_of(key)
        self._fixed: dict[str, Any] = {"num_retries": 0, "max_retries": 0, "drop_params": True}
        self._fixed |= {"api_key": key} if key else {}
        self._fixed |= {"api_base": api_base} if api_base else {}
        self._litellm: Any = None

    async def complete(self, call: Call) -> Reply:
        """Ask, with retries, within `call.timeout` seconds. Raises ProviderError as OpenAIProvider does."""

        async def attempt(seconds: float) -> dict[str, Any]:
            with self._translated(seconds):
                async with asyncio.timeout(seconds):
                    litellm = await self._loaded()
                    answer = await litellm.acompletion(**self._asked(call, seconds))
                return self._completion(answer.model_dump(mode="json", exclude_none=True))

        body, retries = await with_retries(attempt, timeout=call.timeout, retries=self._retries, patient=call.patient)
        return Reply(body=body, retries=retries)

    async def stream(self, call: Call) -> AsyncIterator[dict[str, Any]]:
        """Yield chunks as litellm makes them. `call.timeout` bounds the wait for the first, and each gap."""

        async def begin(seconds: float) -> tuple[AsyncGenerator[dict[str, Any], None], dict[str, Any]]:
            chunks = self._attempt_stream(call, seconds)
            with self._translated(seconds):
                async with asyncio.timeout(seconds):
                    return chunks, await anext(chunks)

        (chunks, first), _ = await with_retries(
            begin, timeout=call.timeout, retries=self._retries, patient=call.patient
        )
        async with contextlib.aclosing(chunks):
            yield first
            while True:
                try:
                    with self._translated(call.timeout):
                        async with asyncio.timeout(call.timeout):
                            chunk = await anext(chunks)
                except StopAsyncIteration:
                    return
                yield chunk

    async def ready(self) -> str | None:
        """Return None if litellm is installed, else what is missing. Asks the vendor nothing."""
        return None if find_spec("litellm") else f"provider {self.name!r}: the package litellm is not installed."

    async def aclose(self) -> None:
        """Close litellm's connections, once no other provider uses them."""
        global _users
        if self._litellm is not None:
            with _lock:
                _users -= 1
                last = _users == 0
            litellm, self._litellm = self._litellm, None
            if last:
                await litellm.close_litellm_async_clients()

    async def _loaded(self) -> Any:
        global _users
        if self._litellm is None:
            loaded = await asyncio.to_thread(load_litellm)
            with _lock:
                _users += self._litellm is None
                self._litellm = loaded
        return self._litellm

    def _asked(self, call: Call, seconds: float) -> dict[str, Any]:
        model = f"{self._vendor}/{call.model}" if self._vendor else call.model
        body = {key: value for key, value in call.body.items() if key in _FIELDS}
        if _would_fetch(body.get("messages")):
            text = "A part given by its http address would be fetched by Steady itself. Send it as a data: URL."
            raise ProviderError(text, status=400, provider=self.name)
        return {**body, **self._fixed, "model": model, "timeout": seconds}

    async def _attempt_stream(self, call: Call, seconds: float) -> AsyncGenerator[dict[str, Any], None]:
        litellm = await self._loaded()
        options = {**(call.body.get("stream_options") or {}), "include_usage": True}
        answer = await litellm.acompletion(**self._asked(call, seconds), stream=True, stream_options=options)
        seen = False
        try:
            async for chunk in answer:
                seen = True
                yield chunk.model_dump(mode="json", exclude_none=True)
        finally:
            with contextlib.suppress(Exception):  # it may be closed, or of a vendor without streams
                await answer.aclose()
        if not seen:
            raise ProviderNonsense(f"{self._vendor or 'litellm'} answered an empty stream.", provider=self.name)

    def _completion(self, body: dict[str, Any]) -> dict[str, Any]:
        wrong = what_is_wrong(body)
        if wrong:
            text = f"{self._vendor or 'litellm'} answered with what is no chat completion: {wrong}."
            raise ProviderNonsense(text, provider=self.name)
        for choice in body["choices"]:
            choice["message"] = {"role": "assistant", "content": None, **choice["message"]}
        return body

    @contextlib.contextmanager
    def _translated(self, seconds: float) -> Any:
        """Turn what litellm raises, of which there is no common base, into our errors."""
        try:
            yield
        except (ProviderError, StopAsyncIteration):
            raise
        except TimeoutError:
            error: ProviderError = self._late(seconds)
        except Exception as cause:  # noqa: BLE001  # its vendors' adapters raise anything: KeyError, httpx errors, ...
            error = self._failure(cause, seconds)
        else:
            return
        raise error from None  # the cause may hold the key

    def _late(self, seconds: float) -> ProviderTimeout:
        text = f"{self._vendor or 'litellm'} did not answer within {seconds:g} s."
        return ProviderTimeout(text, retryable=True, provider=self.name)

    def _failure(self, cause: Exception, seconds: float) -> ProviderError:
        kind, text = type(cause).__name__, str(getattr(cause, "message", "") or cause)
        text = " ".join(text.partition("Traceback (most recent call last)")[0].split())
        if kind in ("Timeout", "APITimeoutError"):
            return self._late(seconds)
        if "Unable to get json response" in text:
            return ProviderNonsense(f"{self._vendor} answered what is not JSON.", status=200, provider=self.name)
        told, body = _told(redact(_PREFIX.sub("", text), self._secrets))
        status = getattr(cause, "status_code", None)
        status = status if isinstance(status, int) and 400 <= status < 600 else None
        if body is None and kind in ("InternalServerError", "APIConnectionError", "MidStreamFallbackError"):
            status = None  # litellm says 500 where no answer came at all
        headers = dict(getattr(cause, "litellm_response_headers", None) or {})
        headers |= dict(getattr(getattr(cause, "response", None), "headers", None) or {})
        headers = {str(name).lower(): str(value) for name, value in headers.items()}
        known = hasattr(cause, "status_code")  # else a fault inside litellm, which would only repeat itself
        return ProviderError(
            told or f"{self._vendor or 'litellm'} failed ({kind}).",
            status=status,
            retryable=known and (status is None or retryable(status, headers)),
            retry_after=retry_after(headers, time.time()),
            body=body,
            provider=self.name,
        )


def _would_fetch(messages: Any) -> bool:
    """Whether a part other than text is given by its address: for most vendors litellm fetches that itself."""
    contents = [message.get("content") for message in messages or () if isinstance(message, dict)]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    media = [part for part in parts if isinstance(part, dict) and part.get("type") != "text"]
    return any(text.lstrip().lower().startswith(("http://", "https://")) for text in _texts(media))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _told(text: str) -> tuple[str, dict[str, Any] | None]:
    """Return the vendor's message and error object, which litellm wraps into its own text as JSON."""
    start = text.find("{")
    if start >= 0:
        with contextlib.suppress(ValueError):
            answer, _ = json.JSONDecoder().raw_decode(text, start)
            inner = answer.get("error", answer)
            if isinstance(inner, dict):
                message = inner.get("message")
                return (message if isinstance(message, str) else "")[:2000], inner
    return _TAIL.sub("", text)[:2000], None
