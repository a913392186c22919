"""The wheel works outside the repository: the command, the server, the decorator and the policies that ship."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import time
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
POLICIES = sorted(path.stem for path in (ROOT / "policies").glob("*.yaml"))
pytestmark = pytest.mark.slow


class Installed(NamedTuple):
    """An environment that has the wheel and, by a .pth file, this environment's other packages."""

    wheel: Path
    bin: Path
    folder: Path  # where commands run: outside the checkout

    def run(self, *args: str, timeout: float = 120) -> "subprocess.CompletedProcess[str]":
        """Run a program of the environment."""
        command = [str(self.bin / args[0]), *args[1:]]
        return subprocess.run(
            command, cwd=self.folder, env=_env(), capture_output=True, text=True, timeout=timeout, check=False
        )


def _env() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("STEADY_CONFIG")}
    return {key: value for key, value in kept.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Build the wheel with pip, as a user would, and install it without its dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    _pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    (wheel,) = folder.glob("steady_llm-*.whl")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    (site,) = (folder / "venv").glob("lib/python3*/site-packages")
    _pip("install", "--no-deps", "--target", str(site), str(wheel))
    (site / "others.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    _script(folder / "venv" / "bin")
    (folder / "elsewhere").mkdir()
    yield Installed(wheel, folder / "venv" / "bin", folder / "elsewhere")


def _pip(*args: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *args], check=True, timeout=300
    )


def _script(folder: Path) -> None:
    """Write the command as pip would have without `--target`, from the wheel's own entry point."""
    text = f"#!{folder / 'python'}\nfrom steady.cli.main import main\nmain()\n"
    (folder / "steady").write_text(text)
    (folder / "steady").chmod(0o755)


def test_the_wheel_holds_the_policies_and_no_test(installed: Installed) -> None:
    names = zipfile.ZipFile(installed.wheel).namelist()
    shipped = {name.removeprefix("steady/shipped/policies/") for name in names if "/shipped/policies/" in name}

    assert {f"{name}.yaml" for name in POLICIES} <= shipped
    assert {"rules/house-style.yaml", "schemas/invoice.json"} <= shipped
    assert "steady/py.typed" in names and not [name for name in names if name.startswith("tests/")]


def test_the_wheel_names_the_command_and_the_pytest_plugin(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        text = archive.read(name).decode()

    assert "steady = steady.cli.main:main" in text and "[pytest11]" in text


def test_it_is_the_wheel_that_runs_and_not_the_checkout(installed: Installed) -> None:
    made = installed.run("python", "-c", "import steady; print(steady.__file__)")

    assert Path(made.stdout.strip()).is_relative_to(installed.bin.parent), made.stdout + made.stderr


def test_the_policies_that_ship_are_there(installed: Installed) -> None:
    made = installed.run("steady", "policies", "--json")

    assert made.returncode == 0, made.stderr
    assert [row["name"] for row in json.loads(made.stdout)] == POLICIES


def test_check_works(installed: Installed) -> None:
    (installed.folder / "own.yaml").write_text("steady: 1\nname: own\nrules: [{rule: no_secret}]\n")
    made = installed.run("steady", "check", "own.yaml")

    assert made.returncode == 2 and "own.yaml:3: rules[0].rule: no rule 'no_secret'. Did you mean" in made.stderr


DECORATED = """
from steady import steady

said = iter(["billing", "billing", "account", "billing"] * 4)

@steady("classify-ticket", candidates=4)
def topic(message: str, *, temperature: float = 1.0, seed: int = 0) -> str:
    return next(said)

outcome = topic.detailed("I was charged twice.")
print(outcome.value, outcome.decision.agreement.share)
"""


def test_the_decorator_works_with_a_policy_that_ships(installed: Installed) -> None:
    made = installed.run("python", "-c", DECORATED)

    assert made.returncode == 0, made.stderr
    assert made.stdout.split() == ["billing", "3/4"]


def test_the_server_answers(installed: Installed) -> None:
    folder = installed.folder / "served"
    (folder / "policies").mkdir(parents=True)
    (folder / "replies.yaml").write_text("- Parcels arrive in three days.\n")
    (folder / "policies" / "calm.yaml").write_text("steady: 1\nname: calm\nmodel: s/m\nrules: [{rule: no_secrets}]\n")
    (folder / "steady.yaml").write_text(
        "steady: 1\nserver: {port: 0}\nproviders: {s: {kind: scripted, script: replies.yaml, models: [m]}}\n"
    )
    command = [str(installed.bin / "steady"), "serve", "--config", str(folder / "steady.yaml")]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log, env=_env()) as server:
        try:
            body = _ask(_address(folder / "log", server))
        finally:
            server.terminate()

    assert body["choices"][0]["message"]["content"] == "Parcels arrive in three days."
    assert body["steady"]["policy"] == "calm" and body["steady"]["action"] == "answered"


def _address(log: Path, server: "subprocess.Popen[bytes]") -> str:
    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None:
        if found := re.search(r"http://\S+/v1", log.read_text()):
            return found[0]
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def _ask(url: str) -> dict[str, dict[str, str] | list[dict[str, dict[str, str]]]]:
    body = json.dumps({"model": "calm", "messages": [{"role": "user", "content": "When?"}]}).encode()
    asked = urllib.request.Request(f"{url}/chat/completions", body, {"content-type": "application/json"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        found: dict[str, dict[str, str] | list[dict[str, dict[str, str]]]] = json.load(answer)
        return found


def test_the_demo_runs_with_the_embedded_model(installed: Installed) -> None:
    made = installed.run("steady", "demo", "--no-color")

    assert made.returncode == 0, made.stderr
    assert "equal, byte for byte, with no model call" in made.stdout
