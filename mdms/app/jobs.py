"""What is done every day, and at which local time."""

from datetime import time

from ingest.proof import NightlyProof
from ingest.replay import Replay
from mdms.app.core import Core
from mdms.app.keys import read_tags
from mdms.services.alert_calendar import AlertCalendar
from mdms.services.alert_night import AlertNight
from mdms.services.billing_night import BillingNight
from mdms.services.grid import GridService
from mdms.services.grid_days import GridDays
from mdms.services.leak_night import LeakNight
from mdms.services.optout_days import OptoutDays
from mdms.services.optouts import OptoutService
from mdms.services.retention import RetentionService
from mdms.services.schedule import DailyJob
from mdms.services.self_read_months import SelfReadMonths
from mdms.services.service_levels import ServiceLevelService
from mdms.services.transformers import TransformerService

_OPTOUTS_AT = time(0, 10)
"""The first of a month owes its fee, and forms that were due yesterday are late."""
_RETENTION_AT = time(1)
"""When few people read and no job is due."""
_PROOF_AT = time(3)
"""When yesterday has come, and its night of VEE has not begun."""
_MORNING = time(6)
"""By then a day must have come (vee.md 9.1), and people look at boards."""


def daily_jobs(core: Core) -> list[DailyJob]:
    """Return the day's work in the order in which it is due."""
    store, clock, zone = core.unit_of_work, core.clock, core.settings.zone
    optouts = OptoutDays(store, clock, core.book, OptoutService(store, clock, core.book))
    months = SelfReadMonths(store, clock, core.book)
    leaks = LeakNight(store, clock, core.leak_rules, zone)
    alerts = AlertNight(store, clock, core.book)
    calendar = AlertCalendar(store, clock, core.book, months)
    bills = BillingNight(store, clock, core.book, core.rules)

    tags = read_tags(core.settings.ingest)
    proof = NightlyProof(Replay(store, clock, core.horizon, tags=tags), clock, zone)
    retention = RetentionService(store, clock, core.book, on_hold=core.settings.retention.hold)

    async def night() -> None:
        await core.vee.nightly()
        await bills.run()  # that the same reads may have overtaken
        await leaks.run()  # on what VEE believes
        await alerts.run()  # of the leaks, and of days that customers want to know of
        await calendar.run()

    return [
        DailyJob("optouts", _OPTOUTS_AT, optouts.run),
        DailyJob("self_reads", _OPTOUTS_AT, months.run),
        DailyJob("retention", _RETENTION_AT, retention.run),
        DailyJob("proof", _PROOF_AT, proof.run),
        DailyJob("vee", core.settings.vee.nightly_at, night),
        DailyJob("service_levels", _MORNING, service_levels(core).run),
        DailyJob("grid_days", _MORNING, grid_days(core).run),
    ]


def service_levels(core: Core) -> ServiceLevelService:
    """Return what measures how much of a day had come."""
    return ServiceLevelService(core.unit_of_work, core.clock, core.settings.zone)


def grid_days(core: Core) -> GridDays:
    """Return what keeps outages and loads."""
    store, clock, zone = core.unit_of_work, core.clock, core.settings.zone
    return GridDays(
        store,
        clock,
        zone,
        GridService(store, clock, zone, core.grid_rules),
        TransformerService(store, zone, core.rules.voltage, core.grid_rules),
    )
