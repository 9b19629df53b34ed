"""What may help to estimate a block besides its reads: from the stores to the engine's terms."""

from collections.abc import Sequence

import numpy as np

from mdms.domain.readings import Bool
from mdms.domain.time import Period, from_epoch_s, to_epoch_s
from mdms.ports.circumstances import CircumstanceStore, ConfirmedLeak
from vee.block import Block
from vee.evidence import Evidence, Leaks, Spans

QUANTA = {"gal": 10, "cf": 1}
"""How many quanta a channel counts for one of them: 0.1 gal and 0.01 ccf."""

STILL_RUNNING_S = 2**62


async def load_evidence(told: CircumstanceStore, block: Block) -> Evidence:
    """
    Return the outages of a block's meters, as far as its own reads agree, and confirmed leaks.

    Source:
        vee.md 4.6, 4.7.
    """
    slots = block.slots
    period = Period(from_epoch_s(int(slots.start_s[0])), from_epoch_s(slots.end_s))
    ids = block.channel_id.tolist()
    found = await told.outages(ids, period)
    outages = Spans(
        np.searchsorted(block.channel_id, [channel for channel, _, _ in found]),
        np.array([to_epoch_s(failed) for _, failed, _ in found], np.int64),
        np.array([to_epoch_s(restored) for _, _, restored in found], np.int64),
    )
    dark = ~_lit(block, outages)
    return Evidence(
        outages=Spans(outages.channel[dark], outages.from_s[dark], outages.until_s[dark]),
        leaks=_leaks(block, await told.leaks(ids, period)),
    )


def _leaks(block: Block, found: Sequence[ConfirmedLeak]) -> Leaks:
    return Leaks(
        channel=np.searchsorted(block.channel_id, [leak.channel_id for leak in found]),
        from_s=np.array([to_epoch_s(leak.began_at) for leak in found], np.int64),
        until_s=np.array(
            [
                STILL_RUNNING_S if leak.ended_at is None else to_epoch_s(leak.ended_at)
                for leak in found
            ],
            np.int64,
        ),
        rate=np.array([leak.rate * QUANTA[leak.unit] for leak in found], np.float64),
    )


def _lit(block: Block, spans: Spans) -> Bool:
    """Return the spans wholly inside which something was used: their reports do not belong."""
    slots = block.slots
    first = np.searchsorted(slots.start_s, spans.from_s)
    last = np.searchsorted(slots.start_s + slots.interval_s, spans.until_s, side="right")
    rows, of = np.unique(spans.channel, return_inverse=True)
    used = np.cumsum(np.pad(block.value[rows] != 0, ((0, 0), (1, 0))), axis=1)
    lit: Bool = used[of, np.maximum(first, last)] > used[of, first]
    return lit
