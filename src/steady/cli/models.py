"""`steady model`: fetch weights with progress, list what is known and here."""

import sys

import click


def pull(name: str) -> None:
    """Fetch NAME; progress goes to stderr, the path to stdout."""
    from steady.providers import weights

    shown = -1

    def progress(done: int, total: int | None) -> None:
        nonlocal shown
        percent = int(100 * done / total) if total else done // (1 << 20)
        if percent != shown and (sys.stderr.isatty() or percent % 20 == 0):
            shown = percent
            unit = "%" if total else " MB"
            click.echo(f"\rfetching {name}: {percent}{unit}", err=True, nl=not sys.stderr.isatty())

    path = weights.pull(name, progress=progress)
    if sys.stderr.isatty() and shown >= 0:
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
