"""Small blocks of reads on their way out, for tests of formats."""

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from mdms.billing.formats.outgoing import Outgoing, OutgoingChannel
from mdms.domain.reading_types import reading_type
from mdms.domain.registry import Commodity
from mdms.domain.time import to_epoch_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One channel's values from an instant on; None is a missing interval."""

    start: datetime
    value: list[int | None]
    status: str = "V"
    method: int = 0
    statuses: dict[int, tuple[str, int]] = field(default_factory=dict)
    """Status and method of single values, by their place."""
    flags: int = 0
    badge: str = "E47622887"
    usage_point_id: str = "U1"
    radio_id: int = 47_622_887
    commodity: Commodity = Commodity.ELECTRIC
    channel: int = 0
    interval_s: int = 900
    multiplier: int = 1
    registers: dict[datetime, int] = field(default_factory=dict)


def outgoing(*series: Series) -> Outgoing:
    """Return a block of these channels, in this order."""
    rows, registers = [], []
    for place, each in enumerate(series):
        begin_s = to_epoch_s(each.start)
        for slot, value in enumerate(each.value):
            if value is not None:
                status, method = each.statuses.get(slot, (each.status, each.method))
                at_s = begin_s + slot * each.interval_s
                rows.append((place, at_s, value, ord(status), method, each.flags))
        registers += [(place, to_epoch_s(at), value) for at, value in each.registers.items()]
    columns = np.array(rows, np.int64).reshape(-1, 6).T
    shown = np.array(registers, np.int64).reshape(-1, 3).T
    return Outgoing(
        channels=[
            OutgoingChannel(
                each.badge, each.usage_point_id, each.radio_id,
                reading_type(each.commodity, each.channel, each.interval_s), each.multiplier,
            )
            for each in series
        ],
        place=columns[0], start_s=columns[1], value=columns[2],
        status=columns[3].astype(np.uint8), method=columns[4].astype(np.int16),
        flags=columns[5],
        register_place=shown[0], register_at_s=shown[1], register_value=shown[2],
        register_status=np.full(shown.shape[1], ord("V"), np.uint8),
    )  # fmt: skip
