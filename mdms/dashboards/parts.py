"""Panels in the few shapes that every page uses."""

from typing import Final

from mdms.dashboards.model import Kind, Panel, Prometheus, Sql

LOCAL_DAY: Final = "local_day::timestamp AT TIME ZONE 'UTC'"
"""A local day as an instant that Grafana draws on that day's place."""


def figure(
    title: str,
    description: str,
    query: Prometheus | Sql,
    *,
    unit: str = "short",
    width: int = 4,
    warn_from: float | None = None,
    warn_below: float | None = None,
) -> Panel:
    """Return one large number."""
    return Panel(
        title=title,
        description=description,
        kind=Kind.STAT,
        queries=(query,),
        unit=unit,
        width=width,
        height=4,
        warn_from=warn_from,
        warn_below=warn_below,
    )


def lines(
    title: str,
    description: str,
    *queries: Prometheus | Sql,
    unit: str = "short",
    width: int = 12,
    stacked: bool = False,
) -> Panel:
    """Return something over time."""
    return Panel(
        title=title,
        description=description,
        kind=Kind.TIME_SERIES,
        queries=queries,
        unit=unit,
        width=width,
        stacked=stacked,
    )


def table(title: str, description: str, text: str, *, width: int = 12) -> Panel:
    """Return the rows of a query on views."""
    return Panel(
        title=title, description=description, kind=Kind.TABLE, queries=(Sql(text),), width=width
    )
