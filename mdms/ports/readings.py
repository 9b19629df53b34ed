"""The store of interval and register reads."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from mdms.domain.readings import IntervalReads, RegisterReads
from mdms.domain.time import Period

FEW_READS: Final = 2_000
"""So many may be appended by one call also where a transaction is pipelined."""


class ReadingStore(Protocol):
    """Versions of interval and register reads; nothing is updated in place."""

    async def append_raw(
        self, intervals: IntervalReads, registers: RegisterReads, *, sure: bool
    ) -> tuple[IntervalReads, RegisterReads]:
        """
        Store version 0 rows, each key at most once within the call.

        Args:
            intervals: Rows of version 0.
            registers: Rows of version 0.
            sure: The caller believes that no row is stored yet. A hint for speed: when it is
                wrong, the result is the same.

        Returns:
            The rows that were not stored because their key is taken; a row whose stored value
            differs has been kept in read_conflict.
        """
        ...

    async def differing(self, intervals: IntervalReads) -> IntervalReads:
        """Return those of these rows whose stored raw value is another one (V06)."""
        ...

    async def append_versions(self, intervals: IntervalReads) -> None:
        """Store rows of version 1 and up."""
        ...

    async def append_register_versions(self, registers: RegisterReads) -> None:
        """Store rows of any version whose keys are free: self reads, estimates, edits."""
        ...

    async def intervals(
        self,
        period: Period,
        *,
        channel_ids: Sequence[int] | None = None,
        as_of: datetime | None = None,
    ) -> IntervalReads:
        """
        Return every version that starts in the period, sorted by channel, start, version.

        Registers may be asked for meanwhile: they come while these are unpacked.
        """
        ...

    async def unbroken(
        self, period: Period, *, interval_s: int, channel_ids: Sequence[int]
    ) -> IntervalReads:
        """
        Return the intervals of channels that have one run of raw ones in a period, and no more.

        From the first to the last each is there, once, as it was received, all from one source.
        Other channels are left out: ask `intervals`, which costs more.

        Args:
            period: In which intervals start.
            interval_s: Their length; they begin at multiples of it.
            channel_ids: Which channels.

        Returns:
            Sorted by channel and start. Each tells when the newest of its channel became known.
        """
        ...

    async def newest_known(
        self, stretches: Sequence[tuple[int, Period]], *, as_of: datetime
    ) -> Sequence[datetime | None]:
        """Return when the newest raw interval of each channel and period became known so far."""
        ...

    async def registers(
        self,
        period: Period,
        *,
        channel_ids: Sequence[int] | None = None,
        as_of: datetime | None = None,
    ) -> RegisterReads:
        """Return every register version in the period, both ends included, sorted likewise."""
        ...

    async def newest(self, slots: int, channel_ids: range) -> tuple[IntervalReads, RegisterReads]:
        """Return raw rows of about the last `slots` intervals of each of these channels."""
        ...
