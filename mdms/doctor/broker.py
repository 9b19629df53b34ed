"""Checks of the broker, with real messages: reachable, and neither forgetful nor tight-fisted."""

from ingest.rehearsal import (
    LARGEST_BYTES,
    BrokerRefusedError,
    Rehearsal,
    RehearsalConfig,
    rehearsal_topic,
    rehearse,
)
from mdms.doctor.findings import Finding, ok, problem, warning
from mdms.domain.errors import UnavailableError, UsageError
from mdms.settings import Settings


async def check_broker(settings: Settings) -> list[Finding]:
    """Return what is wrong with the broker; takes a few seconds."""
    mqtt = settings.mqtt
    if mqtt.certificate:
        # Brokers that take the name in it for the client's id would take us for the daemon.
        limits = "with [mqtt] certificate a rehearsal could end the daemon's own session: not tried"
        return [warning("broker limits", limits)]
    config = RehearsalConfig(
        url=mqtt.url,
        topic=rehearsal_topic(settings.utility.code),
        protocol=mqtt.protocol,
        receive_max=mqtt.receive_max,
        ca=mqtt.ca,
    )
    try:
        rehearsal = await rehearse(config)
    except BrokerRefusedError as error:
        return [
            problem(
                "broker",
                f"the broker refuses us ({error}): "
                "put the right user and password into [mqtt] url, or check [mqtt] protocol",
            )
        ]
    except UsageError as error:
        return [problem("broker", f"[mqtt] {error}")]
    except UnavailableError as error:
        cure = "is it running, and does [mqtt] url name it?"
        return [problem("broker", f"the broker does not answer ({error}); {cure}")]
    return [
        ok("broker", f"the broker answers on MQTT {rehearsal.protocol}"),
        *_limits(rehearsal, settings),
    ]


def _limits(rehearsal: Rehearsal, settings: Settings) -> list[Finding]:
    if rehearsal.returned_count == 0:
        topic = f"ami/v1/{settings.utility.code}/head/doctor/#"
        return [
            warning(
                "broker limits",
                "no test message came back, so nothing is known of the broker's limits: "
                f"let this user write and read {topic} (see config/mosquitto/acl)",
            )
        ]
    found = []
    lost = rehearsal.sent_count - rehearsal.returned_count
    if lost:
        found.append(
            problem(
                "broker queue",
                f"the broker dropped {lost} of {rehearsal.sent_count} messages that it had "
                "acknowledged for an absent client: let it queue without a limit "
                "(Mosquitto: max_queued_messages 0)",
            )
        )
    batch = min(settings.ingest.messages_max, rehearsal.returned_count)
    if rehearsal.unacknowledged_count < batch:
        found.append(
            problem(
                "broker window",
                f"the broker stops after {rehearsal.unacknowledged_count} unacknowledged messages "
                f"while ingest commits {settings.ingest.messages_max} at a time, so both idle: "
                "raise [mqtt] receive_max and the broker's limit "
                "(Mosquitto: max_inflight_messages)",
            )
        )
    if not rehearsal.takes_largest:
        found.append(
            problem(
                "broker size",
                f"the broker refuses a message of {LARGEST_BYTES >> 20} MiB, which a collector "
                "may send: raise its limit (Mosquitto: max_packet_size)",
            )
        )
    return found or [
        ok("broker limits", f"it queued and sent {rehearsal.sent_count} messages without a loss")
    ]
