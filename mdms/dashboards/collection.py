"""The dashboard *Collection and radio*: is everything heard, stored in time, and usable?"""

from mdms.dashboards.model import Dashboard, Kind, Panel, Prometheus, Row, Sql

_NOW = Row(
    "Now",
    (
        Panel(
            title="Broker",
            description="Whether the daemon is connected. If not: runbook BrokerDisconnected.",
            kind=Kind.STAT,
            queries=(Prometheus("mdms_ingest_broker_connected"),),
            mappings=((0, "away"), (1, "connected")),
            width=4,
            height=4,
        ),
        Panel(
            title="Lag",
            description="Age of the newest message of the batch that was committed last.",
            kind=Kind.STAT,
            queries=(Prometheus("mdms_ingest_lag_seconds"),),
            unit="s",
            warn_from=900,
            width=4,
            height=4,
        ),
        Panel(
            title="Waiting to be stored",
            description="Messages taken from the broker and not acknowledged yet.",
            kind=Kind.STAT,
            queries=(Prometheus("mdms_ingest_pending_messages"),),
            warn_from=4000,
            width=4,
            height=4,
        ),
        Panel(
            title="Silent meters",
            description="Meters that should be heard and sent no register for a day; battery meters"
            " report every few hours.",
            kind=Kind.STAT,
            queries=(
                Sql(
                    "SELECT count(*) AS silent_meters FROM report.meter_heard\n"
                    "WHERE coalesce(last_register_utc, installed_at)"
                    " < $__timeTo()::timestamptz - interval '1 day'"
                ),
            ),
            warn_from=1,
            width=4,
            height=4,
        ),
        Panel(
            title="Dead letters, last hour",
            description="Messages and frames that could not be used.",
            kind=Kind.STAT,
            queries=(Prometheus("sum(increase(mdms_ingest_rejected_total[1h]))"),),
            warn_from=1,
            width=4,
            height=4,
        ),
        Panel(
            title="Batches missing",
            description="Holes in collectors' numbers that are being asked for.",
            kind=Kind.STAT,
            queries=(
                Sql("SELECT count(*) AS holes FROM report.sequence_hole WHERE lost_at IS NULL"),
            ),
            warn_from=1,
            width=4,
            height=4,
        ),
    ),
)

_COMPLETENESS = Row(
    "Completeness",
    (
        Panel(
            title="Read rate by day",
            description="Of the expected intervals, after 72 hours: as meters sent them, and with"
            " what was asked for again.",
            kind=Kind.TIME_SERIES,
            queries=(
                Sql(
                    "SELECT local_day::timestamp AT TIME ZONE 'UTC' AS time,\n"
                    "       commodity || ', ' || what.metric AS metric, what.value\n"
                    "FROM report.service_level,\n"
                    "     LATERAL (VALUES ('as sent', uplink_ratio),\n"
                    "                     ('with backfill', received_ratio)) what (metric, value)\n"
                    "WHERE mark = 'settled'\n"
                    "  AND $__timeFilter(local_day::timestamp AT TIME ZONE 'UTC')\n"
                    "ORDER BY 1, 2"
                ),
            ),
            unit="percentunit",
            width=24,
        ),
        Panel(
            title="Silent meters",
            description="The longest silent first; channel_id is the meter's lowest.",
            kind=Kind.TABLE,
            queries=(
                Sql(
                    "SELECT channel_id, commodity, service_class, feeder_id, transformer_id,\n"
                    "       last_register_utc\n"
                    "FROM report.meter_heard\n"
                    "WHERE coalesce(last_register_utc, installed_at)"
                    " < $__timeTo()::timestamptz - interval '1 day'\n"
                    "ORDER BY last_register_utc NULLS FIRST, channel_id LIMIT 100"
                ),
            ),
        ),
        Panel(
            title="Collectors",
            description="How late each collector's newest batch came, and how far it lies behind.",
            kind=Kind.TABLE,
            queries=(
                Sql(
                    "SELECT name, batch_at, lag_s::float8 AS lag_s, behind_s::float8 AS behind_s\n"
                    "FROM report.collector ORDER BY behind_s DESC NULLS FIRST, name"
                ),
            ),
        ),
        Panel(
            title="What collectors say of themselves",
            description="Their newest state: since when they are there or not, and their clocks.",
            kind=Kind.TABLE,
            queries=(
                Sql(
                    "SELECT name, online, reason, changed_at, clock_offset_ms, buffered,\n"
                    "       temperature_c\n"
                    "FROM report.collector_state ORDER BY online NULLS FIRST, name"
                ),
            ),
        ),
        Panel(
            title="Batches that are missing",
            description="Holes in collectors' numbers: being asked for again, or lost.",
            kind=Kind.TABLE,
            queries=(
                Sql(
                    "SELECT name, first_seq, last_seq, from_utc, to_utc, asked_count, lost_at\n"
                    "FROM report.sequence_hole ORDER BY from_utc DESC, name LIMIT 100"
                ),
            ),
        ),
    ),
)

