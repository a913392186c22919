"""`steady model`: fetch weights with progress, list what is known and here."""

import sys

import click


def pull(name: str) -> None:
    """Fetch NAME; progress goes to stderr, the path to stdout."""
    from steady.providers import weights

    shown, terminal = -1, sys.stderr.isatty()

    def progress(done: int, total: int | None) -> None:
        nonlocal shown
        percent = int(100 * done / total) if total else done // (1 << 20)
        if percent != shown and (terminal or (percent and percent % 20 == 0)):
            shown = percent
            told = f"fetching {name}: {percent}{'%' if total else ' MB'}"
            click.echo(f"\r{told}" if terminal else told, err=True, nl=not terminal)

    path = weights.pull(name, progress=progress)
    if terminal and shown >= 0:
        click.echo("", err=True)
    click.echo(str(path))


def show() -> None:
    """Print the catalogue."""
    from steady.providers import weights

    here = weights.cached()
    for entry in weights.known():
        state = (
            f"here: {here[entry.name]}" if entry.name in here else "not here; `steady model pull " + entry.name + "`"
        )
        click.echo(f"{entry.name}\t{entry.size / (1 << 20):.0f} MB\t{entry.licence}\t{state}")
