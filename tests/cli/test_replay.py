"""`steady replay`: 0 equal, 1 differs with a diff, 2 no such receipt, 3 not replayable here."""

import asyncio
import json
from pathlib import Path
from typing import Any

from msgspec import structs
from tests.cli.terminal import CALM, VOTE, place, process, receipt_of, steady

from steady.records.sqlite import SqliteStore
from steady.types import DECISION_VERSION


def _made(folder: Path, policy: dict[str, Any] = VOTE) -> str:
    place(folder, ["ham", "spam", "ham", "ham"], policy)
    said = steady(folder, "run", "hi", "--policy", policy["name"])
    assert said.code == 0, said.err
    return receipt_of(said)


def _changed(folder: Path, receipt: str, *, spoil: bool = False, **fields: Any) -> str:
    """Keep a copy of a receipt with other fields, or with another answer in its decision; return its id."""

    async def change() -> None:
        store = SqliteStore(folder / "receipts.db")
        kept = await store.get(receipt, None)
        decision = kept.decision.replace(b'"ham"', b'"spam"') if spoil else kept.decision
        assert store.put(structs.replace(kept, id="rcpt_changed", decision=decision, **fields))
        store.close()

    asyncio.run(change())
    return "rcpt_changed"


def test_a_receipt_replays_equal_with_no_model(tmp_path: Path) -> None:
    receipt = _made(tmp_path)
    (tmp_path / "replies.yaml").write_text("- eggs\n")
    said = process(tmp_path, "replay", receipt)

    assert said.code == 0 and said.err == ""
    assert f"{receipt}: equal, byte for byte, with no model call" in said.out
    hashes = [line.split()[-1] for line in said.out.splitlines()[:2]]
    assert hashes[0] == hashes[1] and len(hashes[0]) == 64


def test_it_replays_equal_after_its_policy_was_deleted(tmp_path: Path) -> None:
    receipt = _made(tmp_path)
    (tmp_path / "policies" / "vote.yaml").unlink()

    assert steady(tmp_path, "replay", receipt).code == 0


def test_an_answer_that_was_not_released_replays_too(tmp_path: Path) -> None:
    place(tmp_path, ["We guarantee it."], CALM)
    receipt = steady(tmp_path, "run", "hi", "--policy", "calm").err.split("receipt: ")[1].split()[0]

    assert steady(tmp_path, "replay", receipt).code == 0


def test_a_decision_that_differs_exits_1_with_a_diff(tmp_path: Path) -> None:
    receipt = _made(tmp_path)
    receipt = _changed(tmp_path, receipt, spoil=True)
    said = steady(tmp_path, "replay", receipt)

    assert said.code == 1 and f"{receipt}: differs" in said.out
    assert "--- kept" in said.out and "+++ replayed" in said.out
    assert any(line.startswith("+") and '"ham"' in line for line in said.out.splitlines())
    assert any(line.startswith("-") and '"spam"' in line for line in said.out.splitlines())


def test_json_prints_both_decisions(tmp_path: Path) -> None:
    receipt = _made(tmp_path)
    equal = json.loads(steady(tmp_path, "replay", receipt, "--json").out)
    said = steady(tmp_path, "replay", _changed(tmp_path, receipt, spoil=True), "--json")

    assert equal["equal"] is True and equal["kept"] == equal["replayed"]
    assert said.code == 1 and json.loads(said.out)["equal"] is False


def test_an_unknown_receipt_exits_2_in_one_line(tmp_path: Path) -> None:
    place(tmp_path, ["x"], CALM)
    said = process(tmp_path, "replay", "rcpt_nothere")

    assert (said.code, said.out) == (2, "") and "rcpt_nothere" in said.line


def test_content_that_was_not_kept_exits_3_and_says_so(tmp_path: Path) -> None:
    receipt = _made(tmp_path, {**VOTE, "record": "hashes"})
    said = steady(tmp_path, "replay", receipt)

    assert (said.code, said.out) == (3, "") and "holds hashes only" in said.line


def test_another_decision_version_exits_3_and_names_both(tmp_path: Path) -> None:
    receipt = _changed(tmp_path, _made(tmp_path), decision_version=DECISION_VERSION + 1)
    said = steady(tmp_path, "replay", receipt)

    assert (said.code, said.out) == (3, "")
    assert f"decision version {DECISION_VERSION + 1}" in said.line and f"version {DECISION_VERSION}." in said.line


def test_a_store_that_is_off_has_nothing_to_replay(tmp_path: Path) -> None:
    place(tmp_path, ["x"], CALM, store={"off": True})

    assert "No receipts are kept: the store is off" in steady(tmp_path, "replay", "rcpt_x").line
