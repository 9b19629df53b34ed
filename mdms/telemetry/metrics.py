"""
Every metric: name, help, labels, buckets. Base units, closed label sets, never a meter id.

`docs/reference/metrics.md` describes each; a test compares the two.
"""

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

from mdms.domain.errors import RejectReason

# A series more for each counter, which nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call] # prometheus_client's

INGEST_MESSAGES = Counter(
    "mdms_ingest_messages_total", "Messages taken from the broker, by kind.", ["kind"]
)
INGEST_FRAMES = Counter("mdms_ingest_frames_total", "Frames decoded.")
INGEST_INTERVALS = Counter("mdms_ingest_intervals_total", "Interval reads stored.")
INGEST_LATE = Counter(
    "mdms_ingest_late_intervals_total", "Interval reads stored over 72 hours after they began."
)
INGEST_REGISTERS = Counter("mdms_ingest_registers_total", "Register reads stored.")
INGEST_DUPLICATES = Counter(
    "mdms_ingest_duplicates_total", "Copies of interval reads that were already known."
)
INGEST_CONFLICTS = Counter(
    "mdms_ingest_conflicts_total", "Raw values that differ from the stored raw value."
)
INGEST_EVENTS = Counter("mdms_ingest_events_total", "Events of meters and collectors stored.")
INGEST_HOLES = Counter(
    "mdms_ingest_holes_total", "Holes found in collectors' batch numbers, at most 1,000 each."
)
INGEST_BATCHES_LOST = Counter(
    "mdms_ingest_batches_lost_total", "Missing batches that were given up."
)
INGEST_RESETS = Counter(
    "mdms_ingest_collector_resets_total", "Collectors that lost their count and began anew."
)
INGEST_TAKEOVERS = Counter(
    "mdms_ingest_collector_takeovers_total",
    "Starts of collectors that were over and spoke again.",
)
INGEST_MISDATED = Counter(
    "mdms_ingest_batches_misdated_total",
    "Batches whose collector's clock could not be believed; they got the time of reception.",
)
INGEST_COLLECTORS = Gauge(
    "mdms_ingest_collectors", "Registered collectors, by how they are.", ["condition"]
)
INGEST_CLOCKS_OFF = Gauge(
    "mdms_ingest_collector_clocks_off",
    "Collectors that think that their clock is more than half a second off.",
)
INGEST_BACKFILLS = Counter("mdms_ingest_backfill_requests_total", "Requests for missing batches.")
INGEST_REJECTED = Counter(
    "mdms_ingest_rejected_total", "Messages and frames kept as dead letters.", ["reason"]
)
INGEST_SHED = Counter(
    "mdms_ingest_shed_total",
    "What was beyond a quota: frames, events, letters; messages of QoS 0 beyond what may wait.",
    ["kind"],
)
for _kind in ("frame", "event", "letter", "message"):  # from 0, for the same reason as below
    INGEST_SHED.labels(kind=_kind)
for _reason in RejectReason:  # from 0, or Prometheus would not see the first of a kind as a rise
    INGEST_REJECTED.labels(reason=_reason)
