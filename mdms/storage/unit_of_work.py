"""One transaction over all stores; the one place where psycopg's errors become ours."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from mdms.domain.errors import UnavailableError, UsageError
from mdms.ports.unit_of_work import UnitOfWork
from mdms.storage import capabilities, pool
from mdms.storage.access_log import PostgresAccessLog
from mdms.storage.aggregates import PostgresAggregates
from mdms.storage.alerts import PostgresAlerts
from mdms.storage.answers import PostgresAnswers
from mdms.storage.audit import PostgresAudit
from mdms.storage.batches import PostgresBatches
from mdms.storage.billing import PostgresBilling
from mdms.storage.billing_corrections import PostgresCorrections
from mdms.storage.board import PostgresBoard
from mdms.storage.circumstances import PostgresCircumstances
from mdms.storage.collectors import PostgresCollectors
from mdms.storage.conflicts import PostgresConflicts
from mdms.storage.controls import PostgresControls
from mdms.storage.customers import PostgresCustomers
from mdms.storage.dials import PostgresDials
from mdms.storage.dsn import limited
from mdms.storage.edits import PostgresEdits
from mdms.storage.events import PostgresEvents
from mdms.storage.exceptions import PostgresExceptions
from mdms.storage.facts import PostgresFacts
from mdms.storage.field_orders import PostgresFieldOrders
from mdms.storage.gaps import PostgresGaps
from mdms.storage.grid import PostgresGrid
from mdms.storage.grid_days import PostgresGridDays
from mdms.storage.leaks import PostgresLeaks
from mdms.storage.mass_events import PostgresMassEvents
from mdms.storage.messages import PostgresMessages
from mdms.storage.optouts import PostgresOptouts
from mdms.storage.pilot import PostgresPilot
from mdms.storage.programme import PostgresProgramme
from mdms.storage.quarantine import PostgresQuarantine
from mdms.storage.raw_messages import PostgresRawMessages
from mdms.storage.reading_imports import PostgresReadingImports
from mdms.storage.readings import PostgresReadings
from mdms.storage.registry import PostgresRegistry
from mdms.storage.self_reads import PostgresSelfReads
from mdms.storage.service_levels import PostgresServiceLevels
from mdms.storage.standing import PostgresStanding
from mdms.storage.takers import PostgresTakers
from mdms.storage.time_series import Partitions
from mdms.storage.tokens import PostgresTokens
from mdms.storage.vee import PostgresVee


class PostgresUnitOfWork:
    """`mdms.ports.UnitOfWork`: every store on one connection, inside one transaction."""

    def __init__(self, connection: AsyncConnection, partitions: Partitions) -> None:
        self.audit = PostgresAudit(connection)
        self.registry = PostgresRegistry(connection)
        self.messages = PostgresMessages(connection, partitions)
        self.takers = PostgresTakers(connection)
        self.readings = PostgresReadings(connection, partitions)
        self.reading_imports = PostgresReadingImports(connection)
        self.dials = PostgresDials(connection)
        self.mass_events = PostgresMassEvents(connection)
        self.vee = PostgresVee(connection)
        self.raw_messages = PostgresRawMessages(connection, partitions)
        self.edits = PostgresEdits(connection, partitions)
        self.exceptions = PostgresExceptions(connection)
        self.circumstances = PostgresCircumstances(connection)
        self.leaks = PostgresLeaks(connection)
        self.grid = PostgresGrid(connection)
        self.billing = PostgresBilling(connection)
        self.corrections = PostgresCorrections(connection)
        self.events = PostgresEvents(connection)
        self.gaps = PostgresGaps(connection)
        self.collectors = PostgresCollectors(connection)
        self.conflicts = PostgresConflicts(connection)
        self.quarantine = PostgresQuarantine(connection)
        self.controls = PostgresControls(connection, self.audit)
        self.batches = PostgresBatches(connection, self.controls)
        self.optouts = PostgresOptouts(connection)
        self.programme = PostgresProgramme(connection)
        self.self_reads = PostgresSelfReads(connection)
        self.facts = PostgresFacts(connection)
        self.field_orders = PostgresFieldOrders(connection)
        self.standing = PostgresStanding(connection)
        self.pilot = PostgresPilot(connection)
        self.service_levels = PostgresServiceLevels(connection)
        self.grid_days = PostgresGridDays(connection)
        self.board = PostgresBoard(connection)
        self.customers = PostgresCustomers(connection)
        self.access_log = PostgresAccessLog(connection)
        self.aggregates = PostgresAggregates(connection)
        self.alerts = PostgresAlerts(connection)
        self.answers = PostgresAnswers(connection)
        self.tokens = PostgresTokens(connection)


class Store:
    """
    Opens transactions: the store itself, or `pipelined`, is a `mdms.ports.UnitOfWorkFactory`.

    Args:
        connections: Where transactions get their connection.
        partitions: Where tables of reads keep their days.
    """

    def __init__(self, connections: AsyncConnectionPool, partitions: Partitions) -> None:
        self._connections = connections
        self._partitions = partitions

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[UnitOfWork]:
        """Open a transaction for anything."""
        async with self._transaction(pipelined=False) as work:
            yield work

    @asynccontextmanager
    async def pipelined(self) -> AsyncIterator[UnitOfWork]:
        """
        Open a transaction of many small statements: none waits for the answers of those before.

        Only who wants rows waits. What a statement did wrong is raised by a later one, or by the
        commit. Nothing can be copied in or out, so reads are neither appended nor listed.
        """
        async with self._transaction(pipelined=True) as work:
            yield work

    @asynccontextmanager
    async def _transaction(self, *, pipelined: bool) -> AsyncIterator[UnitOfWork]:
        async with AsyncExitStack() as stack:
            stack.enter_context(_errors_translated())
            connection = await stack.enter_async_context(pool.connection_of(self._connections))
            if pipelined:
                await stack.enter_async_context(connection.pipeline())
            # Begun here and now: a transaction() inside of it is a savepoint only then.
            await stack.enter_async_context(connection.transaction())
            work = PostgresUnitOfWork(connection, self._partitions)
            yield work
            await work.audit.link()


@asynccontextmanager
async def open_store(
    dsn: str, *, connections_max: int, statement_timeout_s: float
) -> AsyncIterator[Store]:
    """
    Connect to a migrated database; yield what opens transactions on it.

    Args:
        dsn: Where the database is.
        connections_max: Transactions at one time; whoever comes later waits.
        statement_timeout_s: A statement that runs longer is cancelled.

    Raises:
        UnavailableError: The database is away.
        UsageError: It has no tables yet, or the DSN cannot be read.
    """
    dsn = limited(dsn)
    partitions = Partitions(dsn, await _made_with(dsn))
    async with pool.open_pool(
        dsn, connections_max=connections_max, statement_timeout_s=statement_timeout_s
    ) as connections:
        yield Store(connections, partitions)


async def _made_with(dsn: str) -> capabilities.Capabilities:
    with _errors_translated():
        async with await AsyncConnection.connect(dsn) as connection:
            found = await capabilities.remembered(connection)
    if found is None:
        raise UsageError("the database has no tables yet: run `mdms db migrate`")
    return found


@contextmanager
def _errors_translated() -> Iterator[None]:
    """Raise UnavailableError for what time or a restart may cure; the rest is our mistake."""
    try:
        yield
    except pool.AWAY as error:
        raise UnavailableError(f"the database is away: {error}") from error
