"""What recorded rules may use of the outside: nothing that the operator did not allow."""

from collections.abc import Callable
from typing import Any

from steady.errors import RuleError
from steady.types import JSON, Reply


class Closed:
    """Nothing is allowed: what a world without a configuration offers, and what a replay has."""

    async def model(self, name: str, body: dict[str, Any], timeout: float) -> Reply:
        """See types.Outside."""
        raise RuleError(f"no model {name!r} may be asked here")

    async def post(self, url: str, body: JSON, timeout: float, secret: str = "") -> JSON:
        """See types.Outside."""
        raise RuleError("no webhook may be asked here")

    def function(self, name: str) -> Callable[..., Any]:
        """See types.Outside."""
        raise RuleError(f"no function {name!r} is among those that the operator allows")


CLOSED = Closed()
