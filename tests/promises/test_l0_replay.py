"""L0: a receipt replays to the same decision bytes, with no model, no policy file and nothing else from outside."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs
from tests.pipeline.worlds import question
from tests.promises.receipts.make import CASES, made

from steady.errors import ContentNotKept
from steady.pipeline.replay import replay
from steady.pipeline.run import run
from steady.pipeline.runtime import Runtime
from steady.policy.config import find
from steady.providers.scripted import ScriptedProvider
from steady.records.codec import decode, encode
from steady.records.sqlite import SqliteStore
from steady.types import DECISION_VERSION, Entry, Outcome, Receipt, Request

VERSION = version("steady-llm")
KEPT = Path(__file__).parent / "receipts"
WHAT_TO_DO = (
    "a decision has changed: raise DECISION_VERSION or, as long as this version is not released, make its files again: "
    f"python -m tests.promises.receipts.make tests/promises/receipts/{VERSION}"
)
POLICY: dict[str, Any] = {
    "steady": 1,
    "name": "answers",
    "model": "script/m",
    "candidates": {"min": 3, "max": 4},
    "rules": [{"rule": "no_pii", "kinds": ["email"], "on_fail": "fix"}, {"rule": "length", "words": {"max": 8}}],
    "disclose": {"place": "append"},
}
LINES = ["Write to ann@example.com.", "Write to ann@example.com.", "Paris is the capital of France, and has been so."]


class Kept:
    """A configuration in a folder, a script for its model, and a store."""

    def __init__(self, folder: Path, **policy: Any) -> None:
        (folder / "policies").mkdir()
        (folder / "policies" / "answers.yaml").write_text(json.dumps({**POLICY, **policy}))
        providers = {"script": {"kind": "openai-compatible", "base_url": "http://127.0.0.1:9/v1"}}
        (folder / "steady.yaml").write_text(json.dumps({"steady": 1, "providers": providers}))
        self.folder, self.provider = folder, ScriptedProvider(LINES, name="script")
        self.store = SqliteStore(folder / "receipts.db")
        self.runtime = Runtime(find(folder / "steady.yaml"), store=self.store, providers={"script": self.provider})

    async def asked(self, request: Request | None = None) -> tuple[Outcome, Receipt]:
        """Run one request as a door does, and return its receipt as the store has it."""
        request = request or question(seed=None)
        resolved = self.runtime.library.resolved("answers", None)
        outcome = self.runtime.record(await run(request, resolved, self.runtime.world()), request, resolved, "acme")
        assert outcome.receipt is not None
        self.store.flush()
        return outcome, await self.store.get(outcome.receipt, "acme")


@pytest.fixture
def kept(tmp_path: Path) -> Any:
    one = Kept(tmp_path)
    yield one
    one.store.close()


async def test_a_receipt_replays_equal_through_the_store(kept: Kept) -> None:
    outcome, receipt = await kept.asked()

    assert (await replay(receipt)).equal
    assert outcome.decision.action == "answered"


@pytest.mark.parametrize("fate", ["edited", "deleted", "folder gone"])
async def test_a_receipt_replays_equal_after_its_policy_file_was_changed(kept: Kept, fate: str) -> None:
    """The receipt names the resolved policy by hash, and the store keeps it: no file is looked at."""
    _, receipt = await kept.asked()
    file = kept.folder / "policies" / "answers.yaml"
    if fate == "edited":
        file.write_text(json.dumps(POLICY | {"rules": [{"rule": "length", "words": {"max": 1}}]}))
    else:
        file.unlink()
    if fate == "folder gone":
        file.parent.rmdir()
        (kept.folder / "steady.yaml").unlink()
    again = await kept.store.get(receipt.id, "acme")

    assert (await replay(again)).equal


async def test_a_replay_asks_no_model(kept: Kept) -> None:
    _, receipt = await kept.asked()
    asked = len(kept.provider.calls)
    await replay(receipt)

    assert len(kept.provider.calls) == asked


async def test_hashes_only_says_what_it_cannot_show(tmp_path: Path) -> None:
    folder = tmp_path / "hashes"
    folder.mkdir()
    kept = Kept(folder, record="hashes")
    outcome, receipt = await kept.asked()

    assert b"Write to" not in encode(receipt)
    with pytest.raises(ContentNotKept, match=r"holds hashes only.*nothing is there to compute it from") as caught:
        await replay(receipt)
    assert receipt.decision_hash in str(caught.value)
    assert outcome.text is not None
    kept.store.close()


async def test_another_decision_version_is_not_replayed(kept: Kept) -> None:
    """An upgrade that decides otherwise must say so, not report a difference that is none."""
    _, receipt = await kept.asked()
    older = structs.replace(receipt, decision_version=DECISION_VERSION + 1)

    with pytest.raises(ContentNotKept, match=rf"decision version {DECISION_VERSION + 1}.*version {DECISION_VERSION}\b"):
        await replay(older)


async def test_a_tampered_journal_differs_with_a_diff(kept: Kept) -> None:
    _, receipt = await kept.asked()
    assert receipt.journal is not None
    tampered = json.loads(msgspec.json.encode(receipt.journal).replace(b"Write to", b"Never write to"))
    found = await replay(structs.replace(receipt, journal=tuple(msgspec.convert(e, Entry) for e in tampered)))

    assert not found.equal
    assert found.kept == receipt.decision != found.made
    assert any(line.startswith("-") and "Write to" in line for line in found.diff.splitlines())
    assert any(line.startswith("+") and "Never write to" in line for line in found.diff.splitlines())


async def test_a_tampered_decision_differs(kept: Kept) -> None:
    _, receipt = await kept.asked()
    found = await replay(structs.replace(receipt, decision=receipt.decision.replace(b"Write to", b"Wrote to")))

    assert not found.equal


async def test_a_journal_with_a_hole_is_not_filled(kept: Kept) -> None:
    _, receipt = await kept.asked()
    assert receipt.journal is not None
    holed = tuple(entry for entry in receipt.journal if entry.what != "reply" or entry.slot != 1)

    with pytest.raises(ContentNotKept, match="holds no reply for slot 1"):
        await replay(structs.replace(receipt, journal=holed))


def test_receipts_of_every_released_version_replay_equal() -> None:
    """Kept forever: if one differs, `DECISION_VERSION` has to be raised, not the file made again."""
    files = sorted(KEPT.glob("*/*.receipt"))
    assert {file.stem for file in files if file.parent.name == VERSION} >= set(CASES)

    for file in files:
        receipt = decode(file.read_bytes())
        if receipt.decision_version == DECISION_VERSION:
            found = asyncio.run(replay(receipt))
            assert found.equal, f"{file}: {WHAT_TO_DO}\n{found.diff}"


@pytest.mark.parametrize("name", CASES)
def test_the_kept_receipts_are_made_the_same_again(name: str) -> None:
    """The script beside them is how they were made; that holds as long as this version is the one that made them."""
    kept = decode((KEPT / VERSION / f"{name}.receipt").read_bytes())
    assert made(name).decision == kept.decision, WHAT_TO_DO


@pytest.mark.slow
def test_a_run_whose_receipts_do_not_replay_fails(tmp_path: Path) -> None:
    """The hook in conftest.py, on a copy of the source in which a decision holds what no replay can know."""
    root = Path(__file__).parents[2]
    shutil.copytree(root / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(root / "policies", tmp_path / "policies")
    broken = tmp_path / "src" / "steady" / "pipeline" / "run.py"
    right = "stopped=pool.stopped,"
    assert broken.read_text().count(right) == 1
    broken.write_text(broken.read_text().replace(right, "stopped=str(id(pool)),"))
    env = {**os.environ, "PYTHONPATH": f"{tmp_path / 'src'}{os.pathsep}{root}", "PYTHONDONTWRITEBYTECODE": "1"}
    one = f"{__file__}::test_hashes_only_says_what_it_cannot_show"  # passes: it replays nothing
    other = f"{__file__}::test_a_journal_with_a_hole_is_not_filled"  # passes too: its replay ends at the hole
    for more in ((), ("-n", "2")):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *more, one, other]
        ran = subprocess.run(command, env=env, cwd=root, capture_output=True, text=True, timeout=100, check=False)

        assert "2 passed" in ran.stdout or ".." in ran.stdout
        assert "receipts do not replay" in ran.stdout
        assert ran.returncode == 1
