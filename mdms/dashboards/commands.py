"""The dashboard *Commands and safety*: what was switched, what was refused, who still waits?"""

from mdms.dashboards.model import Dashboard, Prometheus, Row, Sql
from mdms.dashboards.parts import figure, lines, table

_NOW = Row(
    "Now",
    (
        figure(
            "Waiting to be reconnected",
            "Homes that met every condition and have no supply yet.",
            Prometheus("mdms_command_reconnects_waiting"),
        ),
        figure(
            "Reconnects late",
            "Of these, later than the alarm allows. Runbook ReconnectLate.",
            Prometheus("mdms_command_reconnects_late"),
            warn_from=1,
        ),
        figure(
            "Past the business day",
            "Of these, past the deadline of the rules.",
            Prometheus("mdms_command_reconnects_overdue"),
            warn_from=1,
        ),
        figure(
            "Opted-out radios heard, last day",
            "Promised to be silent: must be 0. Runbook SilencedRadioHeard.",
            Prometheus("sum(increase(mdms_command_radio_off_violations_total[1d]))"),
            warn_from=1,
        ),
        figure(
            "Radios not known to be off",
            "Opt-outs in force whose radio did not confirm that it is silent.",
            Prometheus("mdms_command_radios_unsilenced"),
            warn_from=1,
        ),
        figure(
            "Breaker",
            "1 while the signer signs no open. Runbook BreakerTripped.",
            Prometheus("mdms_command_signer_breaker_tripped"),
            warn_from=1,
        ),
    ),
)

_SAFETY = Row(
    "Safety",
    (
        figure(
            "Opens asked for, last day",
            "Neither refused nor taken back. Runbook OpensFlood.",
            Prometheus("mdms_command_opens_asked"),
        ),
        figure(
            "Audit broken",
            "1 while the chain does not lead on from its last seal: `mdms audit verify`.",
            Prometheus("mdms_command_audit_broken"),
            warn_from=1,
        ),
        figure(
            "Signer",
            "1 while the daemon has a connection to it. Runbook SignerAway.",
            Prometheus("mdms_command_signer_connected"),
            warn_below=1,
        ),
        figure(
            "Commands open",
            "Waiting for an answer of a meter or of a person.",
            Prometheus("mdms_command_open"),
        ),
        figure(
            "Unknown",
            "Commands of the time shown whose outcome nobody knows.",
            Sql(
                "SELECT count(*) AS unknown_commands FROM report.control\n"
                "WHERE state = 'UNKNOWN' AND $__timeFilter(requested_at)"
            ),
            warn_from=1,
        ),
        figure(
            "Opted-out services",
            "In force now.",
            Sql(
                "SELECT count(*) AS opted_out FROM report.optout\n"
                "WHERE from_at <= $__timeTo()::timestamptz"
                " AND (ended_at IS NULL OR ended_at > $__timeTo()::timestamptz)"
            ),
        ),
    ),
)

_REFUSALS = Row(
    "Rules",
    (
        table(
            "Refusals by rule",
            "Findings against the commands of the time shown; `mdms policy ls` explains each code.",
            "SELECT code, clause, action, count(*) AS findings,\n"
            "       count(DISTINCT control_id) AS commands\n"
            "FROM report.control_refusal\n"
            "WHERE state = 'POLICY_DENIED' AND $__timeFilter(requested_at)\n"
            "GROUP BY code, clause, action ORDER BY findings DESC, code, action",
        ),
        lines(
            "Asked for",
            "Commands by what the rules said at once.",
            Prometheus(
                "sum by (action, decision) (increase(mdms_command_requests_total[1h]))",
                "{{action}} {{decision}}",
            ),
            stacked=True,
        ),
    ),
)

_TIMES = Row(
    "Time to confirm",
    (
        lines(
            "From request to verification",
            "Of switch commands, over a day. Goal: 95 % within five minutes.",
            *(
                Prometheus(
                    f"histogram_quantile({quantile},"
                    " sum by (le) (rate(mdms_command_seconds_bucket[1d])))",
                    legend,
                )
                for quantile, legend in ((0.5, "half"), (0.95, "95 %"))
            ),
            unit="s",
        ),
        table(
            "Outcomes",
            "Commands of the time shown, by the state they are in now.",
            "SELECT action, cause, state, count(*) AS commands,\n"
            "       percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_s::float8) AS half_s,\n"
            "       max(duration_s)::float8 AS slowest_s\n"
            "FROM report.control WHERE $__timeFilter(requested_at)\n"
            "GROUP BY action, cause, state ORDER BY 1, 2, 3",
        ),
        lines(
            "Signer",
            "From the question to its answer: 95 %.",
            Prometheus(
                "histogram_quantile(0.95,"
                " sum by (le) (rate(mdms_command_signer_seconds_bucket[5m])))",
                "95 %",
            ),
            unit="s",
        ),
        lines(
            "Ended",
            "Commands by how they ended, an hour each.",
            Prometheus(
                "sum by (action, state) (increase(mdms_command_ended_total[1h]))",
                "{{action}} {{state}}",
            ),
            stacked=True,
        ),
    ),
)

COMMANDS = Dashboard(
    uid="mdms-commands",
    title="Commands and safety",
    description="What was switched, what was refused, who still waits?",
    rows=(_NOW, _SAFETY, _REFUSALS, _TIMES),
    hours=24 * 7,
)
