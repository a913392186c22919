"""`steady test`: golden cases beside policies."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import click

from steady.errors import ConfigError
from steady.studies.golden import Report, check
from steady.studies.shown import junit, told
from steady.studies.update import update


def test_paths(paths: Sequence[str], *, keep: str, write: bool, xml: str | None, config: str | None) -> int:
    """Run, print, and return 0 all passed, 1 some failed, 2 a file has problems (each is a line on stderr)."""
    try:
        report = check(*paths, keep=keep, config=config)
    except ConfigError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        return 2
    if xml is not None:
        Path(xml).write_bytes(junit(report.results, timestamp=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")))
    if write:
        return _written(report)
    for result in report.failed:
        for line in told(result):
            click.echo(line)
    for file, group in groupby(report.results, key=lambda r: r.file):
        cases = list(group)
        failed = sum(1 for case in cases if not case.passed)
        click.echo(f"{file}: {_count(len(cases))}, {f'{failed} failed' if failed else 'all passed'}")
    if not report.results:
        click.echo(f"no case's name holds {keep!r}")
    return 1 if report.failed else 0


def _count(number: int) -> str:
    return "1 case" if number == 1 else f"{number} cases"


def _written(report: Report) -> int:
    """Write what came of the cases; what can't be written (a run that broke, a missing answer) still fails."""
    left = 0
    for suite in report.suites:
        mine = [result for result in report.results if result.file == str(suite.file)]
        changed = update(suite.file, mine)
        click.echo(f"{suite.file}: {_count(changed)} written" if changed else f"{suite.file}: nothing to write")
        for result in mine:
            rest = tuple(d for d in result.differences if not d.field.startswith("expect"))
            left += bool(rest)
            for line in told(result._replace(differences=rest)) if rest else ():
                click.echo(line)
    return 1 if left else 0
