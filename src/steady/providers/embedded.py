"""
The embedded model: a GGUF file, run by llama.cpp (`xllamacpp`) inside this process, behind Steady's Provider protocol.

It loads on first use. Candidates generate side by side in `slots` (continuous batching); more requests than slots wait
in the order they came. Where a value is not set, llama.cpp's own default holds: temperature 0.8, top_k 40, top_p 0.95,
min_p 0.05, no penalties; an answer has at most `MAX_TOKENS` tokens. SmolLM2's template adds a system message of its own
("You are a helpful AI assistant named SmolLM, ...") where none is sent. A seed fixes the draw, not every last bit of
the arithmetic: what else is in the batch can tip two nearly equal scores, so equal seeds usually, not always, give
equal texts.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from steady.errors import ModelMissing, ProviderError, ProviderNonsense, ProviderTimeout
from steady.providers.capabilities import capabilities
from steady.providers.chunks import assemble
from steady.providers.llama_engine import Chunk, Engine, Job, Settings
from steady.providers.llama_wire import Asked, ask, called, choices_asked, merged
from steady.providers.weights import find
from steady.types import Call, Reply

_AHEAD = 1024  # chunks that may wait for a slow reader before the engine's thread waits too
_MODELS = 2  # models in memory at once


class EmbeddedProvider:
    """
    A provider of local models.

    Args:
        name: Its name in the configuration.
        model: What `call.model` "" or itself means: a name from the catalogue, or a GGUF file's path. A call may name
            another model in the same two ways; at most two are in memory.
        slots: Requests that generate at once, >= 1.
        context_per_slot: Tokens of prompt and answer together; a longer prompt is an error of status 400.
        threads: CPU threads; None for as many as this process may use.
        cache_ram_mib: Bound of llama.cpp's cache of prompts, in MiB.
    """

    def __init__(
        self,
        name: str = "local",
        model: str = "smollm2-135m",
        *,
        slots: int = 4,
        context_per_slot: int = 2048,
        threads: int | None = None,
        cache_ram_mib: int = 64,
    ) -> None:
        if slots < 1:
            raise ValueError(f"slots must be at least 1, got {slots}.")
        self.name = name
        self.capabilities = capabilities("embedded", model)
        self.model = model
        self._settings = Settings(
            path=Path(),
            alias=model,
            slots=slots,
            context_per_slot=context_per_slot,
            threads=threads,
            cache_ram_mib=cache_ram_mib,
        )
        self._engines: dict[Path, Engine] = {}
        self._lock = threading.Lock()
        self._closed = False

    async def warm(self) -> None:
        """Load the model now. Raises ModelMissing."""
        asked = Asked({}, None, usage=False)
        async for _ in self._chunks(self._engine(""), asked, load_only=True, patience=None):
            pass

    async def complete(self, call: Call) -> Reply:
        """See Provider. Cancelling it stops the generation. Raises ProviderError, and ModelMissing without the file."""
        asked = [ask(call.body, number) for number in range(choices_asked(call.body))]
        engine = self._engine(call.model)
        tasks = [asyncio.ensure_future(self._completion(engine, one)) for one in asked]
        try:
            async with asyncio.timeout(call.timeout):
                return Reply(body=merged(await asyncio.gather(*tasks)))
        except TimeoutError:
            raise self._too_slow(call) from None
        finally:
            for task in tasks:
                task.cancel()

    async def stream(self, call: Call) -> AsyncGenerator[dict[str, Any], None]:
        """
        See Provider. Closing it stops the generation. `call.timeout` bounds the wait for each chunk.

        A forced tool comes in one piece, once it is whole.
        """
        if choices_asked(call.body) != 1:
            raise ProviderError("the embedded model streams one choice; leave out `n`", status=400)
        asked = ask(call.body)
        engine = self._engine(call.model)
        try:
            if asked.forced is not None:
                async with asyncio.timeout(call.timeout):
                    whole = called(await self._completion(engine, asked._replace(forced=None)), asked.forced)
                for chunk in _as_chunks(whole, asked.usage):
                    yield chunk
                return
            async with aclosing(self._chunks(engine, asked, patience=call.timeout)) as chunks:
                async for chunk in chunks:
                    if chunk.get("choices") or asked.usage:
                        yield chunk
        except TimeoutError:
            raise self._too_slow(call) from None

    async def ready(self) -> str | None:
        """Return None if the model is loaded or its file is here, else one sentence."""
        if self._closed:
            return "the embedded model was closed"
        try:
            failure = self._engine("").failure
        except (ModelMissing, ProviderError) as error:
            return str(error)
        return str(failure) if failure is not None else None

    async def aclose(self) -> None:
        """Stop every generation, end the threads and give the memory back. Safe to call twice."""
        with self._lock:
            self._closed = True
            engines = list(self._engines.values())
            self._engines.clear()
        for engine in engines:
            await asyncio.to_thread(engine.close)

    def _engine(self, model: str) -> Engine:
        name = model or self.model
        path = find(name).resolve()
        with self._lock:
            if self._closed:
                raise ProviderError("the embedded model was closed", status=503, provider=self.name)
            engine = self._engines.get(path)
            if engine is None:
                if len(self._engines) >= _MODELS:
                    held = ", ".join(str(one.settings.alias) for one in self._engines.values())
                    message = f"{_MODELS} embedded models are in memory already ({held}); name another provider"
                    raise ProviderError(f"{message} for {name} in steady.yaml", status=400, provider=self.name)
                alias = Path(name).stem if name.endswith(".gguf") else name  # never a folder of this machine
                engine = Engine(replace(self._settings, path=path, alias=alias))
                self._engines[path] = engine
            return engine

    async def _completion(self, engine: Engine, asked: Asked) -> dict[str, Any]:
        chunks = [chunk async for chunk in self._chunks(engine, asked, patience=None)]
        completion = assemble(chunks)
        if not completion["choices"]:
            raise ProviderNonsense("the embedded model gave no choice", provider=self.name)
        message = completion["choices"][0]["message"]
        if message.get("content") is None:
            message["content"] = ""  # an answer of no tokens is an empty text
        return called(completion, asked.forced) if asked.forced is not None else completion

    async def _chunks(
        self, engine: Engine, asked: Asked, *, patience: float | None, load_only: bool = False
    ) -> AsyncGenerator[Chunk, None]:
        """Bring chunks from the engine's thread to this loop. Raises TimeoutError after `patience` without one."""
        bridge = _Bridge()
        job = Job(None if load_only else asked.body, bridge.chunk, bridge.end)
        bridge.job = job
        try:
            engine.submit(job)
            while True:
                async with asyncio.timeout(patience):
                    item = await bridge.queue.get()
                bridge.room.release()
                if item is None:
                    return
                if isinstance(item, Exception):
                    if isinstance(item, ProviderError):
                        item.provider = self.name
                    raise item
                yield item
        finally:
            job.cancel()

    def _too_slow(self, call: Call) -> ProviderTimeout:
        return ProviderTimeout(
            f"the embedded model took longer than {call.timeout:g} s", retryable=True, provider=self.name
        )


