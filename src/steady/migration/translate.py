"""From a file of Guardrails AI, NeMo Guardrails or Portkey to a policy that loads."""

from pathlib import Path
from typing import Literal, get_args

from steady.errors import ConfigError, Problem
from steady.migration import guard_files, nemo, portkey
from steady.migration.draft import Draft, Translated
from steady.policy.yaml_marks import MAX_BYTES, Marked, read_yaml

Peer = Literal["guardrails", "nemo", "portkey"]
PEERS: tuple[str, ...] = get_args(Peer)


def translate(peer: Peer, path: Path, name: str = "") -> Translated:
    """
    Turn a configuration into a policy.

    Args:
        peer: Whose it is.
        path: guardrails: a .rail or .xml file, a guard as .json or .yaml, or a Python file (read, never run). nemo: a
            config.yml, or its folder. portkey: a .json (or .yaml) file.
        name: What to call the policy; after the file if not given.

    Returns:
        The policy, which loads, and everything of its source that is not in it.

    Raises:
        ConfigError: The file can't be read, or nothing in it could be translated into a policy that loads.
    """
    file = _config(path) if peer == "nemo" and path.is_dir() else path
    source = _bytes(file)
    stem = path.name if path.is_dir() else path.stem
    stem = path.parent.resolve().name if peer == "nemo" and stem == "config" else stem
    draft = Draft(name or stem, f"{file.name} ({_LONG[peer]})")
    if peer == "portkey":
        portkey.translate(*_marked(source, file), draft)
    elif peer == "nemo":
        data, lines = _marked(source, file)
        nemo.translate(_with_prompts(data, file.parent), lines, draft, file.parent)
    elif file.suffix in {".rail", ".xml"}:
        guard_files.of_rail(source, draft)
    elif file.suffix == ".py":
        guard_files.of_python_file(source.decode("utf-8-sig", "replace"), draft)
    else:
        guard_files.of_data(*_marked(source, file), draft)
    return draft.done()


_LONG = {"guardrails": "Guardrails AI", "nemo": "NeMo Guardrails", "portkey": "Portkey"}


def _config(folder: Path) -> Path:
    for name in ("config.yml", "config.yaml"):
        if (folder / name).is_file():
            return folder / name
    raise ConfigError([Problem(str(folder), 0, "", "no config.yml is in this folder.")])


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            source = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError([Problem(str(path), 0, "", f"can't be read: {error.strerror or error}.")]) from None
    if len(source) > MAX_BYTES:
        raise ConfigError([Problem(str(path), 0, "", f"at most {MAX_BYTES} bytes are read.")])
    return source


def _marked(source: bytes, file: Path) -> Marked:
    return read_yaml(source, str(file))  # JSON is YAML 1.2


def _with_prompts(data: object, folder: Path) -> object:
    """NeMo reads prompts.yml beside config.yml too."""
    if not isinstance(data, dict) or "prompts" in data:
        return data
    for name in ("prompts.yml", "prompts.yaml"):
        if (folder / name).is_file():
            more = read_yaml(_bytes(folder / name), str(folder / name)).data
            return {**data, "prompts": more.get("prompts")} if isinstance(more, dict) else data
    return data
