"""
A llama.cpp server inside this process, and the threads that talk to it. Knows no asyncio and no OpenAI errors.

What was found out about xllamacpp, and is dealt with here:

- It always opens its HTTP listener. On POSIX ours is a Unix socket in a private folder that is removed once the model
  is loaded, so that no port is open; elsewhere a loopback port behind a random key.
- Some versions (early 2026) replace the process's SIGINT and SIGTERM handlers, under Python's feet; ours stay.
- A call can be stopped only from its streaming callback, so every call streams.
- Its compute threads spin where they wait for each other, which is ruinous on a busy machine; ours sleep.
- Its threads don't survive a fork, and it can't begin anew in the child: there the model is refused in one clear line,
  and never taken down, which would wait for those threads for ever.
"""

import atexit
import contextlib
import ctypes
import os
import queue
import secrets
import signal
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct

from steady.errors import ModelMissing, ProviderError

Chunk = dict[str, Any]

_LOADING = threading.Lock()  # one model loads at a time: signal handlers are the whole process's
_FORKED = False  # whether this process is a fork of one in which a model was loaded
_ENGINES: "weakref.WeakSet[Engine]" = weakref.WeakSet()


class Settings(Struct, frozen=True, kw_only=True):
    """What a model is loaded with."""

    path: Path
    alias: str  # what answers call the model
    slots: int = 4  # requests that generate at once, >= 1
    context_per_slot: int = 2048  # tokens of prompt and answer together
    threads: int | None = None  # None: as many as this process may use
    cache_ram_mib: int = 64  # of remembered prompts; llama.cpp's own default of 8192 fills the memory


class Job:
    """One generation. `on_chunk` and `on_end` run on an engine thread; `on_end` runs exactly once."""

    def __init__(
        self, body: dict[str, Any] | None, on_chunk: Callable[[Chunk], bool], on_end: Callable[[Exception | None], None]
    ) -> None:
        self.body = body  # None: only load the model
        self.on_chunk = on_chunk  # returns whether to go on
        self.on_end = on_end
        self.cancelled = threading.Event()

    def cancel(self) -> None:
        """Stop it: at once while it waits, else with its next token."""
        self.cancelled.set()


class _Life(NamedTuple):
    """What lives from the first job to `close`, or to a fork."""

    jobs: "queue.SimpleQueue[Job | None]"
    threads: list[threading.Thread]


class Engine:
    """Loads on the first job; serves jobs in the order they came, `slots` at once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._life: _Life | None = None
        self._server: Any = None
        self._failure: ModelMissing | None = None
        self._running: set[Job] = set()
        self._closed = False
        _ENGINES.add(self)

    @property
    def loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._server is not None

    @property
    def failure(self) -> ModelMissing | None:
        """Why the model could not be loaded, if that was tried."""
        return self._failure

    def submit(self, job: Job) -> None:
        """Queue a job. Raises ProviderError once closed."""
        if _FORKED:
            raise ProviderError(
                "the embedded model can't be used after a fork of the process that loaded it; "
                "load it in the child only, or start processes by `spawn`",
                status=503,
            )
        with self._lock:
            if self._closed:
                raise ProviderError("the embedded model was closed", status=503)
            if self._life is None:
                self._life = self._started()
            self._life.jobs.put(job)

    def close(self, wait: float = 10.0) -> None:
        """Stop what runs, answer what waits with an error, give back the memory. Safe to call twice, and at exit."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            life, running = self._life, list(self._running)
        atexit.unregister(self.close)
        if life is None:
            return
        for job in running:
            job.cancel()
        with contextlib.suppress(queue.Empty):
            while True:
                if (waiting := life.jobs.get_nowait()) is not None:
                    waiting.on_end(ProviderError("the embedded model was closed", status=503))
        for _ in life.threads:
            life.jobs.put(None)
        for thread in life.threads:
            if thread is not threading.current_thread():
                thread.join(wait)
        self._server = None  # llama.cpp joins its own threads here

    def _started(self) -> _Life:
        jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        threads = [
            # Daemons, since the interpreter would otherwise wait for answers before `close` may stop them at exit.
            threading.Thread(target=self._serve, args=(jobs,), name=f"steady-llama-{number}", daemon=True)
            for number in range(self.settings.slots)
        ]
        for thread in threads:
            thread.start()
        atexit.register(self.close, 2.0)
        return _Life(jobs, threads)

    def _serve(self, jobs: "queue.SimpleQueue[Job | None]") -> None:
        while (job := jobs.get()) is not None:
            with self._lock:
                self._running.add(job)
            failure: Exception | None = None
            try:
                if not job.cancelled.is_set() and not self._closed:
                    self._run(job)
            except Exception as error:  # noqa: BLE001  an engine thread must outlive whatever one job did
                failure = error if isinstance(error, (ModelMissing, ProviderError)) else _refused(error)
            with self._lock:
                self._running.discard(job)
            if self._closed and failure is None:
                failure = ProviderError("the embedded model was closed", status=503)
            job.on_end(failure)
            del job  # its closures hold an answer, and the next job may be long in coming

    def _run(self, job: Job) -> None:
        server = self._loaded()
        if job.body is None:
            return
        failed: list[dict[str, Any]] = []

        def take(chunk: Chunk) -> bool:
            """Return True to stop the generation."""
            if job.cancelled.is_set():
                return True
            if "error" in chunk:
                failed.append(chunk["error"])
                return True
            return not job.on_chunk(chunk)

        server.handle_chat_completions(job.body, take)
        if failed:
            raise _told(failed[0])

    def _loaded(self) -> Any:
        with _LOADING:
            if self._failure is not None:
                raise self._failure
            if self._server is None and not self._closed:
                try:
                    self._server = _load(self.settings)
                except ModelMissing as error:
                    self._failure = error
                    raise
            return self._server

    def _abandon(self) -> None:
        """In the child of a fork: forget the parent's threads, and never take down what only the parent can."""
        if self._server is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._server))
        self._server, self._life, self._failure = None, None, None
        self._lock, self._running = threading.Lock(), set()


