"""What recorded rules may use of the outside: nothing that the operator did not allow."""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from steady.errors import ProviderError, RuleError, SteadyError
from steady.pipeline.spending import usage_of
from steady.policy.resolved import Target
from steady.rules.webhook import under
from steady.types import JSON, Call, Provider, Reply

if TYPE_CHECKING:
    from aiohttp import ClientResponse

MAX_ANSWER = 64 * 1024  # bytes of a webhook's answer
SIGNATURE = "x-steady-signature"


class Closed:
    """Nothing is allowed: what a world without a configuration offers, and what a replay has."""

    async def model(self, name: str, body: dict[str, Any], timeout: float) -> Reply:
        """See types.Outside."""
        raise RuleError(f"no model {name!r} may be asked here")

    async def post(self, url: str, body: JSON, timeout: float) -> JSON:
        """See types.Outside."""
        raise RuleError("no webhook may be asked here")

    def function(self, name: str) -> Callable[..., Any]:
        """See types.Outside."""
        raise RuleError(f"no function {name!r} is among those that the operator allows")


CLOSED = Closed()


class Hook(NamedTuple):
    """An address that may be asked, and all below it."""

    url: str
    secret: bytes = b""  # signs what is sent; empty: it is not signed


class Allowed:
    """What steady.yaml allows."""

    def __init__(
        self,
        *,
        provider: Callable[[str], Provider | None],
        target: Callable[[str], Target],
        hooks: Sequence[Hook] = (),
        functions: Mapping[str, Callable[..., Any]] | None = None,
    ) -> None:
        self._provider, self._target = provider, target
        self._hooks, self._functions = tuple(hooks), functions or {}

    async def model(self, name: str, body: dict[str, Any], timeout: float) -> Reply:
        """Ask a model of the configuration, as far as its provider takes what is asked for. Raises RuleError."""
        try:
            target = self._target(name)
            provider = self._provider(target.provider)
        except SteadyError as error:
            raise RuleError(f"the model {name!r} can't be asked: {error}") from None
        if provider is None:
            raise RuleError(f"the model {name!r} can't be asked: no such provider")
        fitted = _fitted(body, target)
        try:
            reply = await provider.complete(
                Call(provider=target.provider, model=target.model, body=fitted, timeout=timeout)
            )
        except ProviderError as error:  # its words may quote what was asked
            status = f", status {error.upstream_status}" if error.upstream_status else ""
            raise RuleError(f"the model {name!r} failed: {type(error).__name__}{status}") from None
        cost = usage_of(reply, target).cost
        if cost is None:
            return reply
        usage = {**(reply.body.get("usage") or {}), "cost_dollars": str(cost)}
        return msgspec.structs.replace(reply, body={**reply.body, "usage": usage})

    async def post(self, url: str, body: JSON, timeout: float) -> JSON:
        """POST JSON to an address that steady.yaml lists, once. Raises RuleError."""
        hook = max((one for one in self._hooks if under(url, one.url)), key=lambda one: len(one.url), default=None)
        if hook is None:
            raise RuleError("the webhook's address is not among those that the operator allows")
        data = msgspec.json.encode(body)
        headers = {"content-type": "application/json", "accept": "application/json", "accept-encoding": "identity"}
        if hook.secret:
            headers[SIGNATURE] = "sha256=" + hmac.new(hook.secret, data, hashlib.sha256).hexdigest()
        return await _posted(url, data, headers, timeout)

    def function(self, name: str) -> Callable[..., Any]:
        """Return a function of steady.yaml by its name or its place. Raises RuleError."""
        found = self._functions.get(name)
        if found is None:
            raise RuleError(f"no function {name!r} is among those that the operator allows")
        return found


def _fitted(body: dict[str, Any], target: Target) -> dict[str, Any]:
    """Return a body without what the provider does not take."""
    caps = target.capabilities
    out = {key: value for key, value in body.items() if key not in {"temperature", "seed"} or key in caps.params}
    if "max_tokens" in out:
        out[caps.max_tokens_name] = out.pop("max_tokens")
    if not caps.json_schema:
        out.pop("response_format", None)
    return out


async def _posted(url: str, data: bytes, headers: Mapping[str, str], timeout: float) -> JSON:
    """Ask once; follow nothing, keep nothing, read at most `MAX_ANSWER`."""
    import aiohttp

    limit = aiohttp.ClientTimeout(total=timeout)
    try:
        async with (
            aiohttp.ClientSession(
                timeout=limit, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, trust_env=False
            ) as session,
            session.post(url, data=data, headers=headers, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise RuleError(f"the webhook answered with status {response.status}")
            return _read(await _bounded(response))
    except TimeoutError:
        raise RuleError(f"no verdict within {timeout:g} s") from None
    except (aiohttp.ClientError, OSError) as error:
        raise RuleError(f"the webhook can't be reached: {type(error).__name__}") from None


async def _bounded(response: "ClientResponse") -> bytes:
    data = b""
    async for part in response.content.iter_chunked(MAX_ANSWER):
        data += part
        if len(data) > MAX_ANSWER:
            raise RuleError(f"the webhook's answer is over {MAX_ANSWER // 1024} KiB")
    return data


def _read(data: bytes) -> JSON:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        raise RuleError("the webhook's answer is no JSON") from None
