"""Which frames of a raw message carried an interval, by the decoder that reads new messages."""

from datetime import timedelta

import numpy as np

from ingest.codecs import fnb1, fnb1_readings
from ingest.codecs.frames import Arrival
from mdms.domain.time import from_epoch_s, from_epoch_us
from mdms.ports.frames import CarriedValue, Sought
from mdms.ports.messages import UplinkMessage

_TENTHS = 10


def open_frames(message: UplinkMessage, sought: Sought) -> list[CarriedValue]:
    """
    Return the frames of a message that carry an interval.

    Args:
        message: As it was received, or blanked since: a frame without measurements carries nothing.
        sought: The interval.

    Raises:
        DecodeError: Today's decoder refuses the message.
    """
    arrival = Arrival(message.collector_id, message.kind, message.received_at)
    decoded = fnb1.decode(message.payload, arrival)
    if decoded.schema_id != fnb1_readings.SCHEMA_ID:
        return []
    frames = decoded.frames
    mine = (frames.radio_id == sought.radio_id) & (frames.wire_channel == sought.wire_channel)
    row, place = np.nonzero(frames.present & (frames.start_s == sought.start_s) & mine[:, None])
    sent = np.frombuffer(decoded.body, fnb1_readings.READ)
    closed_at = from_epoch_us(message.batch_us)
    return [
        CarriedValue(
            frame_index=index,
            heard_at=closed_at - timedelta(seconds=int(sent["rx_age"][index]) / _TENTHS),
            rssi_dbm=int(sent["rssi"][index]) / _TENTHS,
            snr_db=int(sent["snr"][index]),
            value=int(frames.value[at]),
            register=int(frames.register[at[0]]),
            register_at=from_epoch_s(int(frames.at_s[at[0]])),
        )
        for at in zip(row.tolist(), place.tolist(), strict=True)
        for index in [int(frames.index[at[0]])]
    ]
