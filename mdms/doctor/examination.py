"""Every check in the order in which a set-up is made; none needs a running daemon."""

from collections.abc import AsyncIterator
from pathlib import Path

from mdms.doctor.broker import check_broker
from mdms.doctor.daemon import check_daemon
from mdms.doctor.database import check_database
from mdms.doctor.disk import check_disks
from mdms.doctor.findings import Finding, Level, ok, problem, warning
from mdms.doctor.keys import check_keys
from mdms.doctor.signer import check_signer
from mdms.domain.errors import UsageError
from mdms.ports.clock import Clock
from mdms.settings import Settings


async def examine_set_up(config: Path | None, clock: Clock) -> AsyncIterator[Finding]:
    """
    Yield what each check found, as it is found.

    Args:
        config: Settings file; None for the defaults and the environment.
        clock: Real time, which the database's is compared with.
    """
    try:
        settings = Settings.load(config)
    except UsageError as error:
        yield problem("settings", f"{error}; config/mdms.toml explains every key")
        return
    yield (
        ok("settings", f"{config} is understood")
        if config
        else warning("settings", "no file is named: these are the defaults and the environment")
    )
    for finding in check_keys(settings):
        yield finding
    for finding in await check_database(settings, clock):
        yield finding
    broker = await check_broker(settings)
    for finding in broker:
        yield finding
    broker_answers = broker[0].level is Level.OK
    for finding in await check_daemon(settings, clock, broker_answers=broker_answers):
        yield finding
    for finding in await check_signer(settings, clock):
        yield finding
    for finding in await check_disks(settings):
        yield finding
