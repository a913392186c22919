"""`steady check` and `steady policies`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from steady.errors import ConfigError, Problem
from steady.policy.resolved import Resolved

CONFIG_ONLY = frozenset(
    {
        "providers",
        "default_provider",
        "routes",
        "default_policy",
        "keys",
        "store",
        "server",
        "policies",
        "functions",
        "outside",
    }
)
SCRIPT_KEYS = frozenset({"content", "message", "choices", "tool_calls", "refusal", "error", "delay"})
PRESET_KEYS = frozenset({"name", "why", "sampling"})


def check_paths(paths: Sequence[str]) -> int:
    """Check each file; print every problem to stderr and how each policy streams to stdout. Returns 0 or 2."""
    return 2 if sum(_check_path(Path(path)) for path in paths) else 0


def _check_path(path: Path) -> int:
    if not path.exists():
        click.echo(f"{path}: no such file or folder", err=True)
        return 1
    files = list(_files(path))
    if not files:
        click.echo(f"{path}: no .yaml file in this folder", err=True)
        return 1
    return sum(_check(file) for file in files)


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(p for p in path.glob("*.y*ml") if p.suffix in {".yaml", ".yml"})
    else:
        yield path


def _check(file: Path) -> int:
    from steady.policy.config import check_config
    from steady.policy.load import check_file, check_rules
    from steady.policy.presets import check_preset

    what = _what(file)
    checks = {
        "configuration": check_config,
        "list of rules": check_rules,
        "preset": check_preset,
        "script of replies": _check_script,
        "file of golden cases": _check_cases,
    }
    problems = checks.get(what, check_file)(file)
    for problem in problems:
        click.echo(str(problem), err=True)
    if not problems:
        click.echo(f"{file}: {_how(file) if what == 'policy' else f'ok, a {what}'}")
    return len(problems)


def _what(file: Path) -> str:
    """Return what a file is meant to be: its name says it of steady.yaml, its content of all others."""
    from steady.policy.config import CONFIG_NAMES
    from steady.policy.yaml_marks import MAX_BYTES, read_yaml
    from steady.studies.cases import is_cases

    if file.name in CONFIG_NAMES:
        return "configuration"
    try:
        with file.open("rb") as stream:
            data = read_yaml(stream.read(MAX_BYTES + 1), str(file)).data
    except (OSError, ConfigError):
        return "policy"  # the check itself tells what is wrong
    if isinstance(data, list):
        return "script of replies" if data and all(map(_is_line, data)) else "list of rules"
    keys = {key for key in data if isinstance(key, str)} if isinstance(data, dict) else set()
    if "cases" in keys and (is_cases(file) or not keys - {"cases", "policy"}):
        return "file of golden cases"
    if keys & CONFIG_ONLY and "name" not in keys:
        return "configuration"
    return "preset" if "sampling" in keys and keys <= PRESET_KEYS else "policy"


def _is_line(item: Any) -> bool:
    """Whether an item of a list is a line that a scripted provider says, rather than a rule."""
    return isinstance(item, str) or (isinstance(item, dict) and bool(SCRIPT_KEYS & item.keys()) and "rule" not in item)


def _check_script(file: Path) -> list[Problem]:
    from steady.providers.scripted import ScriptedProvider

    try:
        ScriptedProvider.load(file)
    except ConfigError as error:
        return [Problem(str(file), 0, "", str(error).removeprefix(f"{file}: "))]
    return []


def _check_cases(file: Path) -> list[Problem]:
    from steady.studies.cases import read
    from steady.studies.golden import policy_of

    try:
        policy_of(read(file))
    except ConfigError as error:
        return list(error.problems)
    return []


def _how(file: Path) -> str:
    from steady.pipeline.runtime import resolve_alone

    try:
        policy = resolve_alone(file)
    except ConfigError as error:
        return f"valid; it can't be resolved here: {error}"
    rules = len(policy.rules) + sum(1 for b in policy.input_rules if b not in policy.rules)
    counted = "1 rule" if rules == 1 else f"{rules} rules"
    head = f"ok, policy {policy.name!r}, kind {policy.doc.output.kind}, {counted}; "
    if policy.plan.live:
        return head + "streams live"
    return head + "is decided first, then streamed, because:" + "".join(f"\n    {why}" for why in policy.plan.why)


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
