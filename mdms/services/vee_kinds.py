"""Which channels are alike: of the same class, measuring the same, of one interval length."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mdms.domain.readings import Bool, Int32
from mdms.domain.registry import ChannelTable
from mdms.domain.time import Period


@dataclass(frozen=True)
class Kinds:
    """
    What makes channels alike, numbered once for as many look-ups as a run makes.

    Attributes:
        table: Installations of every channel.
    """

    table: ChannelTable

    @cached_property
    def number(self) -> Int32:
        """
        Number of the kind of each installation, shape (installations,).

        Made when it is first asked for: most runs of a few channels never ask.
        """
        names = zip(
            self.table.service_class.tolist(),
            self.table.wire_channel.tolist(),
            self.table.interval_s.tolist(),
            strict=True,
        )
        numbers: dict[tuple[str, int, int], int] = {}
        each = (numbers.setdefault(name, len(numbers)) for name in names)
        return np.fromiter(each, np.int32, len(self.table))

    def of(self, channel_ids: Int32, interval_s: int) -> list[int]:
        """Return the kind of each channel as it was installed last, with this interval length."""
        rows = np.flatnonzero(
            (self.table.interval_s == interval_s) & np.isin(self.table.channel_id, channel_ids)
        )
        number = dict(
            zip(self.table.channel_id[rows].tolist(), self.number[rows].tolist(), strict=True)
        )
        return [number[channel_id] for channel_id in channel_ids.tolist()]

    def alike(self, kind: int, period: Period) -> Int32:
        """Return the channels of a kind that were installed for some of a period, rising."""
        same: Bool = self.number == kind
        # whoever came or went since does not change what is found
        same &= self.table.installed_s < period.end_s
        same &= self.table.removed_s > period.start_s
        found = np.sort(self.table.channel_id[same])
        return found[np.diff(found, prepend=-1) > 0]  # a meter that was moved is one channel