_FLOW = Row(
    "Flow",
    (
        Panel(
            title="Messages",
            description="Taken from the broker and stored, by kind.",
            kind=Kind.TIME_SERIES,
            queries=(
                Prometheus("sum by (kind) (rate(mdms_ingest_messages_total[5m]))", "{{kind}}"),
            ),
            unit="ops",
        ),
        Panel(
            title="Interval reads",
            description="Stored for the first time, and copies of known ones: about six to one.",
            kind=Kind.TIME_SERIES,
            queries=(
                Prometheus("sum(rate(mdms_ingest_intervals_total[5m]))", "stored"),
                Prometheus("sum(rate(mdms_ingest_duplicates_total[5m]))", "copies"),
            ),
            unit="ops",
        ),
        Panel(
            title="Lag",
            description="Age of the newest message of each batch when it was committed.",
            kind=Kind.TIME_SERIES,
            queries=(Prometheus("mdms_ingest_lag_seconds", "lag"),),
            unit="s",
        ),
        Panel(
            title="Duration of a commit",
            description="From the start of the transaction of a batch to its commit.",
            kind=Kind.TIME_SERIES,
            queries=tuple(
                Prometheus(
                    f"histogram_quantile({quantile},"
                    " sum by (le) (rate(mdms_ingest_commit_seconds_bucket[5m])))",
                    legend,
                )
                for quantile, legend in ((0.5, "half"), (0.95, "95 %"))
            ),
            unit="s",
        ),
    ),
)

_UNUSABLE = Row(
    "Events and dead letters",
    (
        Panel(
            title="Events of meters",
            description="By code (headend.md 2.6), an hour each.",
            kind=Kind.TIME_SERIES,
            queries=(
                Sql(
                    "SELECT hour_utc AS time, code::text AS metric,\n"
                    "       sum(event_count)::bigint AS value\n"
                    "FROM report.event_hour WHERE $__timeFilter(hour_utc)\n"
                    "GROUP BY 1, 2 ORDER BY 1, 2"
                ),
            ),
            stacked=True,
        ),
        Panel(
            title="Dead letters by reason",
            description="docs/reference/dead-letters.md says what each reason means.",
            kind=Kind.TIME_SERIES,
            queries=(
                Prometheus(
                    "topk(8, sum by (reason) (increase(mdms_ingest_rejected_total[1h])))",
                    "{{reason}}",
                ),
            ),
        ),
        Panel(
            title="Dead letters kept, by hour",
            description="As they are in the database, for replay.",
            kind=Kind.TIME_SERIES,
            queries=(
                Sql(
                    "SELECT hour_utc AS time, reason AS metric, dead_letter_count AS value\n"
                    "FROM report.dead_letter_hour\n"
                    "WHERE $__timeFilter(hour_utc) ORDER BY 1, 2"
                ),
            ),
        ),
    ),
)

COLLECTION = Dashboard(
    uid="mdms-collection",
    title="Collection and radio",
    description="Is everything heard, stored in time, and usable?",
    rows=(_NOW, _COMPLETENESS, _FLOW, _UNUSABLE),
    hours=24 * 7,
)
