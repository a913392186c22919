"""
The Dockerfile's own steps, run in a clean directory, since no engine may be there to build it.

Every instruction is read from the Dockerfile: COPY copies into a directory that stands for the image's root, RUN runs
there with the paths of that directory, ENV holds for what follows, CMD and HEALTHCHECK are started as they are written.
Only what needs another root (adding a user) is left out, and said. The server must refuse to start without a key, start
with one, and answer its health check.
"""

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = ("useradd", "apt-get")


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield (word, rest) of each instruction, continued lines joined."""
    joined = re.sub(r"\\\n\s*", " ", text)
    for line in joined.splitlines():
        if line.strip() and not line.startswith("#"):
            word, _, rest = line.strip().partition(" ")
            yield word.upper(), rest.strip()


class Image:
    """A directory that stands for an image's root."""

    def __init__(self, root: Path) -> None:
        self.root, self.env, self.work = root, dict(os.environ), root
        self.command: list[str] = []
        self.health: list[str] = []
        self.user = "root"

    def inside(self, text: str) -> str:
        """Return `text` with the image's absolute paths moved under the directory."""
        return re.sub(r"(?<![\w.:/])/(?=opt/|var/|etc/|build\b)", f"{self.root}/", text)

    def run(self, word: str, rest: str) -> None:
        """Carry out one instruction."""
        if word == "WORKDIR":
            self.work = Path(self.inside(rest))
            self.work.mkdir(parents=True, exist_ok=True)
        elif word == "COPY" and "--from" not in rest:
            self._copy(rest.split())
        elif word == "RUN":
            self._shell(rest)
        elif word == "ENV":
            for name, value in re.findall(r"(\w+)=(\S+)", rest):
                self.env[name] = os.path.expandvars(self.inside(value).replace("$PATH", self.env["PATH"]))
        elif word == "CMD":
            self.command = json.loads(rest)
        elif word == "HEALTHCHECK":
            self.health = json.loads(rest[rest.index("CMD") + 3 :])
        elif word == "USER":
            self.user = rest

    def _copy(self, words: list[str]) -> None:
        *sources, target = words
        for source in sources:
            place = self.work / target
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, place / source if place.is_dir() else place)

    def _shell(self, line: str) -> None:
        if line.startswith(LEFT_OUT):
            print(f"left out (needs a root of its own): {line}", flush=True)
            return
        print(f"RUN {line}", flush=True)
        line = self.inside(line)
        if line.startswith("python "):
            line = sys.executable + line.removeprefix("python")
        subprocess.run(["/bin/sh", "-c", line], cwd=self.work, env=self.env, check=True)


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _found(image: Image, command: list[str]) -> list[str]:
    return [shutil.which(command[0], path=image.env["PATH"]) or command[0], *command[1:]]


def main() -> int:
    """Build, refuse, start, check. Returns 0, or raises what went wrong."""
    with tempfile.TemporaryDirectory(prefix="steady-image-") as folder:
        image = Image(Path(folder))
        for word, rest in instructions((ROOT / "Dockerfile").read_text()):
            image.run(word, rest)
        assert image.user not in {"root", "0"}, "the image must not run as root"
        port = str(_port())
        command = [*_found(image, image.command), "--port", port]
        config = Path(image.env["STEADY_CONFIG"])
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text("steady: 1\n")
        refused = subprocess.run(command, cwd=image.work, env=image.env, capture_output=True, text=True, timeout=60)
        assert refused.returncode == 2, f"without a key it must refuse to start: {refused}"
        assert len(refused.stderr.strip().splitlines()) == 1, refused.stderr
        print(f"refused without a key: {refused.stderr.strip()}", flush=True)
        digest = hashlib.sha256(b"image-test").hexdigest()
        config.write_text(f"steady: 1\nkeys: [{{sha256: {digest}, tenant: image}}]\n")
        with subprocess.Popen(command, cwd=image.work, env=image.env) as server:
            try:
                _healthy(image, port)
            finally:
                server.terminate()
    print("1 passed, 0 failed")
    return 0


def _healthy(image: Image, port: str) -> None:
    check = [part.replace("8790", port) for part in _found(image, image.health)]
    until = time.monotonic() + 60
    while subprocess.run(check, env=image.env, capture_output=True).returncode != 0:
        if time.monotonic() > until:
            raise AssertionError("the health check did not pass within 60 s")
        time.sleep(0.5)
    print("the health check passes", flush=True)


if __name__ == "__main__":
    sys.exit(main())
