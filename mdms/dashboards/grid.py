"""The dashboard *Grid*: who has no power, which transformers are overloaded?"""

from mdms.dashboards.model import Dashboard, Kind, Panel, Row, Sql
from mdms.dashboards.parts import LOCAL_DAY, figure, lines, table

_NOW = Row(
    "Outages",
    (
        figure(
            "Customers without power",
            "At the end of the time shown; meters say so themselves, or all their neighbours do.",
            Sql(
                "SELECT coalesce(sum(customers), 0)::bigint AS customers FROM report.outage\n"
                "WHERE began_at <= $__timeTo()::timestamptz"
                " AND (ended_at IS NULL OR ended_at > $__timeTo()::timestamptz)"
            ),
            warn_from=1,
        ),
        figure(
            "Feeders out",
            "At the end of the time shown.",
            Sql(
                "SELECT count(*) AS feeders FROM report.outage\n"
                "WHERE device = 'feeder' AND began_at <= $__timeTo()::timestamptz"
                " AND (ended_at IS NULL OR ended_at > $__timeTo()::timestamptz)"
            ),
            warn_from=1,
        ),
        figure(
            "SAIDI",
            "Minutes of sustained interruption a customer, of the days shown.",
            Sql(
                "SELECT coalesce(sum(saidi_min), 0) AS minutes\n"
                "FROM report.reliability_day\n"
                f"WHERE $__timeFilter({LOCAL_DAY})"
            ),
        ),
        figure(
            "SAIFI",
            "Sustained interruptions a customer, of the days shown.",
            Sql(
                "SELECT coalesce(sum(saifi), 0) AS interruptions\n"
                "FROM report.reliability_day\n"
                f"WHERE $__timeFilter({LOCAL_DAY})"
            ),
        ),
        figure(
            "MAIFI",
            "Momentary interruptions a customer, of the days shown.",
            Sql(
                "SELECT coalesce(sum(maifi), 0) AS interruptions\n"
                "FROM report.reliability_day\n"
                f"WHERE $__timeFilter({LOCAL_DAY})"
            ),
        ),
        Panel(
            title="Outage map",
            description="Transformers that were out in the time shown, by customers without power.",
            kind=Kind.MAP,
            queries=(
                Sql(
                    "SELECT transformer_id, feeder_id, latitude, longitude, device, began_at,\n"
                    "       ended_at, customers\n"
                    "FROM report.outage_place WHERE $__timeFilter(began_at)\n"
                    "ORDER BY began_at DESC, transformer_id LIMIT 1000"
                ),
            ),
            height=12,
        ),
        Panel(
            title="Outages",
            description="Those that last first. `mdms outage ls` names meters.",
            kind=Kind.TABLE,
            queries=(
                Sql(
                    "SELECT device, name, began_at, ended_at, customers, reported,\n"
                    "       transformer_count\n"
                    "FROM report.outage WHERE $__timeFilter(began_at)\n"
                    "ORDER BY ended_at IS NOT NULL, began_at DESC, device, name LIMIT 200"
                ),
            ),
            height=12,
        ),
        lines(
            "Reliability by day",
            "Minutes of sustained interruption a customer, by the day on which they began.",
            Sql(
                f"SELECT {LOCAL_DAY} AS time, 'SAIDI' AS metric, saidi_min AS value\n"
                f"FROM report.reliability_day WHERE $__timeFilter({LOCAL_DAY})\n"
                "ORDER BY 1"
            ),
            unit="m",
        ),
    ),
)

_TRANSFORMERS = Row(
    "Transformers",
    (
        table(
            "Load",
            "The worst day of each in the time shown; 100 is the nameplate.",
            "SELECT transformer_id, feeder_id, max(kva)::float8 AS kva,\n"
            "       max(peak_percent) AS peak_percent, max(p95_percent) AS p95_percent,\n"
            "       sum(hours_over_100) AS hours_over_100\n"
            "FROM report.transformer_day\n"
            f"WHERE peak_percent IS NOT NULL AND $__timeFilter({LOCAL_DAY})\n"
            "GROUP BY transformer_id, feeder_id\n"
            "ORDER BY peak_percent DESC, transformer_id LIMIT 100",
        ),
        table(
            "Voltage",
            "Of the median of the meters behind each, on a base of 120 V; range A is 114 to 126 V.",
            "SELECT transformer_id, feeder_id, min(lowest_v) AS lowest_v,\n"
            "       max(highest_v) AS highest_v, max(beyond_a_percent) AS beyond_a_percent\n"
            "FROM report.transformer_day\n"
            f"WHERE lowest_v IS NOT NULL AND $__timeFilter({LOCAL_DAY})\n"
            "GROUP BY transformer_id, feeder_id\n"
            "ORDER BY beyond_a_percent DESC, transformer_id LIMIT 100",
        ),
        lines(
            "Peaks by day",
            "The most loaded transformer of each feeder, in percent of its nameplate.",
            Sql(
                f"SELECT {LOCAL_DAY} AS time, feeder_id AS metric, max(peak_percent) AS value\n"
                "FROM report.transformer_day\n"
                f"WHERE peak_percent IS NOT NULL AND $__timeFilter({LOCAL_DAY})\n"
                "GROUP BY 1, 2 ORDER BY 1, 2"
            ),
            unit="percent",
        ),
    ),
)

GRID = Dashboard(
    uid="mdms-grid",
    title="Grid",
    description="Who has no power, which transformers are overloaded?",
    rows=(_NOW, _TRANSFORMERS),
    hours=24 * 7,
)
