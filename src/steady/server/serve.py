"""`steady serve`: open everything, check the address, say what is served, run uvicorn."""

import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from steady.errors import ConfigError, Problem, SteadyError
from steady.pipeline.runtime import Runtime
from steady.policy.config import guard_address
from steady.policy.implied import implied_rule
from steady.policy.library import shipped
from steady.server.app import App
from steady.server.services import Services


def serve(
    config: str | Path | None,
    *,
    host: str | None = None,
    port: int | None = None,
    only_check: bool = False,
    say: Callable[[str], Any] = print,
) -> None:
    """
    Serve until told to stop.

    Raises:
        ConfigError: Problems in the configuration or a policy, an address beyond loopback without keys, a port in use.
        ModelMissing: The embedded model that the default policy needs is not on this machine.
    """
    runtime = Runtime.open(config)
    server = runtime.config.server
    host, port = host or server.host, server.port if port is None else port
    try:
        guard_address(runtime.config, host)
        _require_weights(runtime)
        require_models(runtime)
        services = Services(runtime)
        if only_check:
            say(f"ok: {len(services.policies)} policies, {len(runtime.config.providers)} providers")
            return
        listening = _listen(host, port)
    except BaseException:
        runtime.close()
        raise
    if judges_schemas(runtime):
        threading.Thread(target=_load_wording, name="steady-warm", daemon=True).start()
    _run(services, listening, host, say)


def require_models(runtime: Runtime) -> None:
    """Raise ConfigError where one of the operator's own policies names a model that no provider serves."""
    library = runtime.library
    if library.folder == shipped():  # those that ship name the embedded model, which a configuration may leave out
        return
    problems: list[Problem] = []
    for name in library.names():
        one = library.get(name)
        other = one.policy.otherwise.model if one.policy.otherwise.do == "model" else None
        for field, model in (("model", one.policy.model), ("otherwise.model", other)):
            try:
                if model is not None:
                    library.target(model)
            except SteadyError as error:
                problems.append(Problem(str(one.file), 0, field, str(error)))
    if problems:
        raise ConfigError(problems)


def judges_schemas(runtime: Runtime) -> bool:
    """Whether a policy has a schema, its own or a rule's."""
    loaded = [runtime.library.get(name) for name in runtime.library.names()]
    rules = [rule for one in loaded for rule in (*one.rules, implied_rule(one.policy))]
    return any(rule is not None and rule.name == "json_schema" for rule in rules)


def _load_wording() -> None:
    """Import what words a schema's complaints: it takes a second or more, for which the first wrong JSON would wait."""
    import jsonschema.validators  # noqa: F401


def _require_weights(runtime: Runtime) -> None:
    from steady.providers.weights import find

    for name, spec in runtime.config.providers.items():
        if runtime.embedded(name):
            for model in spec.models or ("smollm2-135m",):
                find(model)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as error:
        listening.close()
        why = error.strerror or str(error)
        raise ConfigError(
            f"Can't listen on {host}:{port}: {why}. Stop what uses it, or choose another --port."
        ) from None
    listening.setblocking(False)
    return listening


def _run(services: Services, listening: socket.socket, host: str, say: Callable[[str], Any]) -> None:
    import uvicorn

    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{listening.getsockname()[1]}"
    say(f"Steady serves {address}/v1 (policies: {', '.join(services.policies)})")
    config = uvicorn.Config(
        App(services),
        loop="auto" if sys.platform == "win32" else "uvloop",
        http="httptools",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=10,
        limit_concurrency=None,
    )
    uvicorn.Server(config).run(sockets=[listening])
