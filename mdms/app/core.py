"""What the parts of one daemon share: settings, clock, store, VEE, and who judges commands."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from commands.judgement import Judge
from commands.signing.client import SocketSigner
from ingest.followed import FollowedClock
from ingest.late import VeeHorizon
from mdms.app.clock import SystemClock
from mdms.app.rules import read_book, read_grid_rules, read_judge, read_leak_rules
from mdms.ports.clock import Clock
from mdms.services.customer_rules import CustomerBook
from mdms.services.vee_run import VeeService
from mdms.settings import Settings, config_dir
from mdms.storage.unit_of_work import Store, open_store
from vee.grid.rules import GridRules
from vee.leaks.rules import LeakRules
from vee.rules import RuleSet


@dataclass(frozen=True, slots=True)
class Core:
    """One of each, for every part."""

    settings: Settings
    clock: Clock
    unit_of_work: Store
    horizon: VeeHorizon
    vee: VeeService
    rules: RuleSet
    """What the installation ships with to judge reads by."""
    judge: Judge
    book: CustomerBook
    leak_rules: LeakRules
    grid_rules: GridRules
    signer: SocketSigner | None
    """None where no socket is named: then nothing is signed."""


@asynccontextmanager
async def open_core(settings: Settings) -> AsyncIterator[Core]:
    """
    Connect to the database; yield what parts share.

    Raises:
        UnavailableError: The database is not there.
        OperatorError: A file of rules cannot be used.
    """
    clock = FollowedClock() if settings.clock.source == "simulation" else SystemClock()
    judge, book = read_judge(settings), read_book(settings)
    rules = RuleSet.load(config_dir() / "vee" / f"{settings.vee.ruleset}.toml")
    leak_rules, grid_rules = read_leak_rules(), read_grid_rules()
    async with open_store(
        settings.database.dsn.get_secret_value(),
        connections_max=settings.database.connections_max,
        statement_timeout_s=settings.database.statement_timeout_s,
    ) as unit_of_work:
        async with unit_of_work() as work:
            horizon = VeeHorizon(settings.zone, await work.vee.horizon())
        vee = VeeService(unit_of_work, clock, rules, settings.zone, book=book)
        socket = settings.signer.socket
        signer = SocketSigner(Path(socket), clock) if socket else None
        try:
            yield Core(
                settings,
                clock,
                unit_of_work,
                horizon,
                vee,
                rules,
                judge,
                book,
                leak_rules,
                grid_rules,
                signer,
            )
        finally:
            if signer is not None:
                await signer.close()
