"""`steady import`: a peer's configuration as a policy."""

from pathlib import Path
from typing import Any

import click

from steady.errors import ConfigError
from steady.migration.translate import translate


def import_file(peer: Any, file: str, *, out: str | None, name: str, force: bool) -> int:
    """Translate, write or print the policy, and name on stderr what is not in it. Returns 0 all of it, 1 not all."""
    if out is not None and Path(out).exists() and not force:
        raise ConfigError(f"{out} is there already; --force writes over it.")
    made = translate(peer, Path(file), name)
    for lost in made.lost:
        if lost.what == "the file":  # nothing was read: an empty policy would let everything through
            raise ConfigError(f"{file}{f':{lost.line}' if lost.line else ''}: {lost.why}. No policy was made.")
    if out is None:
        click.echo(made.text, nl=False)
    else:
        try:
            Path(out).write_text(made.text, "utf-8")
        except OSError as error:
            raise ConfigError(f"{out} can't be written: {error.strerror}.") from None
    for lost in made.lost:
        click.echo(f"not translated: {file}: {lost}", err=True)
    for note in made.notes:
        click.echo(f"differs: {note}", err=True)
    rules = len(made.policy.get("rules", ()))
    told = f"{rules} {'rule' if rules == 1 else 'rules'}, {len(made.lost)} not translated"
    click.echo(f"{file}: {told}" + (f"; written to {out}" if out else ""), err=True)
    return 1 if made.lost else 0
