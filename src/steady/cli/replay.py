"""`steady replay`: a receipt's decision, computed again and compared byte for byte."""

import asyncio
import hashlib

import click
import msgspec

from steady.errors import ContentNotKept, ReceiptNotFound, RecordError
from steady.pipeline.replay import Replay, replay
from steady.pipeline.runtime import Runtime
from steady.policy.config import find
from steady.studies.receipts import store_path


def replay_receipt(receipt_id: str, config: str | None, *, as_json: bool) -> int:
    """Replay and print; return 0 equal, 1 differs, 3 not replayable here. Raises ReceiptNotFound."""
    try:
        store_path(find(config))  # opening the store would make one where there is none
    except RecordError as error:
        raise ReceiptNotFound(f"No receipt {receipt_id!r}. {error}") from None
    runtime = Runtime.open(config)
    try:
        made = asyncio.run(_replay(runtime, receipt_id))
    except ContentNotKept as error:
        click.echo(f"steady: {error}", err=True)
        return 3
    finally:
        runtime.close()
    if as_json:
        shown = {"equal": made.equal, "kept": msgspec.Raw(made.kept), "replayed": msgspec.Raw(made.made)}
        click.echo(msgspec.json.encode(shown).decode())
        return 0 if made.equal else 1
    return _told(receipt_id, made)


async def _replay(runtime: Runtime, receipt_id: str) -> Replay:
    return await replay(await runtime.stored.get(receipt_id, None))


def _told(receipt_id: str, made: Replay) -> int:
    for name, data in (("kept", made.kept), ("replayed", made.made)):
        click.echo(f"  {name:<9}{len(data):>6} bytes  sha256 {hashlib.sha256(data).hexdigest()}")
    if made.equal:
        click.echo(f"  {receipt_id}: equal, byte for byte, with no model call")
        return 0
    click.echo(f"  {receipt_id}: differs")
    click.echo(made.diff)
    return 1
