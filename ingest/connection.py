"""How to connect to a broker: address and user from its URL, and certificates where it has TLS."""

import socket
import ssl
from functools import partial
from typing import Final
from urllib.parse import unquote, urlsplit

import aiomqtt

from mdms.domain.errors import UsageError

V5: Final = aiomqtt.ProtocolVersion.V5
V311: Final = aiomqtt.ProtocolVersion.V311
PROTOCOLS: Final = {"auto": (V5, V311), "5": (V5,), "3.1.1": (V311,)}
"""What to try, in this order, by setting."""

_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
_AT_ONCE: Final = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
"""Without it every acknowledgement waits for company, up to 40 ms."""


def connector(
    url: str, *, ca: str = "", certificate: str = "", key: str = ""
) -> partial[aiomqtt.Client]:
    """
    Return what makes clients of a broker; the files are read now, so a renewed one is found.

    Args:
        url: mqtt://user:password@host:port, or mqtts:// with TLS.
        ca: File of the authority that signed the broker's certificate; "": those of the system.
        certificate: File of our own certificate; "": the broker wants none.
        key: File of its key.

    Raises:
        UsageError: A file cannot be used.
    """
    address = urlsplit(url)
    return partial(
        aiomqtt.Client,
        address.hostname or "localhost",
        address.port or _PORTS[address.scheme],
        username=unquote(address.username) if address.username else None,
        password=unquote(address.password) if address.password else None,
        tls_context=_context(ca, certificate, key) if address.scheme == "mqtts" else None,
        socket_options=_AT_ONCE,
    )


def _context(ca: str, certificate: str, key: str) -> ssl.SSLContext:
    """Return what verifies the broker by its name, and tells it who we are."""
    named = ca
    try:
        context = ssl.create_default_context(cafile=ca or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if certificate:
            named = f"{certificate} with {key}"
            context.load_cert_chain(certificate, key)
    except OSError as error:  # an ssl.SSLError is one, too
        raise UsageError(f"cannot use {named}: {error}") from error
    return context
