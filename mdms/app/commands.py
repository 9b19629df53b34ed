"""The dispatcher of commands, with the signer it asks and the broker it sends by; and opt-outs."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

from commands.dispatcher import Dispatcher
from commands.mqtt import MqttTransport
from commands.radios import OptoutRadios
from commands.requests import ControlRequests
from commands.signing.client import SocketSigner
from ingest.mqtt import MqttSource
from mdms.app.core import Core


def open_dispatcher(
    core: Core,
    stack: AsyncExitStack,
    broker: MqttSource,
    *,
    on_radio: Callable[[], Awaitable[None]],
) -> Dispatcher | None:
    """Return what carries commands to meters; None without a signer to sign them."""
    settings = core.settings
    if not settings.signer.socket:
        return None
    signer = SocketSigner(Path(settings.signer.socket), core.clock)
    stack.push_async_callback(signer.close)
    return Dispatcher(
        core.unit_of_work,
        core.clock,
        signer,
        MqttTransport(broker.publish, settings.utility.code),
        core.judge,
        on_radio=on_radio,
    )


def optout_radios(core: Core, dispatcher: Dispatcher) -> OptoutRadios:
    """Return what asks again for radios that should be off, as anybody would ask."""
    requests = ControlRequests(
        core.unit_of_work,
        core.clock,
        core.judge,
        on_request=dispatcher.wake,
    )
    return OptoutRadios(core.unit_of_work, requests)
