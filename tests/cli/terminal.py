"""
A terminal for tests of the command line: a folder with a steady.yaml whose only provider is scripted.

    place(tmp_path, ["Parcels arrive in three days."], CALM)
    said = steady(tmp_path, "run", "Where is it?", "--policy", "calm")
    assert (said.code, said.out) == (0, "Parcels arrive in three days.\\n")

`steady` calls the command's own entry in this process; `process` starts a real one, where streams and exits matter.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from steady.cli.main import main

CALM: dict[str, Any] = {
    "steady": 1,
    "name": "calm",
    "model": "s/m",
    "rules": [{"rule": "excludes", "terms": ["guarantee"], "on_fail": "filter"}],
    "disclose": {"place": "none"},
}
VOTE: dict[str, Any] = {
    "steady": 1,
    "name": "vote",
    "model": "s/m",
    "output": {"kind": "label", "labels": ["spam", "ham"], "on_fail": "filter"},
    "sampling": {"preset": "balanced"},
    "candidates": {"min": 4, "max": 4},
    "disclose": {"place": "field"},
}


class Said(NamedTuple):
    """What a command wrote, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line on stderr. Fails where there are more, or none."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


def place(folder: Path, replies: Sequence[Any], *policies: Mapping[str, Any], **config: Any) -> Path:
    """Write replies.yaml, the policies and steady.yaml (JSON is YAML); return the configuration's path."""
    (folder / "replies.yaml").write_text(json.dumps(list(replies)))
    (folder / "policies").mkdir(exist_ok=True)
    for policy in policies:
        (folder / "policies" / f"{policy['name']}.yaml").write_text(json.dumps(policy))
    base = {
        "steady": 1,
        "providers": {"s": {"kind": "scripted", "script": "replies.yaml", "models": ["m"]}},
        "store": {"path": "receipts.db"},
    }
    (folder / "steady.yaml").write_text(json.dumps({**base, **config}))
    return folder / "steady.yaml"


def steady(folder: Path, *args: str, stdin: str = "") -> Said:
    """Run the command in this process, in `folder`."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        _without_config(),
        contextlib.chdir(folder),
        _stdin(stdin),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main(args)
        except SystemExit as ended:
            code = int(ended.code or 0)
    return Said(code, out.getvalue(), err.getvalue())


def process(folder: Path, *args: str, stdin: bytes = b"", **env: str) -> Said:
    """Run `python -m steady.cli` in `folder`."""
    made = subprocess.run(
        [sys.executable, "-m", "steady.cli", *args],
        cwd=folder,
        env=environment(**env),
        input=stdin,
        capture_output=True,
    )
    return Said(made.returncode, made.stdout.decode(), made.stderr.decode())


def environment(**env: str) -> dict[str, str]:
    """Return this process's environment without a configuration of its own, and with `env`."""
    return {**{key: value for key, value in os.environ.items() if not key.startswith("STEADY_")}, **env}


@contextlib.contextmanager
def _without_config() -> Iterator[None]:
    kept = os.environ.pop("STEADY_CONFIG", None)
    try:
        yield
    finally:
        if kept is not None:
            os.environ["STEADY_CONFIG"] = kept


@contextlib.contextmanager
def _stdin(text: str) -> Iterator[None]:
    kept, sys.stdin = sys.stdin, io.StringIO(text)
    try:
        yield
    finally:
        sys.stdin = kept


def receipt_of(said: Said) -> str:
    """Return the receipt that `steady run` printed."""
    return said.err.rsplit("receipt: ", 1)[1].strip()