class _Bridge:
    """From an engine's thread to the event loop that made it."""

    job: Job

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.queue: asyncio.Queue[Chunk | Exception | None] = asyncio.Queue()
        self.room = threading.Semaphore(_AHEAD)

    def chunk(self, chunk: Chunk) -> bool:
        """Hand over one chunk; waits while the reader is far behind. False: nobody reads any more."""
        while not self.room.acquire(timeout=0.1):
            if self.job.cancelled.is_set():
                return False
        return self._put(chunk)

    def end(self, failure: Exception | None) -> None:
        """Hand over the end."""
        self._put(failure)

    def _put(self, item: Chunk | Exception | None) -> bool:
        try:
            self.loop.call_soon_threadsafe(self.queue.put_nowait, item)
        except RuntimeError:  # the loop is closed: its task was cancelled, or the process ends
            return False
        return True


def _as_chunks(completion: dict[str, Any], usage: bool) -> list[Chunk]:
    """Return a whole answer as the chunks of a stream: the message, the end, the usage."""
    frame = {key: value for key, value in completion.items() if key not in ("choices", "usage")}
    frame["object"] = "chat.completion.chunk"
    choice = completion["choices"][0]
    message = dict(choice["message"])
    if "tool_calls" in message:
        message["tool_calls"] = [{"index": at, **one} for at, one in enumerate(message["tool_calls"])]
    rest = {key: value for key, value in choice.items() if key not in ("message", "finish_reason")}
    chunks: list[Chunk] = [
        {**frame, "choices": [{**rest, "delta": message, "finish_reason": None}]},
        {**frame, "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]},
    ]
    if usage:
        chunks.append({**frame, "choices": [], "usage": completion.get("usage")})
    return chunks
