"""The dashboard *Water and gas*: where does it run that should not?"""

from mdms.dashboards.model import Dashboard, Prometheus, Row, Sql
from mdms.dashboards.parts import LOCAL_DAY, figure, lines, table

_NOW = Row(
    "Now",
    (
        figure(
            "Gas: safety checks",
            "Gas that never stops: a crew looks.",
            Sql(
                "SELECT count(*) AS leaks FROM report.leak_case\n"
                "WHERE ended_at IS NULL AND commodity = 'gas'"
            ),
            warn_from=1,
        ),
        figure(
            "Water: confirmed",
            "Customers were told, or are to be.",
            Sql(
                "SELECT count(*) AS leaks FROM report.leak_case\n"
                "WHERE ended_at IS NULL AND commodity = 'water' AND confirmed_at IS NOT NULL"
            ),
        ),
        figure(
            "Water: possible",
            "Not yet told to anybody.",
            Sql(
                "SELECT count(*) AS leaks FROM report.leak_case\n"
                "WHERE ended_at IS NULL AND commodity = 'water' AND confirmed_at IS NULL"
            ),
        ),
        figure(
            "Runs away now",
            "Rates of all open leaks of water [gal/h].",
            Sql(
                "SELECT coalesce(sum(rate), 0)::float8 AS gal_per_h FROM report.leak_case\n"
                "WHERE ended_at IS NULL AND commodity = 'water'"
            ),
        ),
        figure(
            "Lost so far",
            "By open leaks of water [gal].",
            Sql(
                "SELECT coalesce(sum(lost), 0)::float8 AS gal FROM report.leak_case\n"
                "WHERE ended_at IS NULL AND commodity = 'water'"
            ),
        ),
        figure(
            "Notices, last day",
            "That became due, of all kinds.",
            Prometheus("sum(increase(mdms_vee_leak_notices_total[1d])) or vector(0)"),
        ),
    ),
)

_CASES = Row(
    "Leaks",
    (
        table(
            "Open leaks",
            "The worst first; `mdms leak ls` names the meters.",
            "SELECT channel_id, commodity, kind, state, severity, rate, rate_error, lost, unit,\n"
            "       began_at, confirmed_at\n"
            "FROM report.leak_case WHERE ended_at IS NULL\n"
            "ORDER BY severity DESC, lost DESC, channel_id LIMIT 200",
            width=24,
        ),
        lines(
            "Raised, by day",
            "Those that are open, and those that ended within 35 days.",
            Sql(
                "SELECT date_trunc('day', raised_at, 'UTC') AS time, commodity AS metric,\n"
                "       count(*) AS value\n"
                "FROM report.leak_case WHERE $__timeFilter(raised_at)\n"
                "GROUP BY 1, 2 ORDER BY 1, 2"
            ),
        ),
        table(
            "By severity",
            "Open ones, with what they have lost.",
            "SELECT commodity, severity, count(*) AS leaks, sum(lost)::float8 AS lost, unit\n"
            "FROM report.leak_case WHERE ended_at IS NULL\n"
            "GROUP BY commodity, severity, unit ORDER BY commodity, severity DESC",
        ),
        lines(
            "Night minimum",
            "The least that all meters of a service measured in one hour of a night"
            " (00:00 to 05:00).",
            Sql(
                f"SELECT {LOCAL_DAY} AS time,\n"
                "       commodity || ' [' || unit || ']' AS metric, flow::float8 AS value\n"
                "FROM report.night_flow\n"
                f"WHERE $__timeFilter({LOCAL_DAY})\n"
                "ORDER BY 1, 2"
            ),
        ),
    ),
)

LEAKS = Dashboard(
    uid="mdms-leaks",
    title="Water and gas",
    description="Where does it run that should not?",
    rows=(_NOW, _CASES),
    hours=24 * 30,
)
