"""An answer that was made is never lost to what can't be kept of it."""

import asyncio
from pathlib import Path

import pytest
from tests.cli.terminal import CALM, place

from steady.errors import ReceiptNotFound
from steady.pipeline.run import run
from steady.pipeline.runtime import Runtime
from steady.types import Outcome, Request


def _asked(folder: Path, prompt: str) -> tuple[Outcome, Runtime]:
    runtime = Runtime.open(place(folder, ["An answer."], CALM))
    policy = runtime.library.resolved("calm", None)
    request = Request(messages=({"role": "user", "content": prompt},))
    outcome = asyncio.run(run(request, policy, runtime.world()))
    return runtime.record(outcome, request, policy, "local"), runtime


def test_an_answer_is_recorded_and_can_be_read_at_once(tmp_path: Path) -> None:
    outcome, runtime = _asked(tmp_path, "A question")
    assert outcome.receipt is not None
    kept = asyncio.run(runtime.stored.get(outcome.receipt, "local"))
    runtime.close()

    assert kept.policy == "calm" and kept.request is not None
    with pytest.raises(ReceiptNotFound):
        asyncio.run(runtime.stored.get(outcome.receipt, "another tenant"))


def test_a_prompt_that_is_no_utf8_costs_the_receipt_and_not_the_answer(tmp_path: Path) -> None:
    """Python carries bytes of another encoding as half surrogate pairs; a function's caller may hand them on."""
    outcome, runtime = _asked(tmp_path, "bytes \udcff of another encoding")
    runtime.close()

    assert outcome.receipt is None and outcome.choices[0]["message"]["content"] == "An answer."
