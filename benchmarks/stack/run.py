"""
Compare HTTP servers and clients as a thin proxy: CPU a request, requests a second, latency. `run.py [SECONDS]`.

Proxy on one core, load and mock upstream on the other. CPU is user + system of the proxy's process tree. Needs
granian and aiohttp beside the project's own dependencies; a combination whose part is missing is left out.
"""

# ruff: noqa: T201
import importlib.util
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
from load import load

HERE = Path(__file__).parent
PROXY_CORE, LOAD_CORE = 0, 1 % (os.cpu_count() or 1)
UVICORN = "uvicorn --loop uvloop --http httptools --no-access-log --log-level error --app-dir {here} --port {port}"
UVICORN += " proxies:asgi"
GRANIAN = "granian --loop uvloop --no-access-log --log-level error --working-dir {here} --port {port}"
SERVERS = {
    "uvicorn ASGI": UVICORN,
    "Granian ASGI": GRANIAN + " --interface asgi proxies:asgi",
    "Granian RSGI": GRANIAN + " --interface rsgi proxies:rsgi",
}


def cpu(process: psutil.Process) -> float:
    """Return the CPU seconds, user and system, of a process and its children."""
    total = 0.0
    for one in [process, *process.children(recursive=True)]:
        times = one.cpu_times()
        total += times.user + times.system
    return total


def memory(process: psutil.Process) -> float:
    """Return the resident megabytes of a process and its children."""
    return sum(one.memory_info().rss for one in [process, *process.children(recursive=True)]) / 1e6


def start(command: list[str], core: int, port: int, *, wait: float = 10.0, **env: str) -> subprocess.Popen[bytes]:
    """Start a server on one core and wait, at most `wait` seconds, until its port answers."""
    process = subprocess.Popen(
        ["taskset", "-c", str(core), *command], env={**os.environ, **env}, stdout=subprocess.DEVNULL
    )
    for _ in range(int(wait / 0.05)):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.05)
    raise RuntimeError(f"{command[0]} does not answer on port {port}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server and wait for it."""
    process.terminate()
    process.wait(10)


def main(seconds: float = 5.0) -> None:
    """Print one row a combination."""
    os.sched_setaffinity(0, {LOAD_CORE})
    upstream = start([sys.executable, str(HERE / "mock.py"), "9701"], LOAD_CORE, 9701)
    print("| server | client | CPU ms | requests/s | p50 ms | p99 ms | RSS MB |\n|---|---|---|---|---|---|---|")
    try:
        for number, (server, command) in enumerate(SERVERS.items()):
            for other, client in enumerate(("pyreqwest", "aiohttp", "protocol")):
                if any(not importlib.util.find_spec(m) for m in (command.split()[0], client) if m != "protocol"):
                    continue
                port = 9710 + 10 * number + other
                words = [sys.executable, "-m", *command.format(here=HERE, port=port).split()]
                env = {"UPSTREAM": "http://127.0.0.1:9701", "CLIENT": client, "PYTHONPATH": str(HERE)}
                process = start(words, PROXY_CORE, port, **env)
                try:
                    load(port, seconds=min(1.0, seconds))  # warm up
                    watched = psutil.Process(process.pid)
                    before = cpu(watched)
                    seen = load(port, seconds=seconds)
                    spent = (cpu(watched) - before) / seen.requests * 1000
                    row = f"| {server} | {client} | {spent:.3f} | {seen.requests / seen.seconds:,.0f} "
                    print(row + f"| {seen.at(0.5):.2f} | {seen.at(0.99):.2f} | {memory(watched):.0f} |", flush=True)
                finally:
                    stop(process)
    finally:
        stop(upstream)


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]))
