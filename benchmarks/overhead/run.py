"""
What Steady adds to a call: beside the upstream asked directly, and beside LiteLLM's proxy, in one run.

    python benchmarks/overhead/run.py [SECONDS]

One mock upstream and the load on one core, the gateway under test alone on the other; 16 keep-alive connections. CPU is
user + system of the gateway's process tree a request. Steady runs with a client key, metrics, and a receipt kept for
each request; LiteLLM's proxy runs in a virtual environment of its own, as its documentation starts it, with a key and
with its telemetry off. Compare rows: absolute figures depend on the machine.
"""

# ruff: noqa: T201
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import psutil

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "stack"))
from load import Load, load  # noqa: E402
from run import LOAD_CORE, PROXY_CORE, cpu, memory, start, stop  # noqa: E402

UPSTREAM = 9801
PEER = ROOT / ".bench" / "litellm"
CONNECTIONS = 16
STEADY = """
steady: 1
providers:
  mock: {{kind: openai-compatible, base_url: "http://127.0.0.1:{upstream}/v1", models: [gpt-4o]}}
policies: {policies}
default_policy: {policy}
keys: [{{sha256: {key}, tenant: bench}}]
store: {{path: {store}}}
"""
LITELLM = """
model_list:
  - model_name: gpt-4o
    litellm_params: {{model: openai/gpt-4o, api_base: "http://127.0.0.1:{upstream}/v1", api_key: none}}
litellm_settings: {{telemetry: false}}
general_settings: {{master_key: sk-bench}}
"""


class Row(NamedTuple):
    """One gateway, measured."""

    name: str
    cpu_ms: float
    seen: Load
    rss: float


def main(seconds: float = 8.0) -> None:
    """Measure everything and print the table."""
    os.sched_setaffinity(0, {LOAD_CORE})
    upstream = start([sys.executable, str(HERE.parent / "stack" / "mock.py"), str(UPSTREAM)], LOAD_CORE, UPSTREAM)
    try:
        with tempfile.TemporaryDirectory() as folder:
            direct = load(UPSTREAM, connections=CONNECTIONS, seconds=seconds)
            rows = [_steady(Path(folder), i, policy, seconds) for i, policy in enumerate(POLICIES)]
            rows.append(_litellm(Path(folder), seconds))
    finally:
        stop(upstream)
    _table(direct, rows)


POLICIES = ("pass-through", "ten-rules", "five-candidates")


def _steady(folder: Path, number: int, policy: str, seconds: float) -> Row:
    policies = folder / "policies"
    if not policies.exists():
        policies.mkdir()
        for source in [*(HERE / "policies").glob("*.yaml"), ROOT / "policies" / "pass-through.yaml"]:
            (policies / source.name).write_text(source.read_text())
    config = folder / f"{policy}.yaml"
    key = hashlib.sha256(b"sk-bench").hexdigest()
    store = folder / f"{policy}.db"
    config.write_text(STEADY.format(upstream=UPSTREAM, policies=policies, policy=policy, key=key, store=store))
    port = 9810 + number
    command = [sys.executable, "-m", "steady.cli", "serve", "--config", str(config), "--port", str(port)]
    row = _measured(f"Steady, {policy}", command, port, seconds)
    kept = _kept(store)
    print(f"{policy}: {kept:,} receipts kept, {store.stat().st_size / 1e6:.0f} MB", flush=True)
    return row


def _kept(store: Path) -> int:
    import sqlite3

    with sqlite3.connect(store) as connection:
        return int(connection.execute("select count(*) from receipts").fetchone()[0])


def _litellm(folder: Path, seconds: float) -> Row:
    python = PEER / "bin" / "python"
    if not (PEER / ".installed").exists():
        print("installing LiteLLM's proxy into an environment of its own ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(PEER)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "litellm[proxy]"], check=True)
        (PEER / ".installed").touch()
    config = folder / "litellm.yaml"
    config.write_text(LITELLM.format(upstream=UPSTREAM))
    command = [str(PEER / "bin" / "litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", "9820"]
    command += ["--telemetry", "False"]
    version = subprocess.run(
        [str(python), "-c", "import importlib.metadata as m; print(m.version('litellm'))"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    print(f"LiteLLM proxy {version}: {' '.join(command[1:])}\n{config.read_text().strip()}", flush=True)
    return _measured(f"LiteLLM proxy {version}", command, 9820, seconds)


def _measured(name: str, command: list[str], port: int, seconds: float) -> Row:
    process = start(command, PROXY_CORE, port, LITELLM_LOCAL_MODEL_COST_MAP="True", wait=120.0)
    try:
        load(port, connections=CONNECTIONS, seconds=2.0)
        watched = psutil.Process(process.pid)
        before = cpu(watched)
        seen = load(port, connections=CONNECTIONS, seconds=seconds)
        return Row(name, (cpu(watched) - before) / seen.requests * 1000, seen, memory(watched))
    finally:
        stop(process)


def _table(direct: Load, rows: list[Row]) -> None:
    ours = rows[0].cpu_ms
    print(f"\n{CONNECTIONS} concurrent; upstream alone: {direct.requests / direct.seconds:,.0f} requests/s, ", end="")
    print(f"p50 {direct.at(0.5):.2f} ms, p99 {direct.at(0.99):.2f} ms\n")
    print("| gateway | CPU ms | ratio | requests/s | added p50 ms | added p99 ms | RSS MB |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        rate = row.seen.requests / row.seen.seconds
        added = [row.seen.at(share) - direct.at(share) for share in (0.5, 0.99)]
        print(
            f"| {row.name} | {row.cpu_ms:.3f} | {row.cpu_ms / ours:.1f} | {rate:,.0f} "
            f"| {added[0]:.2f} | {added[1]:.2f} | {row.rss:.0f} |"
        )


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]))
