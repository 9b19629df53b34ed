"""What of a run's findings cannot wait for the queue: it is told as an event, too."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np

from mdms.domain.events import EndDeviceEvent, EventCode, Severity
from mdms.domain.registry import ChannelTable
from mdms.domain.time import from_epoch_s
from vee.amend import Amended
from vee.days import Finding
from vee.examination import V29, Examination


def urgent(
    found: Examination,
    amended: Amended,
    listed: Sequence[Finding],
    table: ChannelTable,
    noticed_at: datetime,
) -> Iterator[EndDeviceEvent]:
    """
    Yield an event of each meter and day on which a service was used that is off (V29).

    It names the first such interval of the day, so that judging the day again is no news.

    Args:
        found: The examined block.
        amended: Its slots after the run.
        listed: What was found in them.
        table: Installations of its channels.
        noticed_at: When.

    Source:
        vee.md 3.2, V29, and 9.5, T1.
    """
    slots, channel_id = found.block.slots, found.block.channel_id
    for finding in listed:
        if finding.rule != "V29":
            continue
        day = slice(int(slots.first[finding.day]), int(slots.first[finding.day + 1]))
        used = day.start + np.flatnonzero(amended.flags[finding.channel, day] & V29)
        if not len(used):
            continue
        at_s = int(slots.start_s[used[0]])
        mine = table.take(table.channel_id == channel_id[finding.channel])
        carrier = int(np.where(mine.installed_s <= at_s, mine.installed_s, -1).argmax())
        yield EndDeviceEvent(
            collector_id=None,
            badge=str(mine.badge[carrier]),
            radio_id=int(mine.radio_id[carrier]),
            code=EventCode.USAGE_WHILE_OPEN,
            at=from_epoch_s(at_s),
            severity=Severity.SAFETY,
            value=int(amended.value[finding.channel, used].sum()),
            received_at=noticed_at,
        )
