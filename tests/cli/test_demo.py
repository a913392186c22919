"""`steady demo`: the tour with the real model, and one line where it can't be taken."""

import socket
import tempfile
from pathlib import Path

import pytest
from tests.cli.terminal import process

from steady.cli.demo import STOPS

NO_INDEX = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_CONFIG_FILE": "/dev/null", "PIP_EXTRA_INDEX_URL": ""}


def test_the_tour_shows_a_text_a_label_and_an_extraction() -> None:
    assert [stop.policy for stop in STOPS] == ["support-answer", "classify-ticket", "extract-invoice"]


def test_a_tour_without_the_model_or_a_way_to_it_is_one_line(tmp_path: Path) -> None:
    said = process(tmp_path, "demo", STEADY_CACHE=str(tmp_path / "cache"), PIP_RETRIES="0", **NO_INDEX)

    assert (said.code, said.out) == (2, "")
    assert said.line.startswith("steady: Could not get the model smollm2-135m: ")


@pytest.mark.slow
def test_the_tour_ends_with_an_equal_replay_and_says_what_to_try(tmp_path: Path) -> None:
    said = process(tmp_path, "demo", "--no-color")

    assert said.code == 0, said.err
    assert "equal, byte for byte, with no model call" in said.out and "Try next" in said.out
    assert said.out.count("The client received:") == 3 and said.out.count("receipt: rcpt_") == 3
    assert "<- chosen" in said.out and "agreement: " in said.out and "disclosed in " in said.out
    assert "\x1b[" not in said.out
    assert not list(tmp_path.iterdir()), "the tour must leave nothing in the visitor's folder"


@pytest.mark.slow
def test_a_port_in_use_ends_the_tour_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        before = set(Path(tempfile.gettempdir()).glob("steady-demo-*"))
        said = process(tmp_path, "demo", "--port", port)

    assert said.code == 2 and f"Can't listen on 127.0.0.1:{port}" in said.line
    assert set(Path(tempfile.gettempdir()).glob("steady-demo-*")) <= before
