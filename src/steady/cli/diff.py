"""`steady diff`: what another policy would have made of recorded traffic."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from steady.errors import RecordError
from steady.pipeline.runtime import Runtime
from steady.policy.load import load
from steady.studies.changes import Change, Changes, Side, as_json, changes
from steady.studies.receipts import Kept, kept

SHOWN = 5  # receipts whose changes are printed


def diff_policies(
    a: str, b: str, *, on: str, last: int | None, every: bool, as_json_: bool, show: int, config: str | None
) -> int:
    """Compare and print; return 0 no change, 1 changes, 3 nothing computed. Raises ConfigError, RecordError."""
    runtime = Runtime.open(config, store=False)
    try:
        traffic = asyncio.run(kept(runtime, on, None))
        sides = [_side(name, runtime, traffic) for name in (a, b)]
        names = {side.name for side in sides}
        mine = [r for r in traffic.receipts if every or r.policy in names]
        mine = mine if last is None else mine[:last]
        if not mine:
            there = ", ".join(sorted({r.policy for r in traffic.receipts})) or "none"
            raise RecordError(
                f"No receipt in {traffic.place} was made under {' or '.join(sorted(names))} (made under: {there}). "
                "--all takes the receipts of every policy."
            )
        found = asyncio.run(changes(mine, *sides))
    finally:
        runtime.close()
    if as_json_:
        body = {"a": a, "b": b, "on": traffic.place, "unreadable": list(traffic.unreadable), **as_json(found)}
        click.echo(msgspec.json.format(msgspec.json.encode(body), indent=2).decode())
    else:
        for line in told(found, traffic, len(mine), show):
            click.echo(line)
    if not found.compared:
        return 3
    return 1 if found.changed else 0


def _side(name: str, runtime: Runtime, traffic: Kept) -> Side:
    library = runtime.library
    plain, at, mark = name.partition("@")
    if at and not Path(name).is_file():
        return Side(plain, bytes=traffic.policy(plain, mark))
    if name.endswith((".yaml", ".yml")) or Path(name).is_file():
        loaded = load(Path(name), library.known)
    else:
        loaded = library.get(name)
    return Side(loaded.policy.name, loaded, presets=library.presets)


def told(found: Changes, traffic: Kept, asked: int, show: int) -> Iterator[str]:
    """Yield what was found as lines."""
    total = "1 receipt" if asked == 1 else f"{asked} receipts"
    yield f"{total} of {traffic.place}: {found.compared} computed under both, {len(found.changed)} would change"
    for field, count in found.by_field.items():
        if count:
            yield f"  {field:<11} {count:>6}"
    if found.rules:
        yield "  receipts on which a rule fails, A -> B:"
        for rule, (one, two) in found.rules.items():
            mark = "  *" if one != two else ""
            yield f"    {rule:<24} {_count(one):>6} -> {_count(two):<6}{mark}".rstrip()
    for lack, rows in found.lacking.items():
        yield f"  not computed, {lack}: {len(rows)} (first: {rows[0][0]}: {rows[0][1]})"
    if traffic.unreadable:
        yield f"  not read: {len(traffic.unreadable)} (first: {traffic.unreadable[0]})"
    for note in found.notes:
        yield f"  note: {note}"
    for change in found.changed[:show]:
        yield from _change(change)
    if len(found.changed) > show > 0:
        yield f"... and {len(found.changed) - show} more; --show {len(found.changed)} or --json shows all"


def _count(number: int | None) -> str:
    return "-" if number is None else str(number)


def _change(change: Change) -> Iterator[str]:
    yield f"{change.receipt}"
    for field, (one, two) in change.fields.items():
        if isinstance(one, dict) and isinstance(two, dict):
            for key in {**one, **two}:
                if one.get(key) != two.get(key):
                    yield f"  {field} {key}: {_short(one.get(key))} -> {_short(two.get(key))}"
        elif field == "answer":
            yield f"  - {_short(_text(one))}"
            yield f"  + {_short(_text(two))}"
        else:
            yield f"  {field}: {_short(one)} -> {_short(two)}"


def _text(choices: Any) -> Any:
    """Return the texts of choices where that is all that there is to them."""
    texts = [(choice.get("message") or {}).get("content") for choice in choices]
    return texts[0] if len(texts) == 1 and isinstance(texts[0], str) else choices or None


def _short(value: Any) -> str:
    if value is None:
        return "-"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = text.replace("\n", "\\n")
    return text if len(text) <= 160 else f"{text[:157]}..."
