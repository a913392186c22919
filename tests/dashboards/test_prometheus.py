"""Every panel's query, asked of a real Prometheus that scraped a real endpoint."""

import json
import math
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.dashboards.reading import expressions, panels
from tests.server.observing import NAMES, BrokenStore, a_busy_minute

from steady.server.metrics import Metrics

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus (Debian's package) is missing"),
]
SCRAPES = 4


class Target(NamedTuple):
    """Something that Prometheus can scrape, and how to make it busy."""

    address: str  # HOST:PORT with /metrics
    work: Callable[[], None]  # make something of every kind happen


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    """A server over a Metrics. Any running Steady can stand in its place."""
    metrics, store = Metrics(NAMES, version="0.1.0"), BrokenStore()
    metrics.watch(store)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, kind = metrics.render(self.headers.get("Accept", ""))
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    def work() -> None:
        for step in a_busy_minute():
            step(metrics)
        store.stored += 20
        store.lost += 1

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Target(f"127.0.0.1:{server.server_address[1]}", work)
    server.shutdown()
    server.server_close()
    thread.join()


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


class Prometheus:
    """A running Prometheus."""

    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, expr: str) -> list[dict[str, Any]]:
        """Return the samples of an instant query; fails on any error or warning."""
        asked = urllib.parse.urlencode({"query": expr})
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/query?{asked}", timeout=10) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as refused:  # its body holds the reason
            answer = json.load(refused)
        assert answer["status"] == "success", answer["error"]
        assert not answer.get("warnings")
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def ready(self) -> bool:
        """Return whether it answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1) as response:
                return bool(response.status == 200)
        except OSError:
            return False


@contextmanager
def running(folder: Path, address: str) -> Iterator[Prometheus]:
    """Start a Prometheus that scrapes `address` every second, and stop it."""
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs: [{{job_name: steady, static_configs: [{{targets: ['{address}']}}]}}]\n"
    )
    port = free_port()
    command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=subprocess.STDOUT
        )
    prometheus = Prometheus(f"http://127.0.0.1:{port}")
    try:
        until(prometheus.ready, lambda: (folder / "log").read_text())
        yield prometheus
    finally:
        process.terminate()
        process.wait(10)


def until(true: Callable[[], bool], why: Callable[[], str], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, why()
        time.sleep(0.1)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory, target: Target) -> Iterator[Prometheus]:
    """A Prometheus that has scraped the busy target a few times."""
    with running(tmp_path_factory.mktemp("prometheus"), target.address) as running_one:
        for scrape in range(SCRAPES):
            target.work()
            until(
                lambda at_least=scrape + 1: scrapes(running_one) >= at_least,
                lambda: str(running_one.query("up")),
            )
        yield running_one


def scrapes(prometheus: Prometheus) -> float:
    found = prometheus.query("sum(count_over_time(up[10m])) * min(up)")
    return float(found[0]["value"][1]) if found else 0.0


@pytest.mark.parametrize(("name", "expr"), expressions(), ids=[name for name, _ in expressions()])
def test_a_panels_query_has_no_error_and_gives_data(prometheus: Prometheus, name: str, expr: str) -> None:
    found = prometheus.query(expr)
    values = [float(sample["value"][1]) for sample in found]
    assert values, f"{name}: no data for {expr}"
    assert any(math.isfinite(value) for value in values), f"{name}: only {values}"


def test_shares_are_shares(prometheus: Prometheus) -> None:
    """A panel in percent that shows 3 or -1 has its fraction upside down."""
    shares = {panel["title"] for panel in panels() if panel["fieldConfig"]["defaults"]["unit"] == "percentunit"}
    asked = [(name, expr) for name, expr in expressions() if name.rsplit(" [", 1)[0] in shares]
    assert len(asked) >= 10
    for name, expr in asked:
        values = [float(sample["value"][1]) for sample in prometheus.query(expr)]
        assert all(0 <= value <= 1 for value in values if math.isfinite(value)), (name, values)


def test_choosing_one_policy_leaves_the_others_out(prometheus: Prometheus) -> None:
    asked = [expr for name, expr in expressions(policy="support-answer") if name.startswith("How many requests are")]
    assert [sample["metric"] for sample in prometheus.query(asked[0])] == [{"policy": "support-answer"}]


def test_what_prometheus_read_is_what_was_counted(prometheus: Prometheus) -> None:
    of = '{policy="support-answer"}'
    ratio = prometheus.query(f"sum(steady_spent_tokens_total{of}) / sum(steady_returned_tokens_total{of})")
    assert float(ratio[0]["value"][1]) == 5
