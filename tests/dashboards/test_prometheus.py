"""Every panel's query, asked of a real Prometheus that scraped a running Steady."""

import json
import math
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.dashboards.busy import busy_steady
from tests.dashboards.reading import expressions, panels

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
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A whole Steady, with its store, over a real upstream."""
    with busy_steady(tmp_path_factory.mktemp("steady")) as (steady, work):
        yield Target(f"127.0.0.1:{steady.port}", work)


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
        # rate() extrapolates each series from its own first sample, so a share of two rates can pass 1 by a little
        assert all(0 <= value <= 1.5 for value in values if math.isfinite(value)), (name, values)


def test_choosing_one_policy_leaves_the_others_out(prometheus: Prometheus) -> None:
    asked = [expr for name, expr in expressions(policy="support-answer") if name.startswith("How many requests are")]
    assert [sample["metric"] for sample in prometheus.query(asked[0])] == [{"policy": "support-answer"}]


def test_what_prometheus_read_is_what_was_counted(prometheus: Prometheus) -> None:
    of = '{policy="support-answer"}'
    ratio = prometheus.query(f"sum(steady_spent_tokens_total{of}) / sum(steady_returned_tokens_total{of})")
    assert float(ratio[0]["value"][1]) == 5


@pytest.mark.parametrize(
    "series",
    [
        'verdicts_total{rule="excludes",result="failed"}',
        'verdicts_total{rule="length",result="shadow_failed"}',
        'verdicts_total{rule="guardrails",result="rule_error"}',
        'fixes_total{policy="fixing"}',
        'abstentions_total{policy="polite"}',
        'candidates_saved_total{policy="early"}',
        'decisions_total{action="refused_input"}',
        'decisions_total{action="error"}',
        'decisions_total{action="passed_through"}',
        'stage_duration_seconds_count{stage="guard"}',
        'streams_total{mode="live"}',
        'streams_total{mode="buffered"}',
        "hang_ups_total",
        'errors_total{code="invalid_value"}',
        'upstream_errors_total{kind="timeout"}',
        'upstream_errors_total{kind="rate_limited"}',
        'upstream_errors_total{kind="server_error"}',
        'upstream_errors_total{kind="invalid_response"}',
        "upstream_retries_total",
        "spent_cost_dollars_total",
        "receipts_stored_total",
    ],
)
def test_what_happened_was_counted(prometheus: Prometheus, series: str) -> None:
    """A panel may show a zero where nothing happens; these did happen, so a metric that nobody feeds shows here."""
    found = prometheus.query(f"sum(steady_{series})")
    assert found and float(found[0]["value"][1]) > 0


def test_no_stage_is_unknown_to_the_dashboard(prometheus: Prometheus) -> None:
    assert prometheus.query('steady_stage_duration_seconds_count{stage="other"} > 0') == []
