"""Counts of tokens, offline, equal to the published ones."""

import subprocess
import sys

import pytest

from steady.rules.tokens import TOKENIZERS, counter


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("hello world", 2), ("tiktoken is great!", 6), ("antidisestablishmentarianism", 6), ("2 + 2 = 4", 7)],
)
def test_counts_equal_those_of_the_openai_cookbook(text: str, count: int) -> None:
    """The last three are in OpenAI's "How to count tokens with tiktoken" for cl100k_base."""
    assert counter("cl100k_base")(text) == count


def test_special_tokens_in_a_text_are_ordinary_text() -> None:
    assert counter("cl100k_base")("<|endoftext|>") > 1


@pytest.mark.parametrize("name", TOKENIZERS)
def test_any_text_is_counted(name: str) -> None:
    assert counter(name)("\ud800\x00é漢") > 0


def test_an_unknown_tokenizer_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'gpt-5' is not known.*cl100k_base, o200k_base"):
        counter("gpt-5")


def test_counting_imports_no_litellm_and_opens_no_socket() -> None:
    """The table is read from litellm's folder; importing that package would take seconds."""
    code = (
        "import socket, sys\n"
        "def refuse(*_): raise SystemExit('network')\n"
        "socket.socket.connect = refuse; socket.getaddrinfo = refuse\n"
        "from steady.rules.tokens import counter\n"
        "print(counter('cl100k_base')('hello world'), 'litellm' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout == "2 False\n", done.stderr