INGEST_QUARANTINED = Gauge(
    "mdms_ingest_quarantined",
    "Dead letters that wait until the registry knows who sent them.",
)
INGEST_REPLAYED = Counter(
    "mdms_ingest_replayed_total", "Dead letters that were read again and stored."
)
INGEST_PROVED = Gauge(
    "mdms_ingest_acknowledged_checked_reads",
    "Reads of acknowledged messages that the newest nightly proof looked for.",
)
INGEST_UNPROVED = Gauge(
    "mdms_ingest_acknowledged_missing_reads", "Of these, reads that are not stored."
)
INGEST_COMMIT_SECONDS = Histogram(
    "mdms_ingest_commit_seconds",
    "From the start of the transaction of a batch to its commit.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
INGEST_LAST_COMMIT = Gauge(
    "mdms_ingest_last_commit_timestamp_seconds", "When a batch was last committed."
)
INGEST_PENDING = Gauge(
    "mdms_ingest_pending_messages", "Messages taken from the broker and not acknowledged yet."
)
INGEST_LAG = Gauge(
    "mdms_ingest_lag_seconds", "Age of the newest message of the batch that was committed last."
)
INGEST_CONNECTIONS = Counter(
    "mdms_ingest_broker_connections_total", "Connections to the broker that were made."
)
INGEST_CONNECTED = Gauge("mdms_ingest_broker_connected", "1 while connected to the broker.")
INGEST_STANDBY = Gauge(
    "mdms_ingest_standby", "1 while another process takes reads, and this one stands by."
)

VEE_RUNS = Counter("mdms_vee_runs_total", "Runs of the VEE engine.")
VEE_CHANNEL_DAYS = Counter("mdms_vee_channel_days_total", "Channel-days judged.")
VEE_INTERVALS = Counter(
    "mdms_vee_intervals_total", "Intervals judged, by what became of them.", ["outcome"]
)
VEE_EXCEPTIONS_OPEN = Gauge("mdms_vee_exceptions_open", "Exceptions waiting for a person.")
VEE_USAGE_WHILE_OPEN = Counter(
    "mdms_vee_usage_while_open_total", "Meter-days on which a service that is off was used."
)
VEE_MASS_EVENT_METERS = Gauge(
    "mdms_vee_mass_event_meters",
    "Meters silent on the worst day on which it is one incident; 0 when none goes on.",
)
VEE_RUN_SECONDS = Histogram(
    "mdms_vee_run_seconds",
    "Duration of a run of the VEE engine, load to commit.",
    buckets=(0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600),
)
VEE_LAST_RUN = Gauge(
    "mdms_vee_last_run_timestamp_seconds", "When the last run of the VEE engine was committed."
)

VEE_RECEIVED_RATIO = Gauge(
    "mdms_vee_received_ratio",
    "Intervals received over expected ones, of the newest day at its mark.",
    ["commodity", "mark"],
)
VEE_ESTIMATED_RATIO = Gauge(
    "mdms_vee_estimated_ratio",
    "Intervals estimated over expected ones, of the newest day at its mark.",
    ["commodity", "mark"],
)
VEE_MEASURED_DAY = Gauge(
    "mdms_vee_measured_day_end_timestamp_seconds", "When the newest measured day ended.", ["mark"]
)

VEE_LEAKS_OPEN = Gauge("mdms_vee_leaks_open", "Open cases of leaks, by state.", ["state"])
VEE_LEAK_NOTICES = Counter(
    "mdms_vee_leak_notices_total", "Notices of leaks that became due, by what is told.", ["notice"]
)

SCHEDULE_DUE = Gauge(
    "mdms_schedule_due_timestamp_seconds", "When a daily task was due last.", ["task"]
)
SCHEDULE_DONE = Gauge(
    "mdms_schedule_done_timestamp_seconds", "When a daily task was done last.", ["task"]
)

BILLING_FROZEN = Counter("mdms_billing_determinants_total", "Determinants frozen.")
BILLING_BLOCKED = Gauge(
    "mdms_billing_blocked", "Channels left out when the newest window was frozen."
)

COMMAND_REQUESTS = Counter(
    "mdms_command_requests_total",
    "Commands asked for, by what the rules said.",
    ["action", "decision"],
)
TOKENS_BOTH_SIDES = Counter(
    "mdms_tokens_both_sides_total",
    "Times that one person had made, within a day, a token that asks and one that approves.",
)
COMMAND_SENT = Counter(
    "mdms_command_sent_total", "Envelopes handed to collectors, repeats included.", ["action"]
)
COMMAND_ANSWERS = Counter(
    "mdms_command_answers_total",
    "Answers read: a meter's, a collector's, and those that were refused.",
    ["kind"],
)
COMMAND_ENDED = Counter(
    "mdms_command_ended_total", "Commands that came to an end, by how.", ["action", "state"]
)
COMMAND_OPENS_ASKED = Gauge(
    "mdms_command_opens_asked",
    "Opens asked for in the last 24 hours that stand: neither refused nor taken back.",
)
COMMAND_OPENS_FLOOD = Gauge(
    "mdms_command_opens_flood", "1 while these are more than the budget of a day lets through."
)
COMMAND_OPEN = Gauge("mdms_command_open", "Commands that wait for someone's answer.")
COMMAND_FIELD_ORDERS = Counter(
    "mdms_command_field_orders_total", "Field orders opened, by what for.", ["reason"]
)
COMMAND_RECONNECTS_WAITING = Gauge(
    "mdms_command_reconnects_waiting",
    "Homes that have met every condition and are not verified to have their supply back.",
)
COMMAND_RECONNECTS_LATE = Gauge(
    "mdms_command_reconnects_late", "Of these, homes that have waited longer than the alarm allows."
)
COMMAND_RECONNECTS_OVERDUE = Gauge(
    "mdms_command_reconnects_overdue", "Of these, homes past the deadline of one business day."
)
COMMAND_RADIOS_UNSILENCED = Gauge(
    "mdms_command_radios_unsilenced",
    "Opt-outs in force whose radio is not known to be off.",
)
COMMAND_SECONDS = Histogram(
    "mdms_command_seconds",
    "From the request of a switch command to its verification.",
    buckets=(1, 5, 10, 20, 30, 60, 120, 300, 900, 3600),
)
COMMAND_RADIO_VIOLATIONS = Counter(
    "mdms_command_radio_off_violations_total", "Radios heard that must be silent."
)
COMMAND_SIGNER_REQUESTS = Counter(
    "mdms_command_signer_requests_total",
    "Requests to the signer, by what it answered.",
    ["request", "answer"],
)
for _request in ("sign", "verify", "breaker", "release"):  # from 0, for the same reason as above
    COMMAND_SIGNER_REQUESTS.labels(request=_request, answer="none")
COMMAND_SIGNER_SECONDS = Histogram(
    "mdms_command_signer_seconds",
    "From asking the signer to its answer.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
COMMAND_SIGNER_CONNECTED = Gauge(
    "mdms_command_signer_connected", "1 while the daemon has a connection to the signer."
)
COMMAND_SIGNER_TRIPPED = Gauge(
    "mdms_command_signer_breaker_tripped", "1 while the breaker stands against every open."
)
COMMAND_SIGNER_TRIPS = Counter(
    "mdms_command_signer_trips_total", "How often a spent budget tripped the breaker."
)

COMMAND_AUDIT_BROKEN = Gauge(
    "mdms_command_audit_broken", "1 while the audit does not lead on from its last seal."
)

ALERTS = Counter("mdms_alerts_total", "Alerts to customers, by what became of them.", ["outcome"])

DISK_FREE = Gauge("mdms_disk_free_bytes", "What is left for us, by disk.", ["disk"])
DISK_SIZE = Gauge("mdms_disk_size_bytes", "How large that disk is.", ["disk"])
DATABASE_SIZE = Gauge("mdms_database_size_bytes", "The whole database, indexes included.")

API_REQUESTS = Counter(
    "mdms_api_requests_total", "Requests answered, by method and status class.", ["method", "code"]
)
API_SECONDS = Histogram("mdms_api_request_seconds", "Duration of a request.")
