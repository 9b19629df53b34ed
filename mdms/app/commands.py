"""The dispatcher of commands, with the signer it asks and the broker it sends by; and opt-outs."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

from commands.dispatcher import Dispatcher
from commands.mqtt import MqttTransport
from commands.radios import OptoutRadios
from commands.requests import ControlRequests
from commands.signer import LocalSigner
from ingest.mqtt import MqttSource
from mdms.app.core import Core
from mdms.settings import read_master_keys
from mdms.storage.signer import open_signer_store


async def open_dispatcher(
    core: Core,
    stack: AsyncExitStack,
    broker: MqttSource,
    *,
    on_radio: Callable[[], Awaitable[None]],
) -> Dispatcher | None:
    """Return what carries commands to meters; None without keys to sign them with."""
    settings = core.settings
    if not settings.signer.keys:
        return None
    store = await stack.enter_async_context(
        open_signer_store(
            settings.database.dsn.get_secret_value(),
            statement_timeout_s=settings.database.statement_timeout_s,
        )
    )
    masters = read_master_keys(Path(settings.signer.keys))
    remote_open = settings.commands.remote_open
    return Dispatcher(
        core.unit_of_work,
        core.clock,
        LocalSigner(masters, store, remote_open=remote_open),
        MqttTransport(broker.publish, settings.utility.code),
        remote_open=remote_open,
        on_radio=on_radio,
    )


def optout_radios(core: Core, dispatcher: Dispatcher) -> OptoutRadios:
    """Return what asks again for radios that should be off, as anybody would ask."""
    requests = ControlRequests(
        core.unit_of_work,
        core.clock,
        remote_open=core.settings.commands.remote_open,
        on_request=dispatcher.wake,
    )
    return OptoutRadios(core.unit_of_work, requests)
