"""When meters' clocks were off: from what meters and ingest said of them to the engine's terms."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from mdms.domain.events import EventCode
from mdms.domain.readings import Int32
from mdms.domain.time import to_epoch_s
from mdms.ports.circumstances import ClockReport
from vee.block import SlotTable
from vee.context import Clocks

CHECKED_WITHIN = timedelta(hours=24)
"""A clock is checked at least so often: what is off is told of again sooner (`ingest`)."""

_FRAME_INTERVALS = 12
"""A frame carries so many: what is older came in frames that said nothing of the clock."""


@dataclass(slots=True)
class _Span:
    channel_id: int
    from_s: int
    until_s: int
    offset_s: int


def clocks(reports: Sequence[ClockReport], channel_id: Int32, slots: SlotTable) -> Clocks:
    """
    Return when the clocks of a block's meters were off.

    Args:
        reports: Of each channel in the order of time.
        channel_id: Rows of the block, rising.
        slots: Its columns.
    """
    spans = list(_spans(reports, slots.interval_s))
    columns = np.array(
        [(span.channel_id, span.from_s, span.until_s, span.offset_s) for span in spans], np.int64
    ).reshape(-1, 4)
    row = np.searchsorted(channel_id, columns[:, 0])
    return Clocks(row, *columns[:, 1:].T)


def _spans(reports: Sequence[ClockReport], interval_s: int) -> Iterator[_Span]:
    """Yield one span for all that was said of a clock until it was right again."""
    checked_s = int(CHECKED_WITHIN.total_seconds())
    wrong: _Span | None = None
    for report in reports:
        at_s = to_epoch_s(report.at)
        if wrong is not None and (
            report.channel_id != wrong.channel_id or at_s > wrong.until_s or report.cleared
        ):
            if report.cleared and report.channel_id == wrong.channel_id:
                wrong.until_s = min(wrong.until_s, at_s)
            yield wrong
            wrong = None
        if report.cleared:
            continue
        if report.code is EventCode.CLOCK_SET:  # it was off by what it was set by, until then
            yield _Span(report.channel_id, at_s - checked_s, at_s, -report.offset_s)
        elif wrong is None:
            first_s = at_s + min(report.offset_s, 0) - (_FRAME_INTERVALS + 1) * interval_s
            wrong = _Span(report.channel_id, first_s, at_s + checked_s, report.offset_s)
        else:
            wrong.until_s = at_s + checked_s
            wrong.offset_s = max(wrong.offset_s, report.offset_s, key=abs)
    if wrong is not None:
        yield wrong
