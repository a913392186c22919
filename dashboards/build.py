"""
Build the Grafana dashboard: `python dashboards/build.py [FILE]` writes `dashboards/steady.json` from `panels.py`.

The JSON is checked in; a test builds it again and compares.
"""

import json
import sys
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import common, dashboard, heatmap, prometheus, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import dashboard as models
from panels import ROWS, Panel, Query

TARGET = Path(__file__).with_name("steady.json")
SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")


def target(query: Query, ref: str, *, heat: bool) -> prometheus.Dataquery:
    """Return the builder of one query."""
    builder = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(ref).datasource(SOURCE).range()
    return builder.format("heatmap") if heat else builder


def lines(panel: Panel) -> timeseries.Panel:
    """Return the builder of a time series panel."""
    legend = common.VizLegendOptions().show_legend(True)
    legend = legend.display_mode(shapes.LegendDisplayMode.TABLE).placement(shapes.LegendPlacement.BOTTOM)
    builder = timeseries.Panel().unit(panel.unit).min(0).legend(legend.calcs(["mean", "lastNotNull"]))
    builder = builder.tooltip(common.VizTooltipOptions().mode(shapes.TooltipDisplayMode.MULTI))
    builder = builder.fill_opacity(30 if panel.look == "stacked" else 5).show_points(shapes.VisibilityMode.NEVER)
    if panel.look == "stacked":
        builder = builder.stacking(common.StackingConfig().mode(shapes.StackingMode.NORMAL))
    if panel.bad_above is not None:
        steps = [
            models.Threshold(value=None, color="green"),
            models.Threshold(value=panel.bad_above, color="red"),
        ]
        builder = builder.thresholds(
            dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
        ).thresholds_style(common.GraphThresholdsStyleConfig().mode(shapes.GraphTresholdsStyleMode.LINE))
    return builder


def drawn(panel: Panel, number: int) -> Any:
    """Return the builder of a panel."""
    heat = panel.look == "heatmap"
    builder: Any = heatmap.Panel().unit(panel.unit) if heat else lines(panel)
    builder = builder.title(panel.title).description(panel.description).datasource(SOURCE).id(number)
    builder = builder.height(9).span(panel.width)
    for index, query in enumerate(panel.queries):
        builder = builder.with_target(target(query, chr(ord("A") + index), heat=heat))
    return builder


def build() -> str:
    """Return the dashboard as the JSON that Grafana takes."""
    source = dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")
    policy = (
        dashboard.QueryVariable("policy")
        .label("Policy")
        .datasource(SOURCE)
        .query("label_values(steady_requests_total, policy)")
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(models.VariableOption(selected=True, text="All", value="$__all"))
    )
    board = dashboard.Dashboard("Steady").uid("steady").tags(["steady", "llm"]).refresh("30s").time("now-1h", "now")
    board = board.description("What Steady's pipeline decides, how steady the answers are, and what that costs.")
    board = board.timezone("browser").tooltip(models.DashboardCursorSync.CROSSHAIR).readonly()
    board = board.with_variable(source).with_variable(policy)
    number = 0
    for row in ROWS:
        number += 1
        board = board.with_row(dashboard.Row(row.title).id(number))
        for panel in row.panels:
            number += 1
            board = board.with_panel(drawn(panel, number))
    return json.dumps(json.loads(JSONEncoder(sort_keys=True).encode(board.build())), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    (Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET).write_text(build())
