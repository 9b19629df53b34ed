"""The dashboard *Platform*: is the machinery well?"""

from mdms.dashboards.model import Dashboard, Prometheus, Row, Sql
from mdms.dashboards.parts import figure, lines

_NOW = Row(
    "Now",
    (
        figure(
            "Daemon up since",
            "A short time means a restart.",
            Prometheus('time() - process_start_time_seconds{job="mdms"}'),
            unit="s",
        ),
        figure(
            "Memory",
            "Resident, of the daemon.",
            Prometheus('process_resident_memory_bytes{job="mdms"}'),
            unit="bytes",
            warn_from=2 * 2**30,
        ),
        figure(
            "Waiting to be stored",
            "Messages taken from the broker and not acknowledged yet.",
            Prometheus("mdms_ingest_pending_messages"),
            warn_from=4000,
        ),
        figure(
            "Database",
            "All of it, indexes included.",
            Sql("SELECT database_bytes FROM report.storage"),
            unit="bytes",
        ),
        figure(
            "API: answered in",
            "95 % of the requests of an hour.",
            Prometheus(
                "histogram_quantile(0.95, sum by (le) (rate(mdms_api_request_seconds_bucket[1h])))"
            ),
            unit="s",
            warn_from=1,
        ),
        figure(
            "API: our failures, last hour",
            "Requests answered with 5xx.",
            Prometheus('sum(increase(mdms_api_requests_total{code="5xx"}[1h])) or vector(0)'),
            warn_from=1,
        ),
    ),
)

_FLOW = Row(
    "Load",
    (
        lines(
            "Processor",
            "Cores in use by the daemon.",
            Prometheus('rate(process_cpu_seconds_total{job="mdms"}[5m])', "cores"),
        ),
        lines(
            "Memory",
            "Resident and virtual.",
            Prometheus('process_resident_memory_bytes{job="mdms"}', "resident"),
            unit="bytes",
        ),
        lines(
            "Duration of a commit",
            "From the start of the transaction of a batch to its commit.",
            *(
                Prometheus(
                    f"histogram_quantile({quantile},"
                    " sum by (le) (rate(mdms_ingest_commit_seconds_bucket[5m])))",
                    legend,
                )
                for quantile, legend in ((0.5, "half"), (0.95, "95 %"))
            ),
            unit="s",
        ),
        lines(
            "Requests",
            "By method and class of status.",
            Prometheus(
                "sum by (method, code) (rate(mdms_api_requests_total[5m]))", "{{method}} {{code}}"
            ),
            unit="reqps",
        ),
        lines(
            "Free on disks",
            "Share of exports' disk, of the database's volume, of what the database may grow to.",
            Prometheus("mdms_disk_free_bytes / mdms_disk_size_bytes", "{{disk}}"),
            unit="percentunit",
        ),
        lines(
            "Open files",
            "Of the daemon, and how many it may have.",
            Prometheus('process_open_fds{job="mdms"}', "open"),
            Prometheus('process_max_fds{job="mdms"}', "at most"),
        ),
        lines(
            "Broker",
            "Connections made: more than one a day is worth a look.",
            Prometheus("increase(mdms_ingest_broker_connections_total[1h])", "connections"),
        ),
    ),
)

PLATFORM = Dashboard(
    uid="mdms-platform",
    title="Platform",
    description="Is the machinery well?",
    rows=(_NOW, _FLOW),
    hours=24,
)
