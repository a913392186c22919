"""Each fuzz target, fed for a moment by hypothesis, and for a while by atheris where it is installed."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuzz.targets import TARGETS, text_of

RUN = Path(__file__).with_name("run.py")
SECONDS = 20


@pytest.mark.parametrize("name", TARGETS)
@settings(deadline=None, max_examples=15)
@given(st.binary(max_size=60), st.booleans())
def test_a_target_holds_for_any_bytes(name: str, data: bytes, pieces: bool) -> None:
    TARGETS[name](bytes([pieces]) + data)


FOUND_BY_FUZZING = [
    ("scanners", b"\xab\xdfT]/M\xc4E"),  # a number that ran into an address, and stood alone once that was masked
    (
        "schema_safety",  # a place of hundreds of characters in a sentence
        b"\t\x00g\n\x87\x00\x00\x00\x00\x00\x00\x00\x01\x87\x87\xc73" + b"?" * 72 + b"(\x00\x00\x84up",
    ),
]


@pytest.mark.parametrize(("name", "data"), FOUND_BY_FUZZING)
def test_what_was_found_once_stays_mended(name: str, data: bytes) -> None:
    TARGETS[name](data)


def test_bytes_stand_for_raw_text_or_for_pieces() -> None:
    assert text_of(b"") == ""
    assert text_of(b"\x00ab\xff") == "ab\udcff"
    assert text_of(b"\x01\x00\x01") == "{}"


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed here")
@pytest.mark.parametrize("name", TARGETS)
def test_guided_fuzzing_breaks_nothing(name: str) -> None:
    run = subprocess.run(
        [sys.executable, RUN, name, "--seconds", str(SECONDS)], capture_output=True, timeout=SECONDS * 4
    )

    assert run.returncode == 0, run.stdout.decode()[-2_000:] + run.stderr.decode()[-2_000:]
