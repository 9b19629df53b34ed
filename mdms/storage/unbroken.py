"""
Unbroken runs of reads as they were received: how a day is loaded that nothing happened to.

Of such a channel only the values travel. Where it begins and ends, and that each of its intervals
is there once, is told for all of them, which costs a third less than telling when each begins and
when it was recorded.
"""

from typing import Final

import numpy as np

from mdms.domain.readings import RAW_VERSION, IntervalReads, Status
from mdms.storage import copy_binary

# All versions are 0 and all times are boundaries, so no two are alike: as many as fit between the
# first and the last are all there are. A look-up for each channel reads them as the key has them:
# sorting what one scan brings for all channels costs more, and spills to disk.
SELECT: Final = """
COPY (
    SELECT string_agg(record_send(one), '')
    FROM (
        SELECT asked.channel_id, reads.*
        FROM unnest(%(channel_ids)s::integer[]) AS asked (channel_id)
        CROSS JOIN LATERAL (
            SELECT min(source),
                   min(source) <> max(source) OR bool_or(
                       version <> 0 OR status <> 'R' OR method <> 0 OR flags <> 0
                       OR date_bin(make_interval(secs => %(interval_s)s), start_utc, 'epoch')
                          <> start_utc
                   ),
                   min(start_utc), max(start_utc), max(recorded_at),
                   array_agg(value ORDER BY start_utc)
            FROM interval_read r
            WHERE r.channel_id = asked.channel_id
              AND start_utc >= %(start_utc)s AND start_utc < %(end_utc)s
            HAVING count(*) > 0
        ) reads
    ) one
    GROUP BY channel_id / 64
) TO STDOUT (FORMAT binary)
"""

_LEADS: Final = (
    copy_binary.INTEGER, copy_binary.SMALLINT, copy_binary.CHAR, copy_binary.TIMESTAMP_S,
    copy_binary.TIMESTAMP_S, copy_binary.TIMESTAMP_US,
)  # fmt: skip


def unpack(stream: bytes, *, interval_s: int) -> IntervalReads:
    """Return the unbroken runs of a stream of `SELECT`, sorted by channel and start."""
    groups = copy_binary.unpack(_LEADS, [copy_binary.BIGINT], stream)
    channel_id, source, altered, first_s, last_s, newest_us = groups.leads
    (value,) = groups.columns
    whole = (altered == 0) & (last_s - first_s == (groups.count - 1) * interval_s)
    if not whole.all():
        value = value[np.repeat(whole, groups.count)]
    count = groups.count[whole]

    before = np.cumsum(count) - count
    start_s = np.arange(int(count.sum()), dtype=np.int64)
    start_s *= interval_s
    start_s += np.repeat(first_s[whole] - before * interval_s, count)
    reads = IntervalReads(
        channel_id=np.repeat(channel_id[whole], count).astype(np.int32, copy=False),
        start_s=start_s,
        version=np.full(len(value), RAW_VERSION, np.int16),
        value=value.astype(np.int64, copy=False),
        status=np.full(len(value), Status.RAW.code, np.uint8),
        method=np.zeros(len(value), np.int16),
        flags=np.zeros(len(value), np.int64),
        recorded_us=np.repeat(newest_us[whole], count).astype(np.int64, copy=False),
        source=np.repeat(source[whole], count).astype(np.int16, copy=False),
    )
    rising = bool((channel_id[1:] > channel_id[:-1]).all())
    return reads if rising else reads.take(np.argsort(reads.channel_id, kind="stable"))
