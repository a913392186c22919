"""Every file of examples/ runs as it stands against `steady serve` with the embedded model."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FILES = sorted(path.name for path in EXAMPLES.iterdir() if path.suffix in {".py", ".sh"})
SAYS = {
    "decorator.py": r"(?m)^(billing|technical|account|shipping|other|no answer: .+)$",
    "endpoint.py": r"'measured': True",
    "request.sh": r'"steady":\{"policy":"extract-invoice"',
    "streaming.py": r"\S",
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server in a process of its own, on a free port, with a store of its own."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "steady.yaml").write_text("steady: 1\nserver: {port: 0}\nstore: {path: receipts.db}\n")
    command = [sys.executable, "-m", "steady.cli", "serve", "--config", str(folder / "steady.yaml")]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log, cwd=folder) as server:
        try:
            yield _address(folder / "log", server)
        finally:
            server.terminate()


def _address(log: Path, server: "subprocess.Popen[bytes]") -> str:
    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None:
        if found := re.search(r"http://\S+/v1", log.read_text()):
            return found[0]
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def test_each_example_says_what_it_should_say() -> None:
    assert sorted(SAYS) == FILES


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_the_example_runs(name: str, url: str, tmp_path: Path) -> None:
    shell = name.endswith(".sh")
    if shell and shutil.which("curl") is None:
        pytest.skip("curl is not here")
    env = {**os.environ, "STEADY_URL": url, "MODEL_URL": url}
    command = ["/bin/sh" if shell else sys.executable, str(EXAMPLES / name)]
    made = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)

    assert made.returncode == 0, made.stderr
    assert made.stderr == "" and re.search(SAYS[name], made.stdout), made.stdout + made.stderr
