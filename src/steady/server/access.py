"""Who may call, as whom, and which policy answers. Pure over the loaded configuration."""

import hashlib
from collections.abc import Collection, Mapping
from typing import NamedTuple

from steady.errors import AuthError, UnknownNameError
from steady.policy.config import ClientKey, Config

LOCAL = "local"  # the tenant of a server without client keys


class Caller(NamedTuple):
    """The holder of a key."""

    tenant: str
    policies: Collection[str] | None  # None: all
    models: bool  # may name models that are no policy
    admin: bool
    forward: str | None  # the Authorization that may go upstream; never Steady's own key


class Access:
    """The client keys of one configuration, by hash."""

    def __init__(self, keys: tuple[ClientKey, ...]) -> None:
        self._callers = {key.sha256.lower(): _caller(key) for key in keys}

    def caller(self, headers: Mapping[str, str]) -> Caller:
        """Return who calls. Raises AuthError; its message never repeats a key."""
        authorization = headers.get("authorization")
        if not self._callers:
            return Caller(LOCAL, None, True, True, authorization)
        own = headers.get("x-steady-key")
        token = own if own is not None else _bearer(authorization or "")
        if not token:
            raise AuthError("No key was sent. Send it as `Authorization: Bearer KEY`.")
        caller = self._callers.get(hashlib.sha256(token.encode("utf-8", "replace")).hexdigest())
        if caller is None:
            raise AuthError("The key is not known here. Ask who runs this server for one.")
        return caller._replace(forward=authorization) if own is not None else caller


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else authorization.strip()


def _caller(key: ClientKey) -> Caller:
    return Caller(key.tenant, None if key.policies == "all" else key.policies, key.models, key.admin, None)


class Route(NamedTuple):
    """Which policy answers, over which model."""

    policy: str
    model: str | None  # what the client names; None: it names none
    override: bool = False  # `policy@model`: it comes before the policy's own model, else it only stands in for one
    names: Collection[str] = ()  # the policies and routes that the caller may name


def route(model: str, asked: str | None, caller: Caller, config: Config, policies: Collection[str]) -> Route:
    """
    Return what answers a request.

    Args:
        model: The request's `model`: a policy, `policy@model` (the model then comes before the policy's own), a
            routed name, or a model, which is used only where the policy that answers names none.
        asked: `steady.policy`, which comes first.
        caller: Who asks; a policy that the key does not list is as unknown as one that does not exist.
        config: Routes and the default policy.
        policies: The names of all loaded policies; they shadow model names.

    Raises:
        UnknownNameError: With the nearest name that this caller may use.
    """
    allowed = policies if caller.policies is None else [p for p in policies if p in caller.policies]
    names = [*allowed, *(name for name, policy in config.routes.items() if policy in allowed)]
    name, _, over = model.partition("@")
    overrides = bool(over) and name in policies
    if overrides and not caller.models:
        raise UnknownNameError("model", model, names)
    if asked is not None:
        own = not model or model in policies or model in config.routes
        if not own and not caller.models:
            raise UnknownNameError("model", model, names)
        return Route(_known("policy", asked, allowed), None if own else (over if overrides else model), overrides)
    if overrides:
        return Route(_known("policy", name, allowed), over, True)
    if model in policies:
        return Route(_known("model", model, allowed), None)
    if model in config.routes:
        return Route(_known("model", config.routes[model], allowed), None)
    if not caller.models or config.default_policy not in allowed:
        raise UnknownNameError("model", model, names)
    return Route(config.default_policy, model or None, names=names)


def _known(what: str, name: str, allowed: Collection[str]) -> str:
    if name not in allowed:
        raise UnknownNameError(what, name, allowed)
    return name
