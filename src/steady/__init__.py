"""An output-control layer for generative AI: candidates, rules, consensus, honest disclosure."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steady.decorator.door import steady
    from steady.decorator.provider import headers
    from steady.errors import Abstained, AllCandidatesFailed, ConfigError, ProviderError, RuleViolation, SteadyError
    from steady.policy.document import Policy
    from steady.testing import assert_steady
    from steady.types import Outcome

__all__ = [
    "Abstained",
    "AllCandidatesFailed",
    "ConfigError",
    "Outcome",
    "Policy",
    "ProviderError",
    "RuleViolation",
    "SteadyError",
    "assert_steady",
    "headers",
    "steady",
]

_PLACES = {
    "Abstained": "steady.errors",
    "AllCandidatesFailed": "steady.errors",
    "ConfigError": "steady.errors",
    "Outcome": "steady.types",
    "Policy": "steady.policy.document",
    "ProviderError": "steady.errors",
    "RuleViolation": "steady.errors",
    "SteadyError": "steady.errors",
    "assert_steady": "steady.testing",
    "headers": "steady.decorator.provider",
    "steady": "steady.decorator.door",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that `import steady` costs next to nothing."""
    if name not in _PLACES:
        raise AttributeError(f"module 'steady' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_PLACES[name]), name)
    globals()[name] = value
    return value
