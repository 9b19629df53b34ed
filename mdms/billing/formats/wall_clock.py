"""Clock times of a zone, as files write them without an offset, as instants."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mdms.billing.formats.flaws import Flaw, UnusableError
from mdms.domain.time import to_epoch_s

_REMEMBERED_MAX: Final = 1 << 16
_MINUTES_LENGTH: Final = 12
_MINUTES_A_DAY: Final = 1440
_DAY_S: Final = 86_400
_OFFSET_LENGTH: Final = len("+10:00")


def zone_of(name: str) -> tzinfo:
    """
    Return a zone by its name, or by a fixed offset such as +10:00.

    Raises:
        UnusableError: There is no such zone.
    """
    if name == "UTC":
        return UTC
    if name[:1] in {"+", "-"} and len(name) == _OFFSET_LENGTH:
        try:
            return timezone(datetime.strptime(name, "%z").utcoffset() or timedelta(0))
        except ValueError as error:
            raise UnusableError(Flaw.BAD_TIME, f"{name!r} is no offset like +10:00") from error
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnusableError(Flaw.BAD_TIME, f"there is no zone {name!r}") from error


@dataclass(slots=True)
class WallClock:
    """
    Reads clock times; of an hour that comes twice, the first one in the file is the first.

    Within a record a time that goes back, or stands still, is in the second hour. A record that
    begins in such an hour is in the second one if its series has been at that minute before in the
    file. What a series has seen is one number for a day on which clocks went back, so memory grows
    with meters and not with reads.

    Attributes:
        zone: Of the file.
    """

    zone: tzinfo
    _known: dict[str, tuple[int, int]] = field(default_factory=dict)
    _seen: dict[tuple[object, str], int] = field(default_factory=dict)
    _turns: dict[int, bool] = field(default_factory=dict)

    def read(self, text: str, series: object, after_s: int | None) -> int:
        """
        Return an instant in seconds since 1970-01-01 UTC.

        Args:
            text: CCYYMMDDHHMM.
            series: Whose time it is, for times that come twice.
            after_s: The instant before it in the same record, if there is one.

        Raises:
            UnusableError: It is none, was skipped in spring, or comes a third time.
        """
        first_s, second_s = self._both(text)
        if first_s == second_s:
            return first_s
        return self._repeated(text, series, after_s, first_s, second_s)

    def note(self, series: object, at_s: int) -> None:
        """Remember an instant that a file leaves out: a later record goes on after it."""
        day = at_s // _DAY_S
        turns = self._turns.get(day)
        if turns is None:
            turns = self._turns[day] = self._offset_s((day - 1) * _DAY_S) > self._offset_s(
                (day + 2) * _DAY_S
            )
        if not turns:
            return
        shown = datetime.fromtimestamp(at_s, self.zone)
        first, second = (shown.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        if first != second:
            minute = 1 << (shown.hour * 60 + shown.minute)
            key = (series, f"{shown:%Y%m%d}")
            seen = self._seen.get(key, 0)
            self._seen[key] = seen | (minute << _MINUTES_A_DAY if shown.fold else minute)

    def _offset_s(self, at_s: int) -> float:
        offset = datetime.fromtimestamp(at_s, self.zone).utcoffset()
        assert offset is not None, "a zone knows its offset"
        return offset.total_seconds()

    def _repeated(
        self, text: str, series: object, after_s: int | None, first_s: int, second_s: int
    ) -> int:
        key, minute = (series, text[:8]), 1 << (int(text[8:10]) * 60 + int(text[10:]))
        seen = self._seen.get(key, 0)
        second = bool(seen & minute) if after_s is None else first_s <= after_s < second_s
        if after_s is None and seen & minute << _MINUTES_A_DAY:
            raise UnusableError(Flaw.BAD_TIME, f"{text} comes a third time")
        self._seen[key] = seen | (minute << _MINUTES_A_DAY if second else minute)
        return second_s if second else first_s

    def _both(self, text: str) -> tuple[int, int]:
        """Return the first and the last instant at which clocks show a time."""
        known = self._known.get(text)
        if known is None:
            if len(self._known) >= _REMEMBERED_MAX:
                self._known.clear()
            known = self._known[text] = self._find(text)
        return known

    def _find(self, text: str) -> tuple[int, int]:
        if len(text) != _MINUTES_LENGTH or not text.isascii() or not text.isdigit():
            raise UnusableError(Flaw.BAD_TIME, f"{text!r} is no time; it is written CCYYMMDDHHMM")
        day_later = text.endswith("2400")
        hour, minute = (0, 0) if day_later else (int(text[8:10]), int(text[10:]))
        try:
            shown = datetime(
                int(text[:4]), int(text[4:6]), int(text[6:8]), hour, minute, tzinfo=self.zone
            )
        except ValueError as error:
            raise UnusableError(Flaw.BAD_TIME, f"{text} is no time of any day") from error
        shown += timedelta(days=day_later)
        first, second = (shown.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        if first.astimezone(self.zone).replace(tzinfo=None) != shown.replace(tzinfo=None):
            raise UnusableError(Flaw.BAD_TIME, f"{text} was skipped: clocks went forward over it")
        return to_epoch_s(first), to_epoch_s(second)
