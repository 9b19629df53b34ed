"""
One process on one event loop: ingest, nightly VEE, commands, REST.

It ends in order: ingest finishes the batch in hand and acknowledges nothing that it did not store,
the API answers what it has begun, then connections are given back.
"""

import gc
import socket
import sys
from contextlib import AsyncExitStack
from functools import partial
from importlib import import_module

import structlog

from ingest.followed import FollowedClock
from mdms.app.alerts import alert_delivery, deliver_alerts_forever
from mdms.app.clock import SystemClock
from mdms.app.core import Core, open_core
from mdms.app.disks import watch_disks
from mdms.app.ingest import Line, start_ingest
from mdms.app.jobs import grid_days
from mdms.app.service_manager import ServiceManager
from mdms.app.tasks import Tasks, ended_in_order, on_signal
from mdms.app.timers import (
    Nightly,
    ask_after_the_signer_forever,
    look_for_outages_forever,
)
from mdms.domain.errors import OperatorError
from mdms.settings import ApiSettings, Settings

log = structlog.get_logger()

PARTS = frozenset({"ingest", "vee", "commands", "api"})

TURN_S = 0.0005
"""
For so long a thread of ingest may keep the interpreter from the event loop; Python's own 5 ms come
again at each of the hundred turns that a command takes.
"""


async def serve(settings: Settings, parts: frozenset[str] = PARTS) -> None:
    """
    Run the daemon until SIGTERM or SIGINT.

    Raises:
        UnavailableError: Database or broker are not there at the start.
        OperatorError: The settings cannot be carried out.
    """
    if "commands" in parts and "ingest" not in parts:
        raise OperatorError("commands go out by the connection of ingest: name both in --only")
    sys.setswitchinterval(TURN_S)
    stop, manager = on_signal(), ServiceManager.of()
    async with AsyncExitStack() as stack:
        # Before the broker: that ends the session of a daemon that runs for one of its name.
        listener: socket.socket | None = None
        if "api" in parts:
            listener = stack.enter_context(_listen(settings.api))
            import_module("mdms.app.api")  # a third of a start: who only takes reads does without
        core = await stack.enter_async_context(open_core(settings))
        tasks = await stack.enter_async_context(ended_in_order())
        nightly = Nightly(core) if "vee" in parts else None
        begin = partial(_begin_by_the_clock, core, nightly)
        line: Line | None = None
        if "ingest" in parts:
            line = await start_ingest(
                core, tasks, nightly, begin, with_commands="commands" in parts
            )
        else:
            begin(tasks)
        await watch_disks(core, tasks)
        if listener is not None:
            from mdms.app.api import start_api  # noqa: PLC0415 - loaded above, if at all

            start_api(core, tasks, line, listener)
        # What is loaded by now stays: the collector need not look through it again and again.
        gc.collect()
        gc.freeze()
        if manager.watchdog_s is not None:
            tasks.start(manager.watched(SystemClock()))
        manager.ready()
        log.info("daemon.started", parts=sorted(parts))
        await tasks.until(stop)
        manager.stopping()
        log.info("daemon.stopping")


def _begin_by_the_clock(core: Core, nightly: Nightly | None, tasks: Tasks) -> None:
    """Begin what is done by the time of day; a followed clock's steps have it done themselves."""
    if isinstance(core.clock, FollowedClock):
        return
    if nightly is not None:
        tasks.start(nightly.forever())
        tasks.start(look_for_outages_forever(grid_days(core), core.clock))
        alerts = core.settings.alerts
        if alerts.webhook:
            tasks.start(deliver_alerts_forever(alert_delivery(core, alerts), core.clock))
    if core.signer is not None:
        tasks.start(ask_after_the_signer_forever(core.signer.standing_trip, core.clock))


def _listen(settings: ApiSettings) -> socket.socket:
    """
    Return what callers connect to; they wait until `start_api` answers.

    Raises:
        OperatorError: Another process has the port, such as a daemon that runs already.
    """
    try:
        return socket.create_server((settings.host, settings.port))
    except OSError as error:
        raise OperatorError(
            f"nothing can listen on {settings.host}:{settings.port}: {error.strerror}; "
            "does another `mdms serve` run? If not, choose another [api] port"
        ) from error
