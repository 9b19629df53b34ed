"""What of a run's findings cannot wait for the queue: it is told as an event, too."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from mdms.domain.events import EndDeviceEvent, EventCode, Severity
from mdms.domain.registry import ChannelTable
from mdms.domain.time import from_epoch_s
from vee.amend import Amended
from vee.disconnected import used_while_off
from vee.examination import Examination
from vee.findings import Finding
from vee.rules import RuleSet


def urgent(
    found: Examination,
    amended: Amended,
    listed: Sequence[Finding],
    *,
    table: ChannelTable,
    rules: RuleSet,
    noticed_at: datetime,
) -> list[EndDeviceEvent]:
    """
    Return an event of each meter and day on which a service was used that is off (V29).

    It is stamped with the start of the day, so that judging the day again is no news, whatever
    was received since. Of a meter's channels the first one tells, delivered before received.

    Args:
        found: The examined block.
        amended: Its slots after the run.
        listed: What was found in them.
        table: Installations of its channels.
        rules: What it was judged by.
        noticed_at: When.

    Source:
        vee.md 3.2, V29, and 9.5, T1.
    """
    block = found.block
    slots, quantity = block.slots, block.context.quantity
    limit = rules.per_commodity(block.context.commodity, "disconnected_quanta_max")
    told: dict[tuple[str, int], EndDeviceEvent] = {}
    for finding in sorted(
        (each for each in listed if each.rule == "V29"), key=lambda each: quantity[each.channel]
    ):
        row, first = finding.channel, int(slots.first[finding.day])
        day = slice(first, int(slots.first[finding.day + 1]))
        used = first + np.flatnonzero(used_while_off(amended, row, day, quanta_max=int(limit[row])))
        if not len(used):
            continue
        mine = table.take(table.channel_id == block.channel_id[row])
        since_s = np.where(mine.installed_s <= slots.start_s[used[0]], mine.installed_s, -1)
        carrier, at_s = int(since_s.argmax()), int(slots.start_s[first])
        badge = str(mine.badge[carrier])
        event = EndDeviceEvent(
            collector_id=None,
            badge=badge,
            radio_id=int(mine.radio_id[carrier]),
            code=EventCode.USAGE_WHILE_OPEN,
            at=from_epoch_s(at_s),
            severity=Severity.SAFETY,
            value=int(amended.value[row, used].sum()),
            received_at=noticed_at,
        )
        told.setdefault((badge, at_s), event)
    return list(told.values())
