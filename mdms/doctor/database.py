"""Checks of the database: there, migrated, allowed, in time, and with a registry in it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from mdms.doctor.findings import Finding, Level, ok, problem, warning
from mdms.domain.errors import OperatorError, UnavailableError, UsageError
from mdms.ports.clock import Clock
from mdms.settings import Settings
from mdms.storage import migrate, roles
from mdms.storage.diagnosis import Diagnosis, LineFacts, examine

CLOCK_OFF_MAX = timedelta(seconds=5)
"""Reads stamped more than five minutes ahead are refused; a tenth of that is no clock yet."""
SILENT_MAX = timedelta(hours=1)
"""A collector sends a batch at least every 15 minutes."""
_NAMED_MAX = 3


async def check_database(settings: Settings, clock: Clock) -> list[Finding]:
    """Return what is wrong with the database; where one check fails, later ones are left out."""
    dsn = settings.database.dsn.get_secret_value()
    try:
        async with examine(dsn) as diagnosis:
            version, user = await diagnosis.server_and_user()
            findings = [
                ok("database", f"PostgreSQL {version} answers, and lets {user} in"),
                await _clock(diagnosis, clock),
            ]
            tables = await _tables(dsn, diagnosis)
            findings.append(tables)
            if tables.level is Level.PROBLEM:
                return findings
            rights = await _rights(diagnosis, user)
            findings += [rights, await _timescale(diagnosis)]
            if rights.level is not Level.PROBLEM:
                simulated = settings.clock.source == "simulation"
                findings += _line(await diagnosis.line(), None if simulated else clock.now())
            return findings
    except UsageError as error:
        return [problem("database", str(error))]
    except UnavailableError as error:
        cure = "is it running, and does [database] dsn name it, its user and its password?"
        return [problem("database", f"the database does not let us in: {error}; {cure}")]


async def _clock(diagnosis: Diagnosis, clock: Clock) -> Finding:
    before = clock.now()
    server = await diagnosis.server_time()
    after = clock.now()
    if before - CLOCK_OFF_MAX <= server <= after + CLOCK_OFF_MAX:
        return ok("clock", "this machine and the database's agree on the time")
    off_s = (server - after).total_seconds()
    side = "ahead of" if off_s > 0 else "behind"
    return problem(
        "clock",
        f"the database's machine is {abs(off_s):.0f} s {side} this one: reads would be refused or "
        "judged on the wrong day; run an NTP client (chrony, systemd-timesyncd) on both",
    )


async def _tables(dsn: str, diagnosis: Diagnosis) -> Finding:
    if not await diagnosis.sees_migrations():
        return problem(
            "tables",
            "the user may not read table migration, so it is not the tables' owner: "
            f"name {roles.DAEMON} in [database] dsn",
        )
    try:
        states = await migrate.status(dsn)
    except OperatorError as error:
        return problem("tables", f"{error}")
    pending = [str(state.migration) for state in states if state.applied_at is None]
    if len(pending) == len(states):
        return problem("tables", "the database has no tables yet: run `mdms db migrate`")
    if pending:
        return problem("tables", f"{', '.join(pending)} is pending: run `mdms db migrate`")
    return ok("tables", f"all {len(states)} migrations have been applied")


async def _rights(diagnosis: Diagnosis, user: str) -> Finding:
    lacking = await diagnosis.lacking_rights()
    if lacking:
        table, right = lacking[0]
        others = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        return problem(
            "rights",
            f"{user} lacks {right} on table {table}{others}: "
            f"name {roles.DAEMON} in [database] dsn, or a user to whom that role was granted",
        )
    if await diagnosis.reaches_signer():
        return warning(
            "rights",
            f"{user} may do what the daemon does, and reach the signer's counters too: "
            f"name {roles.DAEMON} in [database] dsn, which may not",
        )
    return ok("rights", f"{user} may do what the daemon does, and no more")


async def _timescale(diagnosis: Diagnosis) -> Finding:
    facts = await diagnosis.timescale()
    if facts.used_version:
        return ok("timescaledb", f"time series are hypertables (TimescaleDB {facts.used_version})")
    if facts.offered_version:
        return ok(
            "timescaledb",
            f"the server offers TimescaleDB {facts.offered_version}, but the tables were made "
            "without it and stay native partitions; that works, with more disk",
        )
    return ok("timescaledb", "not on this server: time series are native partitions")


def _line(facts: LineFacts, now: datetime | None) -> list[Finding]:
    """
    Judge who is registered and who is heard.

    Args:
        facts: What the database knows.
        now: The time; None where it is simulated, then the newest message counts as now.
    """
    if not facts.meter_count or not facts.collector_count:
        lacking = "meters" if not facts.meter_count else "collectors"
        return [
            problem(
                "registry",
                f"there are no {lacking}, so every read would become a dead letter: "
                "run `mdms registry import DIR`",
            )
        ]
    counted = f"{facts.meter_count} meters and {facts.collector_count} collectors are registered"
    return [ok("registry", counted), _collectors(facts, now)]


def _collectors(facts: LineFacts, now: datetime | None) -> Finding:
    if not facts.last_heard:
        return problem(
            "collectors",
            "no collector has ever reported: compare [utility] code with the topics they publish "
            "to, and look for their refused connections in the broker's log",
        )
    instant = now or max(at for _, at in facts.last_heard)
    silent = [who for who, at in facts.last_heard if instant - at > SILENT_MAX]
    complaints = []
    if facts.never_heard:
        complaints.append(f"{_named(facts.never_heard)} never reported")
    if silent:
        complaints.append(f"{_named(silent)} has been silent for more than an hour")
    if not complaints:
        return ok("collectors", f"all {facts.collector_count} have reported within the hour")
    sentence = (
        f"collector {' and '.join(complaints)}: check its power, backhaul and certificate, "
        "then the broker's log"
    )
    all_silent = len(silent) == len(facts.last_heard)
    return problem("collectors", sentence) if all_silent else warning("collectors", sentence)


def _named(collectors: Sequence[int]) -> str:
    named = ", ".join(str(each) for each in collectors[:_NAMED_MAX])
    more = len(collectors) - _NAMED_MAX
    return f"{named} and {more} more" if more > 0 else named
