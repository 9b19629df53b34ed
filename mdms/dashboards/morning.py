"""The dashboard *Morning board*: may the day begin, and what waits for whom?"""

from mdms.dashboards.model import Dashboard, Prometheus, Row, Sql
from mdms.dashboards.parts import LOCAL_DAY, figure, lines, table

_NIGHT = Row(
    "The night",
    (
        figure(
            "Read rate by 06:00",
            "The worst service of the newest day: received over expected. Goal 99.5 %.",
            Prometheus('min(mdms_vee_received_ratio{mark="raw"})'),
            unit="percentunit",
            warn_below=0.995,
        ),
        figure(
            "Read rate after 72 h",
            "The worst service of the newest settled day, backfill included. Goal 99.9 %.",
            Prometheus('min(mdms_vee_received_ratio{mark="settled"})'),
            unit="percentunit",
            warn_below=0.999,
        ),
        figure(
            "Estimated after 72 h",
            "Of the expected intervals of the newest settled day, the worst service. Goal 0.1 %.",
            Prometheus('max(mdms_vee_estimated_ratio{mark="settled"})'),
            unit="percentunit",
            warn_from=0.001,
        ),
        figure(
            "VEE since",
            "Time since the last night's validation was done: below a day at any hour.",
            Prometheus("time() - mdms_vee_last_run_timestamp_seconds"),
            unit="s",
            warn_from=86_400,
        ),
        figure(
            "Silent meters",
            "Meters that should be heard and sent no register for a day.",
            Sql(
                "SELECT count(*) AS silent_meters FROM report.meter_heard\n"
                "WHERE coalesce(last_register_utc, installed_at)"
                " < $__timeTo()::timestamptz - interval '1 day'"
            ),
            warn_from=1,
        ),
        figure(
            "Unknown commands",
            "Commands of the time shown whose outcome nobody knows: look at the switch.",
            Sql(
                "SELECT count(*) AS unknown_commands FROM report.control\n"
                "WHERE state = 'UNKNOWN' AND $__timeFilter(requested_at)"
            ),
            warn_from=1,
        ),
    ),
)

_READ_RATE = Row(
    "Read rate",
    (
        lines(
            "Read rate by 06:00 and after 72 h",
            "Received over expected intervals, by service; as meters sent it by 06:00, and with"
            " everything that came later.",
            Sql(
                f"SELECT {LOCAL_DAY} AS time,\n"
                "       commodity || ', ' || mark AS metric, received_ratio AS value\n"
                "FROM report.service_level\n"
                f"WHERE $__timeFilter({LOCAL_DAY})\n"
                "ORDER BY 1, 2"
            ),
            unit="percentunit",
        ),
        table(
            "Newest days by service",
            "Uplink: as meters sent it. Received: with backfill and files.",
            "SELECT DISTINCT ON (mark, commodity) mark, commodity, local_day, channel_count,\n"
            "       expected, uplink_ratio, received_ratio, estimated_ratio, held, missing\n"
            "FROM report.service_level\n"
            "ORDER BY mark, commodity, local_day DESC",
        ),
        table(
            "Nights of VEE",
            "To be done by 05:30, and by 06:00 at the latest, local time.",
            "SELECT started_at, finished_at, first_day, last_day, channel_days, versions\n"
            "FROM report.vee_run WHERE $__timeFilter(started_at)\n"
            "ORDER BY run_id DESC LIMIT 14",
        ),
        table(
            "Cycles closing",
            "Within a week: what is frozen of them, and what is in their way"
            " (`mdms billing blocking` names the meters).",
            "SELECT billing_cycle, window_start, window_end, service_count, frozen_count,\n"
            "       blocked_count, exception_count\n"
            "FROM report.billing_cycle\n"
            "WHERE window_end BETWEEN $__timeTo()::date - 7 AND $__timeTo()::date + 7\n"
            "ORDER BY window_end, billing_cycle",
        ),
        table(
            "Bill windows",
            "What was frozen, and how many channels were left out of it.",
            "SELECT window_start, window_end, frozen_at, unit,\n"
            "       sum(determinant_count)::bigint AS determinants,\n"
            "       sum(estimated_count)::bigint AS with_estimates,\n"
            "       max(blocked_count) AS blocked_in_window\n"
            "FROM report.billing_window\n"
            "GROUP BY window_start, window_end, frozen_at, unit\n"
            "ORDER BY window_end DESC, unit LIMIT 40",
        ),
    ),
)

_PEOPLE = Row(
    "Waiting for people",
    (
        table(
            "Open exceptions by age",
            "`mdms vee exception ls` names the meters; what is old holds up bills.",
            "SELECT commodity,\n"
            "       count(*) FILTER (WHERE age < interval '1 day') AS below_1_day,\n"
            "       count(*) FILTER (WHERE age >= interval '1 day' AND age < interval '3 days')"
            " AS to_3_days,\n"
            "       count(*) FILTER (WHERE age >= interval '3 days' AND age < interval '7 days')"
            " AS to_7_days,\n"
            "       count(*) FILTER (WHERE age >= interval '7 days') AS older\n"
            "FROM (SELECT commodity, $__timeTo()::timestamptz - opened_at AS age\n"
            "      FROM report.vee_exception WHERE closed_at IS NULL) waiting\n"
            "GROUP BY commodity ORDER BY commodity",
        ),
        table(
            "New leaks",
            "Raised in the time shown and still open: possible, then confirmed.",
            "SELECT channel_id, commodity, kind, state, severity, rate, unit, raised_at\n"
            "FROM report.leak_case\n"
            "WHERE ended_at IS NULL AND $__timeFilter(raised_at)\n"
            "ORDER BY severity DESC, raised_at DESC, channel_id LIMIT 100",
        ),
        table(
            "Open field orders",
            "Work for crews; safety first.",
            "SELECT reason, is_safety, commodity, count(*) AS orders, min(opened_at) AS oldest\n"
            "FROM report.field_order WHERE closed_at IS NULL\n"
            "GROUP BY reason, is_safety, commodity ORDER BY is_safety DESC, oldest, reason",
        ),
        table(
            "Silent meters by place",
            "Feeders and transformers with most meters that sent nothing for a day.",
            "SELECT feeder_id, transformer_id, commodity, count(*) AS silent_meters\n"
            "FROM report.meter_heard\n"
            "WHERE coalesce(last_register_utc, installed_at)"
            " < $__timeTo()::timestamptz - interval '1 day'\n"
            "GROUP BY feeder_id, transformer_id, commodity\n"
            "ORDER BY silent_meters DESC, feeder_id, transformer_id, commodity LIMIT 50",
        ),
    ),
)

MORNING = Dashboard(
    uid="mdms-morning",
    title="Morning board",
    description="May the day begin, and what waits for whom?",
    rows=(_NIGHT, _READ_RATE, _PEOPLE),
    hours=24 * 7,
)
