"""
A dashboard as a value, and what Grafana reads of it.

Only what our dashboards use: panels flow from left to right in a grid of 24 columns, each with its
queries on Prometheus or on views of the schema `report`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

COLUMNS: Final = 24
_SCHEMA_VERSION: Final = 39
"""Of Grafana 11; newer ones migrate it by themselves."""


class Kind(StrEnum):
    """How a panel shows its data."""

    STAT = "stat"
    TIME_SERIES = "timeseries"
    TABLE = "table"
    MAP = "geomap"


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A PromQL query; `legend` names each line by its labels."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Sql:
    """
    A query on views of the schema `report`.

    For a time series its columns are `time`, `metric` (text) and `value`. Grafana replaces
    $__timeFilter(column) and $__timeTo() before it asks.
    """

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """
    One picture.

    Attributes:
        title: What it shows.
        description: What it means and when to act.
        kind: How it is shown.
        queries: All on one data source.
        unit: Grafana's name of the unit.
        width: Columns out of 24.
        height: Rows of about 30 pixels.
        warn_from: Value from which a stat is drawn in the colour of a warning.
        warn_below: Value below which it is.
        mappings: Texts instead of values, such as 0 for "away".
        stacked: Whether the lines of a time series are added up.
    """

    title: str
    description: str
    kind: Kind
    queries: Sequence[Prometheus | Sql]
    unit: str = "short"
    width: int = 12
    height: int = 8
    warn_from: float | None = None
    warn_below: float | None = None
    mappings: Sequence[tuple[float, str]] = ()
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """A page; `uid` is its address and never changes."""

    uid: str
    title: str
    description: str
    rows: Sequence[Row]
    hours: int = 24

    def panels(self) -> Iterator[Panel]:
        """Yield every panel of every row."""
        for row in self.rows:
            yield from row.panels


_MAP: Final[dict[str, Any]] = {
    "view": {"id": "fit", "allLayers": True, "zoom": 14},
    "basemap": {"type": "default", "name": "Streets"},
    "layers": [
        {
            "type": "markers",
            "name": "Out",
            "location": {"mode": "coords", "latitude": "latitude", "longitude": "longitude"},
            "config": {"style": {"size": {"field": "customers", "fixed": 8, "min": 6, "max": 24}}},
            "tooltip": True,
        }
    ],
}
"""Columns `latitude` and `longitude` say where; `customers` how large."""

PROMETHEUS_SOURCE = {"type": "prometheus", "uid": "mdms-prometheus"}
DATABASE_SOURCE = {"type": "grafana-postgresql-datasource", "uid": "mdms-database"}


def render(dashboard: Dashboard) -> dict[str, Any]:
    """Return a dashboard as Grafana's JSON."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": ["mdms"],
        "editable": False,
        "schemaVersion": _SCHEMA_VERSION,
        "refresh": "1m",
        "time": {"from": f"now-{dashboard.hours}h", "to": "now"},
        "timezone": "browser",
        "panels": list(_panels(dashboard)),
    }


def _panels(dashboard: Dashboard) -> Iterator[dict[str, Any]]:
    number, y = 0, 0
    for row in dashboard.rows:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": y},
            "panels": [],
        }
        y += 1
        x = line_height = 0
        for panel in row.panels:
            assert panel.width <= COLUMNS, "a panel fits the page"
            if x + panel.width > COLUMNS:
                x, y, line_height = 0, y + line_height, 0
            number += 1
            position = {"h": panel.height, "w": panel.width, "x": x, "y": y}
            yield {"id": number, "gridPos": position, **_panel(panel)}
            x += panel.width
            line_height = max(line_height, panel.height)
        y += line_height


def _panel(panel: Panel) -> dict[str, Any]:
    source = PROMETHEUS_SOURCE if isinstance(panel.queries[0], Prometheus) else DATABASE_SOURCE
    return {
        "type": panel.kind.value,
        "title": panel.title,
        "description": panel.description,
        "datasource": source,
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": source, **_target(panel, query)}
            for index, query in enumerate(panel.queries)
        ],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
    }


def _target(panel: Panel, query: Prometheus | Sql) -> dict[str, Any]:
    if isinstance(query, Prometheus):
        return {
            "expr": query.expr,
            "legendFormat": query.legend or "__auto",
            "instant": panel.kind is not Kind.TIME_SERIES,
            "range": panel.kind is Kind.TIME_SERIES,
        }
    form = "time_series" if panel.kind is Kind.TIME_SERIES else "table"
    return {"rawSql": query.text, "rawQuery": True, "editorMode": "code", "format": form}


def _defaults(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.warn_from is not None:
        steps.append({"color": "orange", "value": panel.warn_from})
    if panel.warn_below is not None:
        steps = [{"color": "orange", "value": None}, {"color": "green", "value": panel.warn_below}]
    defaults: dict[str, Any] = {
        "unit": panel.unit,
        "thresholds": {"mode": "absolute", "steps": steps},
    }
    if panel.mappings:
        texts = {f"{value:g}": {"text": text} for value, text in panel.mappings}
        defaults["mappings"] = [{"type": "value", "options": texts}]
    if panel.kind is Kind.TIME_SERIES:
        mode = "normal" if panel.stacked else "none"
        defaults["custom"] = {"fillOpacity": 10, "stacking": {"mode": mode, "group": "A"}}
    return defaults


def _options(panel: Panel) -> dict[str, Any]:
    match panel.kind:
        case Kind.STAT:
            return {"reduceOptions": {"calcs": ["lastNotNull"], "values": False}}
        case Kind.TIME_SERIES:
            return {"legend": {"displayMode": "list", "placement": "bottom"}}
        case Kind.TABLE:
            return {"showHeader": True}
        case Kind.MAP:
            return _MAP
