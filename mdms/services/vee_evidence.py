"""What may help to estimate a block besides its reads: from the stores to the engine's terms."""

import numpy as np

from mdms.domain.readings import Bool
from mdms.domain.time import Period, from_epoch_s, to_epoch_s
from mdms.ports.unit_of_work import UnitOfWork
from vee.block import Block
from vee.evidence import Evidence, Spans


async def load_evidence(work: UnitOfWork, block: Block) -> Evidence:
    """
    Return the outages of a block's meters, as far as its own reads agree.

    Source:
        vee.md 4.6.
    """
    slots = block.slots
    period = Period(from_epoch_s(int(slots.start_s[0])), from_epoch_s(slots.end_s))
    found = await work.circumstances.outages(block.channel_id.tolist(), period)
    outages = Spans(
        np.searchsorted(block.channel_id, [channel for channel, _, _ in found]),
        np.array([to_epoch_s(failed) for _, failed, _ in found], np.int64),
        np.array([to_epoch_s(restored) for _, _, restored in found], np.int64),
    )
    dark = ~_lit(block, outages)
    return Evidence(Spans(outages.channel[dark], outages.from_s[dark], outages.until_s[dark]))


def _lit(block: Block, spans: Spans) -> Bool:
    """Return the spans wholly inside which something was used: their reports do not belong."""
    slots = block.slots
    first = np.searchsorted(slots.start_s, spans.from_s)
    last = np.searchsorted(slots.start_s + slots.interval_s, spans.until_s, side="right")
    rows, of = np.unique(spans.channel, return_inverse=True)
    used = np.cumsum(np.pad(block.value[rows] != 0, ((0, 0), (1, 0))), axis=1)
    lit: Bool = used[of, np.maximum(first, last)] > used[of, first]
    return lit
