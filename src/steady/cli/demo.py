"""`steady demo`: the tour. A real server, the official client, three kinds of answer, one replay."""

import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import click

from steady.cli.models import pull
from steady.cli.show import explained
from steady.errors import SteadyError

START_SECONDS = 60.0


class Stop(NamedTuple):
    """One stop of the tour. A model this small needs a few examples (question, answer) to know what is wanted."""

    title: str
    policy: str
    system: str
    shots: tuple[tuple[str, str], ...]
    prompt: str


STOPS = (
    Stop(
        "A short factual support answer (kind: text)",
        "support-answer",
        "You answer customers of a parcel service in one short sentence. Standard delivery takes 3 working days. "
        "Parcels are tracked on the Orders page. The driver is Tom Becker, tom.becker@parcels.example.",
        (
            ("Where can I track my parcel?", "You can track your parcel on the Orders page."),
            ("Who sorts my parcel?", "Your parcel is sorted by Eva Lang, eva.lang@parcels.example."),
        ),
        "Who is the driver of my parcel?",
    ),
    Stop(
        "A classification (kind: label)",
        "classify-ticket",
        "You sort the messages of customers. Answer with one word: billing, technical, account, shipping or other.",
        (
            ("The app crashes when I open it.", "technical"),
            ("My parcel has not arrived.", "shipping"),
            ("Please send me the invoice again.", "billing"),
            ("I want to change my password.", "account"),
            ("The invoice shows the wrong amount.", "billing"),
            ("The screen stays black after the update.", "technical"),
            ("Do you hire in summer?", "other"),
            ("When will the delivery come?", "shipping"),
        ),
        "I was charged twice this month, please pay one invoice back.",
    ),
    Stop(
        "An extraction (kind: json)",
        "extract-invoice",
        "You read invoices. Answer with one JSON object: invoice_number, vendor, date, total, currency.",
        (
            (
                "Invoice 4471-C of Oak & Elm Furniture, 2024-05-11. Delivery 20.00 USD. Total: 200.00 USD.",
                '{"invoice_number": "4471-C", "vendor": "Oak & Elm Furniture", "date": "2024-05-11", "total": 200.0, '
                '"currency": "USD"}',
            ),
            (
                "Hello, we still wait for 75.50 GBP. Our invoice BT12 was sent on 2024-09-03. Regards, Bluebird Travel",
                '{"invoice_number": "BT12", "vendor": "Bluebird Travel", "date": "2024-09-03", "total": 75.5, '
                '"currency": "GBP"}',
            ),
        ),
        "Invoice INV-2043 from Northwind Traders, dated 2026-03-14. Total due: EUR 1250.00.",
    ),
)


def tour(port: int, *, color: bool) -> int:
    """Take the visitor round. Returns the exit code."""
    pull("smollm2-135m")
    with tempfile.TemporaryDirectory(prefix="steady-demo-") as folder:
        config = Path(folder) / "steady.yaml"
        config.write_text(f"steady: 1\nstore: {{path: {folder}/receipts.db}}\n")
        with _server(config, port) as base:
            _title(f"Steady serves the embedded model at {base}/v1", color)
            receipts = [_visit(stop, base, color) for stop in STOPS]
        return _replayed(receipts[-1], config, color)


@contextmanager
def _server(config: Path, port: int) -> Iterator[str]:
    port = port or _free_port()
    command = [sys.executable, "-m", "steady.cli", "serve", "--config", str(config), "--port", str(port)]
    log = config.with_name("server.log")
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ})
        try:
            base = f"http://127.0.0.1:{port}"
            _await_ready(base, process, log)
            yield base
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_ready(base: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise SteadyError(f"The server did not start: {log.read_text()[-300:].strip()}")
        try:
            with urllib.request.urlopen(f"{base}/readyz", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise SteadyError(f"The server was not ready within {START_SECONDS:g} s: {log.read_text()[-300:].strip()}")


def _visit(stop: Stop, base: str, color: bool) -> str:
    from openai import OpenAI

    _title(stop.title, color)
    messages: list[Any] = [{"role": "system", "content": stop.system}]
    for question, answer in stop.shots:
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    messages.append({"role": "user", "content": stop.prompt})
    click.echo(f"  asked of policy {stop.policy!r}: {stop.prompt}\n")
    began = time.monotonic()
    with OpenAI(base_url=f"{base}/v1", api_key="none", max_retries=0) as client:
        reply = client.chat.completions.create(
            model=stop.policy, messages=messages, extra_body={"steady": {"explain": True}}
        )
    steady: dict[str, Any] = (reply.model_extra or {})["steady"]
    for line in explained(steady):
        click.echo(line)
    click.echo(f"  receipt: {steady['receipt']}   ({time.monotonic() - began:.1f} s)\n")
    message = reply.choices[0].message
    click.echo(click.style("  The client received:", bold=color))
    for line in (message.content or message.refusal or "").splitlines():
        click.echo(f"    {line}")
    return str(steady["receipt"])


def _replayed(receipt: str, config: Path, color: bool) -> int:
    from steady.cli.replay import replay_receipt

    _title("The last decision again, from its receipt, with no model", color)
    code = replay_receipt(receipt, str(config), as_json=False)
    if code == 0:
        _title("Try next", color)
        click.echo("  steady run 'Where is my parcel?' --policy support-answer --explain")
        click.echo("  steady serve        then: OpenAI(base_url='http://127.0.0.1:8790/v1', api_key='none')")
        click.echo(
            "  steady policies     and read policies/support-answer.yaml, then write your own: steady check FILE"
        )
    return code


def _title(text: str, color: bool) -> None:
    click.echo("\n" + click.style(f"== {text}", bold=color, fg="cyan" if color else None))
