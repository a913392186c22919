"""`steady check` and `steady policies`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from steady.errors import ConfigError
from steady.policy.resolved import Resolved

CONFIG_NAMES = ("steady.yaml", "steady.yml")


def check_paths(paths: Sequence[str]) -> int:
    """Check each file; print every problem to stderr and how each policy streams to stdout. Returns 0 or 2."""
    bad = 0
    for path in paths:
        if not Path(path).exists():
            click.echo(f"{path}: no such file or folder", err=True)
            bad += 1
            continue
        for file in _files(Path(path)):
            bad += _check(file)
    return 2 if bad else 0


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    yield from sorted(p for p in path.glob("*.y*ml") if p.suffix in {".yaml", ".yml"})


def _check(file: Path) -> int:
    from steady.policy.config import check_config
    from steady.policy.load import check_file

    if file.name in CONFIG_NAMES:
        problems = check_config(file)
        words = "a valid configuration"
    else:
        problems = check_file(file)
        words = ""
    for problem in problems:
        click.echo(str(problem), err=True)
    if not problems:
        click.echo(f"{file}: {words or _how(file)}")
    return len(problems)


def _how(file: Path) -> str:
    from steady.pipeline.runtime import resolve_alone

    try:
        policy = resolve_alone(file)
    except ConfigError as error:
        return f"valid; it can't be resolved here: {error}"
    rules = len(policy.rules) + sum(1 for b in policy.input_rules if b not in policy.rules)
    head = f"ok, policy {policy.name!r}, kind {policy.doc.output.kind}, {rules} rules; "
    if policy.plan.live:
        return head + "streams live"
    return head + "is decided first, then streamed, because " + "; ".join(policy.plan.why)


def list_policies(config: str | None, *, as_json: bool) -> None:
    """Print the policies that the configuration can name."""
    from steady.pipeline.runtime import Runtime

    runtime = Runtime.open(config, store=False)
    rows = []
    for name in runtime.library.names():
        try:
            rows.append(_row(runtime.library.resolved(name, None)))
        except ConfigError as error:
            rows.append({"name": name, "problem": str(error)})
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
        return
    for row in rows:
        if "problem" in row:
            click.echo(f"{row['name']:<20} {row['problem']}")
            continue
        drawn = f"{row['min']}-{row['max']}" if row["max"] > 1 else "1"
        live = "live" if row["live"] else "buffered"
        rules = ", ".join(row["rules"]) or "no rules"
        click.echo(f"{row['name']:<20} {row['kind']:<7} {row['model']:<24} {drawn:>5} draws  {live:<9} {rules}")
        if row["description"]:
            click.echo(f"{'':<20} {row['description']}")


def _row(policy: Resolved) -> dict[str, Any]:
    doc = policy.doc
    return {
        "name": policy.name,
        "description": doc.description,
        "kind": doc.output.kind,
        "model": f"{policy.target.provider}/{policy.target.model}",
        "min": doc.candidates.min,
        "max": doc.candidates.max,
        "rules": [b.rule.key for b in policy.rules],
        "live": policy.plan.live,
        "why": list(policy.plan.why),
        "hash": policy.hash,
    }
