"""The way of a command to a collector: one topic a collector, QoS 1, 64 bytes."""

from collections.abc import Awaitable, Callable

Publish = Callable[[str, bytes], Awaitable[None]]
"""Publishes with QoS 1 and waits for the broker's word; UnavailableError if it is away."""


class MqttTransport:
    """`mdms.ports.CommandTransport` by whatever connection publishes."""

    def __init__(self, publish: Publish, utility: str) -> None:
        """
        Send for a utility.

        Args:
            publish: Publishes to the broker; the connection is someone else's.
            utility: Code of the utility, part of each topic.
        """
        self._publish = publish
        self._utility = utility

    async def send(self, collector_id: int, envelope: bytes) -> None:
        topic = f"ami/v1/{self._utility}/col/{collector_id}/down/cmd"
        await self._publish(topic, envelope)
