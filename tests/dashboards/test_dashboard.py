"""The dashboard is what its source says, and every panel explains itself."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.dashboards.reading import DASHBOARD, ROOT, dashboard, expressions, panels
from tests.server.observing import busy_metrics


def test_the_checked_in_dashboard_is_what_the_source_builds(tmp_path: Path) -> None:
    made = tmp_path / "steady.json"
    subprocess.run([sys.executable, ROOT / "dashboards" / "build.py", made], check=True)
    assert made.read_text() == DASHBOARD.read_text(), "run `python dashboards/build.py`"


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_a_panel_says_what_it_asks_in_which_unit_and_how_to_read_it(panel: dict[str, object]) -> None:
    title, description = str(panel["title"]), str(panel["description"])
    assert title.endswith("?")
    assert len(description) > 30
    assert description.endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]  # type: ignore[index]
    assert panel["targets"]


def test_titles_ids_and_places_are_distinct() -> None:
    board = dashboard()["panels"]
    assert len({panel["title"] for panel in board}) == len({panel["id"] for panel in board}) == len(board)
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in board)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) == 23


def test_the_rows_are_those_that_the_design_asks_for() -> None:
    rows = [panel["title"].split(":")[0] for panel in dashboard()["panels"] if panel["type"] == "row"]
    assert rows == ["Overview", "Variability", "Candidates", "Rules", "Cost and tokens", "Store and upstream"]


def test_a_viewer_chooses_data_source_and_policies() -> None:
    variables = {variable["name"]: variable for variable in dashboard()["templating"]["list"]}
    assert set(variables) == {"datasource", "policy"}
    assert variables["policy"]["multi"]
    assert all(panel["datasource"]["uid"] == "${datasource}" for panel in panels())


def named(text: str) -> set[str]:
    return set(re.findall(r"\bsteady_[a-z_]+", text))


def test_queries_and_alerts_name_only_metrics_that_exist() -> None:
    exported = named(busy_metrics().render()[0].decode())
    alerts = (ROOT / "dashboards" / "alerts.yml").read_text()
    assert named(" ".join(expr for _, expr in expressions())) <= exported
    assert named(alerts) <= exported


def test_every_counter_and_histogram_is_shown_somewhere() -> None:
    """A metric that no panel shows is a cost that nobody reads."""
    text = busy_metrics().render()[0].decode()
    exported = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    shown = {re.sub("_(bucket|sum|count)$", "", name) for name in named(" ".join(expr for _, expr in expressions()))}
    assert exported - shown == {"steady_build_info"}
