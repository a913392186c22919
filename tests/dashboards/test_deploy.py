"""What compose mounts is there, and Prometheus accepts its files."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from tests.dashboards.reading import ROOT

DEPLOY = ROOT / "deploy"
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is missing")


def read(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text())


def test_every_service_is_on_loopback_only() -> None:
    """A demo stack must not put an unprotected Prometheus on the network."""
    services = read(DEPLOY / "compose.yaml")["services"]
    assert set(services) == {"steady", "prometheus", "grafana"}
    assert all(port.startswith("127.0.0.1:") for service in services.values() for port in service["ports"])


@pytest.mark.parametrize("service", ["prometheus", "grafana"])
def test_every_file_that_compose_mounts_is_in_the_repository(service: str) -> None:
    mounts = [mount.split(":") for mount in read(DEPLOY / "compose.yaml")["services"][service]["volumes"]]
    sources = [DEPLOY / mount[0] for mount in mounts if mount[0].startswith(".")]
    assert len(sources) == 2
    assert all(source.exists() for source in sources)


def test_grafana_finds_its_source_and_the_dashboard_where_compose_puts_it() -> None:
    grafana = read(DEPLOY / "compose.yaml")["services"]["grafana"]
    source = read(DEPLOY / "grafana" / "datasources" / "prometheus.yaml")["datasources"][0]
    folder = read(DEPLOY / "grafana" / "dashboards" / "steady.yaml")["providers"][0]["options"]["path"]
    assert (source["type"], source["url"]) == ("prometheus", "http://prometheus:9090")
    assert any(f":{folder}/steady.json:" in mount for mount in grafana["volumes"])


def test_nothing_in_the_stack_reports_home() -> None:
    environment = read(DEPLOY / "compose.yaml")["services"]["grafana"]["environment"]
    assert environment["GF_ANALYTICS_REPORTING_ENABLED"] == "false"
    assert environment["GF_ANALYTICS_CHECK_FOR_UPDATES"] == "false"


@needs_promtool
def test_prometheus_accepts_its_configuration_and_the_alerts(tmp_path: Path) -> None:
    """Laid out as compose mounts them: promtool follows `rule_files`."""
    shutil.copy(DEPLOY / "prometheus.yml", tmp_path)
    shutil.copy(ROOT / "dashboards" / "alerts.yml", tmp_path)
    done = subprocess.run(["promtool", "check", "config", tmp_path / "prometheus.yml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "7 rules found" in done.stdout


@needs_promtool
def test_the_alerts_fire_when_they_should_and_only_then() -> None:
    alerts = ROOT / "dashboards"
    done = subprocess.run(["promtool", "test", "rules", alerts / "alerts_test.yml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_says_what_is_wrong_and_what_it_means() -> None:
    rules = read(ROOT / "dashboards" / "alerts.yml")["groups"][0]["rules"]
    assert all(rule["annotations"]["summary"] and rule["annotations"]["description"] for rule in rules)
    assert {rule["labels"]["severity"] for rule in rules} == {"critical", "warning"}
