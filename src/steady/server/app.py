"""The ASGI application: a table of routes, errors in OpenAI's shape, start and end."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from steady.errors import AuthError, RequestError, SteadyError, legal_words
from steady.pipeline.explain import mask_all, sensitive
from steady.policy.resolve import from_bytes
from steady.server.chat import chat, refuse
from steady.server.checks import checks
from steady.server.http import JSON_TYPE, Receive, Scope, Send, headers_of, respond, to_json
from steady.server.services import Services
from steady.types import Receipt

Route = Callable[[Services, Scope, Receive, Send], Awaitable[None]]


class App:
    """Callable by any ASGI server. The hot path is one dictionary look-up away."""

    def __init__(self, services: Services) -> None:
        self.services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's event."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        try:
            await self._http(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the last edge: no traceback may reach a client
            self.services.metrics.error("internal")
            _log(error)
            await _crashed(send, error)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        found = ROUTES.get(path)
        if found is None and path.startswith("/v1/receipts/"):
            found = ("GET", receipt)
        if found is None:
            error = RequestError(f"Nothing is served at {path[:200]!r}. {legal_words(path, ROUTES)}")
            await _plain(send, 404, error)
            return
        method, route = found
        if scope["method"] != method and not (method == "GET" and scope["method"] == "HEAD"):
            await _plain(
                send, 405, RequestError(f"{path} takes {method}, not {scope['method']}."), [(b"allow", method.encode())]
            )
            return
        await route(self.services, scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.services.runtime.warm()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self.services.draining = True
                await self.services.runtime.aclose()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _log(error: Exception) -> None:
    import logging
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    where = " < ".join(f"{f.filename.rsplit('/', 1)[-1]}:{f.lineno}" for f in reversed(frames[-6:]))
    logging.getLogger("steady").error("a request failed: %s at %s", type(error).__name__, where)


async def _crashed(send: Send, error: Exception) -> None:
    shown = {
        "message": "Steady failed to handle this request.",
        "type": "server_error",
        "param": None,
        "code": "internal",
    }
    try:
        await respond(send, 500, to_json({"error": shown}), [JSON_TYPE])
    except Exception:  # noqa: BLE001 - the response had begun; the connection is closed by the server
        return


async def _plain(send: Send, status: int, error: SteadyError, headers: Any = ()) -> None:
    code = "not_found" if status == 404 else "method_not_allowed"
    shown = {"message": str(error), "type": error.type, "param": None, "code": code}
    await respond(send, status, to_json({"error": shown}), [JSON_TYPE, *headers])


async def models(services: Services, scope: Scope, receive: Receive, send: Send) -> None:
    """GET /v1/models: the policies, routed names and models that the caller may name."""
    try:
        caller = services.access.caller(headers_of(scope))
    except AuthError as error:
        await refuse(services, send, error)
        return
    allowed = [p for p in services.policies if caller.policies is None or p in caller.policies]
    routed = [name for name, policy in services.config.routes.items() if policy in allowed]
    named = services.runtime.model_names() if caller.models else ()
    data = [_model(name, "steady", "policy") for name in allowed]
    data += [_model(name, "steady", "route") for name in sorted(routed)]
    data += [_model(name, name.split("/")[0], "model") for name in named]
    await respond(send, 200, to_json({"object": "list", "data": data}), [JSON_TYPE])


def _model(name: str, owner: str, kind: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": owner, "steady": {"kind": kind}}


async def receipt(services: Services, scope: Scope, receive: Receive, send: Send) -> None:
    """GET /v1/receipts/{id}: one receipt of the caller's tenant, or any with an admin key."""
    try:
        caller = services.access.caller(headers_of(scope))
        wanted = scope["path"].removeprefix("/v1/receipts/")
        found = await services.receipt(wanted, None if caller.admin else caller.tenant)
    except SteadyError as error:
        await refuse(services, send, error)
        return
    await respond(send, 200, to_json(shown(found)), [JSON_TYPE])


def shown(receipt: Receipt) -> dict[str, Any]:
    """Return a receipt as JSON; what the policy's sensitive rules match is masked in its decision."""
    decision = msgspec.json.decode(receipt.decision)
    rules = sensitive(from_bytes(receipt.policy_bytes)) if receipt.policy_bytes else []
    return {
        "id": receipt.id,
        "object": "steady.receipt",
        "created": receipt.created,
        "policy": receipt.policy,
        "policy_hash": receipt.policy_hash,
        "decision_version": receipt.decision_version,
        "decision_hash": receipt.decision_hash,
        "request_hash": receipt.request_hash,
        "content": "kept" if receipt.journal is not None else "hashes",
        "usage": {"returned": list(receipt.usage_returned), "total": list(receipt.usage_total)},
        "decision": mask_all(decision, rules) if rules else decision,
    }


async def healthz(services: Services, scope: Scope, receive: Receive, send: Send) -> None:
    """GET /healthz: the process answers."""
    await respond(send, 200, b'{"status":"ok"}', [JSON_TYPE])


async def readyz(services: Services, scope: Scope, receive: Receive, send: Send) -> None:
    """GET /readyz: fails only for what this process can cure; upstreams and the store are shown in the body."""
    why, state = await services.not_ready()
    body = {"status": "not ready" if why else "ready", "why": why, "parts": state}
    await respond(send, 503 if why else 200, to_json(body), [JSON_TYPE])


async def metrics(services: Services, scope: Scope, receive: Receive, send: Send) -> None:
    """GET /metrics: Prometheus text, or OpenMetrics where it is accepted."""
    body, content_type = services.metrics.render(headers_of(scope).get("accept", ""))
    await respond(send, 200, body, [(b"content-type", content_type.encode())])


ROUTES: dict[str, tuple[str, Route]] = {
    "/v1/chat/completions": ("POST", chat),
    "/v1/checks": ("POST", checks),
    "/v1/models": ("GET", models),
    "/healthz": ("GET", healthz),
    "/readyz": ("GET", readyz),
    "/metrics": ("GET", metrics),
}