def _load(settings: Settings) -> Any:
    """Load the model: under a second for a small one, during which the interpreter stands still."""
    with _patient_threads():
        import xllamacpp  # type: ignore[import-untyped]

    params = xllamacpp.CommonParams()
    params.model.path = str(settings.path)
    params.model_alias = {settings.alias}
    params.n_parallel = settings.slots
    params.n_ctx = settings.slots * settings.context_per_slot
    params.cache_ram_mib = settings.cache_ram_mib
    threads = settings.threads or _usable_cpus()
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    params.fit_params = False  # it would change n_ctx by what memory happens to be free
    params.verbosity = -1
    params.ui = False
    params.endpoint_slots = False
    params.n_threads_http = 1
    params.api_keys = [secrets.token_hex(16)]  # nobody else is to use the listener
    with _private_listener(params), _signals_kept():
        try:
            return xllamacpp.Server(params)
        except RuntimeError as error:
            raise ModelMissing(
                f"llama.cpp could not load {settings.path} ({error}). Is the file whole, and is there memory for it?"
            ) from error


def _usable_cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def _patient_threads() -> Iterator[None]:
    """
    Let OpenMP's threads sleep where they wait for each other; it reads this once, as it is loaded.

    By default they spin. On 2 cores with other work to do, one then spins while the other is not running: 4 tokens a
    second where sleeping gives 36, against a fifth lost on an idle machine. An OMP_WAIT_POLICY that is set holds.
    """
    name = "OMP_WAIT_POLICY"
    if name in os.environ:
        yield
        return
    os.environ[name] = "PASSIVE"
    try:
        yield
    finally:
        del os.environ[name]


@contextlib.contextmanager
def _private_listener(params: Any) -> Iterator[None]:
    """See to it that the listener, which can't be turned off, is out of anyone's reach."""
    if sys.platform == "win32":
        yield
        return
    with tempfile.TemporaryDirectory(prefix="steady-") as folder:  # readable by this user only
        params.hostnames = [f"{folder}/llama.sock"]  # a name that ends so is a Unix socket to llama.cpp
        yield


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Put back the handlers of SIGINT and SIGTERM. Python's own `signal` could do so on the main thread only."""
    if sys.platform == "win32":
        yield
        return
    libc = ctypes.CDLL(None)
    kept = {number: ctypes.create_string_buffer(512) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, action in kept.items():  # a struct sigaction is 152 bytes on Linux, less elsewhere
        libc.sigaction(int(number), None, action)
    try:
        yield
    finally:
        for number, action in kept.items():
            libc.sigaction(int(number), action, None)


def _refused(error: Exception) -> ProviderError:
    """llama.cpp raises for requests that it can't read, and answers with an error object for most others."""
    return _told({"code": 400, "message": str(error), "type": "invalid_request_error"})


def _told(error: dict[str, Any]) -> ProviderError:
    code = error.get("code")
    status = code if isinstance(code, int) and 400 <= code < 600 else 500
    message = str(error.get("message") or "the embedded model failed").strip().splitlines()[0]
    return ProviderError(message, status=status, retryable=status == 503, body=error)


def _after_fork() -> None:
    global _LOADING, _FORKED
    _LOADING = threading.Lock()
    _FORKED = _FORKED or "xllamacpp" in sys.modules
    for engine in list(_ENGINES):
        engine._abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
