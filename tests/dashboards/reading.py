"""The checked-in dashboard, as tests read it."""

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "dashboards" / "steady.json"


def dashboard() -> dict[str, Any]:
    """Return the checked-in dashboard."""
    board: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return board


def panels() -> list[dict[str, Any]]:
    """Return the panels that show something."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def expressions(interval: str = "1m", policy: str = ".*") -> list[tuple[str, str]]:
    """Return (panel title and query letter, PromQL) for every query, with Grafana's variables filled in."""
    out = []
    for panel in panels():
        for target in panel["targets"]:
            expr = target["expr"].replace("$__rate_interval", interval).replace("$policy", policy)
            assert not re.search(r"\$\w", expr), expr
            out.append((f"{panel['title']} [{target['refId']}]", expr))
    return out
