"""Small channel tables for tests."""

from dataclasses import dataclass

import numpy as np

from mdms.domain.registry import STILL_INSTALLED_S, ChannelTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """One row of a channel table: a channel while it was installed."""

    channel_id: int = 0
    radio_id: int = 47_622_887
    wire_channel: int = 0x10
    interval_s: int = 900
    installed_s: int = 0
    removed_s: int = STILL_INSTALLED_S
    radio_on: bool = True


def channel_table(*rows: Installed) -> ChannelTable:
    """Return a table with what look-ups need; everything else is the same for all rows."""

    def text(value: str) -> np.ndarray:
        return np.full(len(rows), value, object)

    return ChannelTable(
        channel_id=np.array([row.channel_id for row in rows], np.int32),
        badge=np.array([f"M{row.channel_id}" for row in rows], object),
        reading_type=text("0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.0.72.0"),
        commodity=text("electric"),
        service_class=text("electric_100a"),
        usage_point_id=text("UP"),
        transformer_id=text("T"),
        radio_id=np.array([row.radio_id for row in rows], np.int64),
        wire_channel=np.array([row.wire_channel for row in rows], np.uint8),
        interval_s=np.array([row.interval_s for row in rows], np.int32),
        installed_s=np.array([row.installed_s for row in rows], np.int64),
        removed_s=np.array([row.removed_s for row in rows], np.int64),
        radio_on=np.array([row.radio_on for row in rows], np.bool_),
        register_modulus=np.full(len(rows), 10**9, np.int64),
        register_resolution=np.ones(len(rows), np.int64),
        multiplier=np.ones(len(rows), np.int64),
    )
