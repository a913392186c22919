"""
What models cost and can do, out of the table inside the litellm package, read without importing litellm.

The table is `model_prices_and_context_window_backup.json`: kept by its community, as old as the installed litellm.
It is read once, when first asked (40 ms), and reduced to the few facts used here.
"""

import json
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

_TABLE = "model_prices_and_context_window_backup.json"
_CHAT = ("chat", "completion", "responses")


class Facts(NamedTuple):
    """What the table says of one model."""

    vendor: str  # litellm's name for it: "openai", "anthropic", "vertex_ai-language-models"
    prompt: str | None  # US dollars a token, as decimal text
    completion: str | None
    response_schema: bool  # takes a JSON Schema for its answer
    samples: bool  # takes temperature and its kin; some reasoning models refuse them


def price(model: str, provider: str) -> tuple[str, str] | None:
    """
    Return (prompt, completion) in US dollars a token as decimal text such as `0.0000025`, or None if none is known.

    Args:
        model: The vendor's name for the model, with or without the vendor before it (`anthropic/claude-...`).
        provider: The vendor in litellm's spelling (`openai`, `anthropic`, `gemini`), or "" for any. A model is never
            priced by another vendor's entry, since the same model costs differently elsewhere.
    """
    known = facts(model, provider)
    return (known.prompt, known.completion) if known and known.prompt is not None and known.completion else None


def facts(model: str, provider: str) -> Facts | None:
    """Return what the table knows of a chat model, or None. Arguments as for `price`."""
    table = _table()
    named = table.get(f"{provider}/{model}") if provider else None
    known = named or table.get(model)
    if known is None and "/" in model:
        provider, _, rest = model.partition("/")
        known = table.get(rest)
    if known is None or (provider and not named and not _same(known.vendor, provider)):
        return None
    return known


def _same(vendor: str, provider: str) -> bool:
    return vendor == provider or vendor.startswith((f"{provider}-", f"{provider}_"))


@cache
def _table() -> dict[str, Facts]:
    spec = find_spec("litellm")
    folders = (spec.submodule_search_locations or ()) if spec else ()
    for folder in folders:
        path = Path(folder) / _TABLE
        if path.is_file():
            raw = json.loads(path.read_bytes(), parse_float=str, parse_int=str)  # text: a float would blur the price
            entries = {name: entry for name, entry in raw.items() if isinstance(entry, dict)}
            return {name: _facts(entry) for name, entry in entries.items() if entry.get("mode") in _CHAT}
    return {}  # an installation without litellm: no price is known


def _facts(entry: dict[str, Any]) -> Facts:
    return Facts(
        vendor=str(entry.get("litellm_provider") or ""),
        prompt=_decimal(entry.get("input_cost_per_token")),
        completion=_decimal(entry.get("output_cost_per_token")),
        response_schema=entry.get("supports_response_schema") is True,
        samples=entry.get("supports_sampling_params") is not False,
    )


def _decimal(value: Any) -> str | None:
    """Return a number's text without an exponent, or None where there is no price of zero or more."""
    try:
        number = Decimal(value)
    except (InvalidOperation, TypeError, ValueError):
        return None
    if not number.is_finite() or number < 0:
        return None
    text = format(number.normalize(), "f")
    return "0" if text in ("-0", "") else text
