"""The dashboard *VEE quality*: what was believed, estimated, held, and by which rule?"""

from mdms.dashboards.model import Dashboard, Prometheus, Row, Sql
from mdms.dashboards.parts import LOCAL_DAY, figure, lines, table

_NOW = Row(
    "Now",
    (
        figure(
            "Open exceptions",
            "Channel-days that validation and estimation could not settle.",
            Sql(
                "SELECT count(*) AS open_exceptions FROM report.vee_exception\n"
                "WHERE closed_at IS NULL"
            ),
            warn_from=1,
        ),
        figure(
            "Nobody looks into",
            "Of these, assigned to nobody.",
            Sql(
                "SELECT count(*) AS unassigned FROM report.vee_exception\n"
                "WHERE closed_at IS NULL AND NOT is_assigned"
            ),
            warn_from=1,
        ),
        figure(
            "Estimated by 06:00",
            "Of the expected intervals of the newest day, the worst service.",
            Prometheus('max(mdms_vee_estimated_ratio{mark="raw"})'),
            unit="percentunit",
        ),
        figure(
            "Duration of a run",
            "The slowest tenth of the runs of a week.",
            Prometheus(
                "histogram_quantile(0.9, sum by (le) (increase(mdms_vee_run_seconds_bucket[7d])))"
            ),
            unit="s",
        ),
        figure(
            "Channel-days judged, last day",
            "New days, and those that late reads touched.",
            Prometheus("sum(increase(mdms_vee_channel_days_total[1d]))"),
        ),
    ),
)

_OUTCOMES = Row(
    "Outcomes",
    (
        lines(
            "Intervals judged",
            "By what became of them, over a day.",
            Prometheus("sum by (outcome) (increase(mdms_vee_intervals_total[1d]))", "{{outcome}}"),
            stacked=True,
        ),
        lines(
            "Not actual, by day",
            "Estimated, held, and missing for good, as measured at 06:00.",
            Sql(
                f"SELECT {LOCAL_DAY} AS time, what.metric, sum(what.value)::bigint AS value\n"
                "FROM report.service_level,\n"
                "     LATERAL (VALUES ('estimated', estimated), ('held', held),\n"
                "                     ('missing', missing)) what (metric, value)\n"
                f"WHERE mark = 'raw' AND $__timeFilter({LOCAL_DAY})\n"
                "GROUP BY 1, 2 ORDER BY 1, 2"
            ),
            stacked=True,
        ),
    ),
)

_RULES = Row(
    "Rules",
    (
        lines(
            "Rules that struck",
            "Channel-days by rule; docs/reference/vee-rules.md says what each rule means.",
            Sql(
                f"SELECT {LOCAL_DAY} AS time, rule AS metric,\n"
                "       sum(channel_day_count)::bigint AS value\n"
                f"FROM report.vee_rule_day WHERE $__timeFilter({LOCAL_DAY})\n"
                "GROUP BY 1, 2 ORDER BY 1, 2"
            ),
        ),
        table(
            "Rules by service",
            "Channel-days of the time shown.",
            "SELECT rule, commodity, sum(channel_day_count)::bigint AS channel_days\n"
            f"FROM report.vee_rule_day WHERE $__timeFilter({LOCAL_DAY})\n"
            "GROUP BY rule, commodity ORDER BY channel_days DESC, rule, commodity",
        ),
        table(
            "Waiting for a person, by rule",
            "Open exceptions; `mdms vee exception ls` names the meters.",
            "SELECT rule, severity, commodity, count(*) AS open_exceptions,\n"
            "       min(local_day) AS oldest_day\n"
            "FROM report.vee_exception WHERE closed_at IS NULL\n"
            "GROUP BY rule, severity, commodity ORDER BY 4 DESC, 1, 2, 3",
        ),
        table(
            "Answers to exceptions",
            "Closed in the time shown: by people's answer, or (empty) because later data cured it.",
            "SELECT rule, answer, count(*) AS exceptions,\n"
            "       percentile_cont(0.5) WITHIN GROUP (ORDER BY\n"
            "           extract(epoch FROM closed_at - opened_at)::float8 / 3600) AS half_h\n"
            "FROM report.vee_exception WHERE $__timeFilter(closed_at)\n"
            "GROUP BY rule, answer ORDER BY exceptions DESC, rule, answer",
        ),
        lines(
            "Conflicts",
            "Raw values that came again with another value, by hour; the first one stands.",
            Sql(
                "SELECT hour_utc AS time, kind AS metric, conflict_count AS value\n"
                "FROM report.read_conflict_hour\n"
                "WHERE $__timeFilter(hour_utc) ORDER BY 1, 2"
            ),
        ),
        table(
            "Nights of VEE",
            "What each run judged.",
            "SELECT started_at, finished_at, first_day, last_day, channel_days, versions\n"
            "FROM report.vee_run WHERE $__timeFilter(started_at)\n"
            "ORDER BY run_id DESC LIMIT 60",
        ),
    ),
)

VEE = Dashboard(
    uid="mdms-vee",
    title="VEE quality",
    description="What was believed, estimated, held, and by which rule?",
    rows=(_NOW, _OUTCOMES, _RULES),
    hours=24 * 30,
)
