"""Counts of tokens as a named tokenizer makes them, offline: the tables lie inside an installed package."""

import base64
import hashlib
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from steady.errors import legal_words


class _Source(NamedTuple):
    file: str  # litellm ships each table under the SHA-1 of its public address
    sha256: str  # as tiktoken_ext.openai_public states it
    pattern: str  # how text is cut before pairs are merged; from the same module


_SOURCES = {
    "cl100k_base": _Source(
        "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
        r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]"""
        r"""|\s+(?!\S)|\s""",
    ),
    "o200k_base": _Source(
        "fb374d419588a4632f3f557e76b4b70aebbca790",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
        r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"""
        r"""|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"""
        r"""|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+""",
    ),
}
TOKENIZERS = tuple(sorted(_SOURCES))


def _table(source: _Source) -> bytes:
    found = find_spec("litellm")  # finds the package without importing it
    folders = list(found.submodule_search_locations or ()) if found else []
    for folder in folders:
        path = Path(folder) / "litellm_core_utils" / "tokenizers" / source.file
        if path.is_file():
            data = path.read_bytes()
            if hashlib.sha256(data).hexdigest() == source.sha256:
                return data
    raise ValueError("`tokenizer`: its table is not in the installed litellm; install litellm 1.80 or later.")


def token_of(name: str, text: str) -> int | None:
    """Return the id of the one token that `text` is in this tokenizer, None if it is several. Raises as `counter`."""
    ids = _encode(name)(text)
    return ids[0] if len(ids) == 1 else None


@lru_cache(maxsize=4)
def counter(name: str) -> Callable[[str], int]:
    """
    Return the function that counts a text's tokens. Special tokens written out in a text count as ordinary text.

    Raises:
        ValueError: If no tokenizer has this name, or its table is not installed.
    """
    encode = _encode(name)
    return lambda text: len(encode(text))


@lru_cache(maxsize=4)
def _encode(name: str) -> Callable[[str], list[int]]:
    source = _SOURCES.get(name)
    if source is None:
        raise ValueError(f"`tokenizer` {name!r} is not known. {legal_words(name, TOKENIZERS)}")
    import tiktoken

    pairs = (line.split() for line in _table(source).splitlines() if line)
    ranks = {base64.b64decode(token): int(rank) for token, rank in pairs}
    encoding = tiktoken.Encoding(name, pat_str=source.pattern, mergeable_ranks=ranks, special_tokens={})
    return encoding.encode_ordinary
