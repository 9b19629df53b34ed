"""The dashboard *Billing readiness*: what is frozen, what is blocked, and how much is estimated?"""

from mdms.dashboards.model import Dashboard, Prometheus, Row, Sql
from mdms.dashboards.parts import figure, lines, table

_NOW = Row(
    "Now",
    (
        figure(
            "Blocked",
            "Channels left out when the newest window was frozen.",
            Prometheus("mdms_billing_blocked"),
            warn_from=1,
        ),
        figure(
            "Newest window",
            "Determinants frozen in it.",
            Sql(
                "SELECT coalesce(sum(determinant_count), 0)::bigint AS determinants\n"
                "FROM report.billing_window\n"
                "WHERE window_end = (SELECT max(window_end) FROM report.billing_window)"
            ),
        ),
        figure(
            "With estimates",
            "Of these, determinants with at least one estimated interval.",
            Sql(
                "SELECT coalesce(sum(estimated_count), 0)::bigint AS with_estimates\n"
                "FROM report.billing_window\n"
                "WHERE window_end = (SELECT max(window_end) FROM report.billing_window)"
            ),
        ),
        figure(
            "Exceptions in the way",
            "Open ones of the time shown: their windows wait.",
            Sql(
                "SELECT count(*) AS open_exceptions FROM report.vee_exception\n"
                "WHERE closed_at IS NULL AND $__timeFilter(local_day::timestamp)"
            ),
            warn_from=1,
        ),
    ),
)

_WINDOWS = Row(
    "Windows",
    (
        table(
            "Windows",
            "Usage is in whole units; a frozen window never changes.",
            "SELECT window_start, window_end, frozen_at, unit,\n"
            "       sum(determinant_count)::bigint AS determinants,\n"
            "       sum(usage_units)::bigint AS usage_units,\n"
            "       sum(estimated_count)::bigint AS with_estimates,\n"
            "       max(blocked_count) AS blocked_in_window\n"
            "FROM report.billing_window\n"
            "GROUP BY window_start, window_end, frozen_at, unit\n"
            "ORDER BY window_end DESC, unit LIMIT 100",
            width=24,
        ),
        table(
            "Blocked by what",
            "`mdms billing status` names the meters.",
            "SELECT window_start, window_end, reason, channel_count\n"
            "FROM report.billing_block\n"
            "ORDER BY window_end DESC, channel_count DESC, reason LIMIT 100",
        ),
        table(
            "Oldest open exceptions",
            "What most likely blocks the next window.",
            "SELECT local_day, rule, commodity, channel_id, is_assigned, opened_at\n"
            "FROM report.vee_exception WHERE closed_at IS NULL\n"
            "ORDER BY local_day, rule, channel_id LIMIT 50",
        ),
        lines(
            "Determinants frozen",
            "Over a day.",
            Prometheus("sum(increase(mdms_billing_determinants_total[1d]))", "determinants"),
        ),
    ),
)

BILLING = Dashboard(
    uid="mdms-billing",
    title="Billing readiness",
    description="What is frozen, what is blocked, and how much is estimated?",
    rows=(_NOW, _WINDOWS),
    hours=24 * 35,
)
