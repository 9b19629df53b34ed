"""What validation may know of channels besides their reads."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final, LiteralString, Self

from psycopg import AsyncConnection

from mdms.domain.events import EventCode
from mdms.domain.time import Period
from mdms.ports.circumstances import Circumstances, ClockReport, ConfirmedLeak, PastPeak
from mdms.storage.arrays import Dates, Integers

_FOR_EVER: Final = datetime.max.replace(tzinfo=UTC)


class PostgresCircumstances:
    """`mdms.ports.CircumstanceStore` on the registry, control, read_conflict and vee_day."""

    def __init__(self, connection: AsyncConnection, known_at: datetime = _FOR_EVER) -> None:
        self._connection = connection
        self._known_at = known_at

    def as_known(self, at: datetime) -> Self:
        return type(self)(self._connection, at)

    SERVICES = """
    SELECT c.channel_id, bool_or(u.irregular_usage), bool_or(u.net_metering)
    FROM channel c
    JOIN meter_installation i USING (badge)
    JOIN usage_point u USING (usage_point_id)
    WHERE c.channel_id = ANY (%(channel_ids)s) AND (u.irregular_usage OR u.net_metering)
      AND (i.removed_at IS NULL OR i.removed_at > %(start_utc)s)
    GROUP BY c.channel_id
    """

    # Before anybody ever had an account, and where no accounts are kept, nobody is missing.
    INACTIVE = """
    SELECT channel_id, lower(gap), upper(gap)
    FROM (
        SELECT c.channel_id,
               unnest(datemultirange(daterange(greatest(min(a.start_on), %(first)s), %(end)s))
                      - range_agg(daterange(a.start_on, a.end_on))) AS gap
        FROM channel c
        JOIN meter_installation i ON i.badge = c.badge AND i.removed_at IS NULL
        JOIN agreement a USING (usage_point_id)
        WHERE c.channel_id = ANY (%(channel_ids)s)
        GROUP BY c.channel_id
        HAVING min(a.start_on) < %(end)s
    ) gaps
    """

    OPENINGS = """
    SELECT c.channel_id, o.verified_at, closing.sent_at
    FROM control o
    JOIN channel c USING (badge)
    CROSS JOIN LATERAL (
        SELECT min(sent_at) AS sent_at FROM control n
        WHERE n.badge = o.badge AND n.action IN ('reconnect', 'arm')
          AND n.sent_at > o.verified_at AND n.sent_at <= %(known_at)s
    ) closing
    WHERE c.channel_id = ANY (%(channel_ids)s) AND o.action = 'disconnect' AND o.switch = 1
      AND o.verified_at < %(end_utc)s AND o.verified_at <= %(known_at)s
      AND (closing.sent_at IS NULL OR closing.sent_at > %(start_utc)s)
    ORDER BY c.channel_id, o.verified_at
    """

    CONFLICTS = """
    SELECT channel_id, at_utc, value FROM read_conflict
    WHERE kind = 'interval' AND channel_id = ANY (%(channel_ids)s)
      AND at_utc >= %(start_utc)s AND at_utc < %(end_utc)s AND recorded_at <= %(known_at)s
    ORDER BY channel_id, at_utc, value
    """

    # An agreement that the same account goes on with on its last day is no move.
    MOVES = """
    SELECT DISTINCT c.channel_id, moved.on_day
    FROM channel c
    JOIN meter_installation i USING (badge)
    JOIN agreement a USING (usage_point_id)
    CROSS JOIN LATERAL (VALUES (a.start_on), (a.end_on)) AS moved (on_day)
    WHERE c.channel_id = ANY (%(channel_ids)s)
      AND moved.on_day > %(first)s AND moved.on_day < %(end)s
      AND NOT EXISTS (
          SELECT FROM agreement b
          WHERE (b.usage_point_id, b.account_id) = (a.usage_point_id, a.account_id)
            AND (b.end_on = moved.on_day AND a.start_on = moved.on_day
                 OR b.start_on = moved.on_day AND a.end_on = moved.on_day)
      )
    ORDER BY c.channel_id, moved.on_day
    """

    # A clock that is off is told of within a day, and again until it is right.
    CLOCKS = """
    SELECT c.channel_id, e.at_utc, e.code, e.value, e.cleared
    FROM end_device_event e
    JOIN channel c USING (badge)
    WHERE c.channel_id = ANY (%(channel_ids)s) AND e.code = ANY (%(clock_codes)s)
      AND e.at_utc > %(start_utc)s - interval '1 day' AND e.at_utc < %(end_utc)s + interval '1 day'
      AND e.received_at <= %(known_at)s
    ORDER BY c.channel_id, e.at_utc, e.cleared
    """

    async def of(
        self, channel_ids: Sequence[int], period: Period, first: date, last: date
    ) -> Circumstances:
        parameters = {
            "channel_ids": Integers.of(channel_ids),
            "start_utc": period.start_utc,
            "end_utc": period.end_utc,
            "clock_codes": [EventCode.CLOCK_SET, EventCode.CLOCK_OFF],
            "first": first,
            "end": date.fromordinal(last.toordinal() + 1),
        }
        services = await self._rows(self.SERVICES, parameters)
        return Circumstances(
            irregular=frozenset(channel for channel, irregular, _ in services if irregular),
            generating=frozenset(channel for channel, _, generates in services if generates),
            inactive=await self._rows(self.INACTIVE, parameters),
            openings=await self._rows(self.OPENINGS, parameters),
            conflicts=await self._rows(self.CONFLICTS, parameters),
            clocks=[
                ClockReport(channel, at, EventCode(code), value, cleared)
                for channel, at, code, value, cleared in await self._rows(self.CLOCKS, parameters)
            ],
            moves=await self._rows(self.MOVES, parameters),
        )

    async def moves(
        self, channel_ids: Sequence[int], first: date, last: date
    ) -> Sequence[tuple[int, date]]:
        parameters = {
            "channel_ids": Integers.of(channel_ids),
            "first": first,
            "end": date.fromordinal(last.toordinal() + 1),
        }
        return await self._rows(self.MOVES, parameters)

    # A restoration tells how many seconds it was dark; one that does not ends the failure before.
    OUTAGES = """
    SELECT channel_id, failed_utc, at_utc
    FROM (
        SELECT c.channel_id, back.at_utc,
               CASE WHEN back.value > 0 THEN back.at_utc - back.value * interval '1 second'
                    WHEN before.code = %(fail)s THEN before.at_utc END AS failed_utc
        FROM end_device_event back
        JOIN channel c USING (badge)
        LEFT JOIN LATERAL (
            SELECT e.at_utc, e.code FROM end_device_event e
            WHERE e.badge = back.badge AND e.code IN (%(fail)s, %(restore)s)
              AND e.at_utc < back.at_utc AND e.received_at <= %(known_at)s
            ORDER BY e.at_utc DESC LIMIT 1
        ) before ON true
        WHERE c.channel_id = ANY (%(channel_ids)s) AND back.code = %(restore)s
          AND back.at_utc > %(start_utc)s AND back.received_at <= %(known_at)s
    ) outage
    WHERE failed_utc < %(end_utc)s AND failed_utc < at_utc
    ORDER BY channel_id, failed_utc
    """

    async def outages(
        self, channel_ids: Sequence[int], period: Period
    ) -> Sequence[tuple[int, datetime, datetime]]:
        return await self._rows(
            self.OUTAGES,
            {
                "channel_ids": Integers.of(channel_ids),
                "start_utc": period.start_utc,
                "end_utc": period.end_utc,
                "fail": EventCode.POWER_FAIL,
                "restore": EventCode.RESTORE,
            },
        )

    SIBLINGS_HEARD = """
    SELECT silent.channel_id, silent.local_day
    FROM unnest(%(channel_ids)s::integer[], %(days)s::date[], %(from_s)s::bigint[],
                %(until_s)s::bigint[]) AS silent (channel_id, local_day, from_s, until_s)
    JOIN channel mine USING (channel_id)
    WHERE EXISTS (
        SELECT FROM channel other
        CROSS JOIN LATERAL (
            SELECT FROM interval_read r
            WHERE r.channel_id = other.channel_id AND r.version = 0
              AND r.start_utc >= to_timestamp(silent.from_s)
              AND r.start_utc < to_timestamp(silent.until_s)
            LIMIT 1
        ) heard
        WHERE other.badge = mine.badge AND other.interval_s <> mine.interval_s
    )
    ORDER BY silent.channel_id, silent.local_day
    """

    async def siblings_heard(
        self, silent: Sequence[tuple[int, date, Period]]
    ) -> Sequence[tuple[int, date]]:
        if not silent:
            return []
        return await self._rows(
            self.SIBLINGS_HEARD,
            {
                "channel_ids": Integers.of(channel for channel, _, _ in silent),
                "days": Dates.of(day for _, day, _ in silent),
                "from_s": Integers.of(period.start_s for _, _, period in silent),
                "until_s": Integers.of(period.end_s for _, _, period in silent),
            },
        )

    # The rate is that of the newest step: the case's own is worked out anew every night, and what
    # was estimated by it yesterday could not be told from it today. Leaks are looked for after the
    # night's estimates, which may bear the same time.
    LEAKS = """
    SELECT channel_id, began_at, ended_at, rate, unit
    FROM (
        SELECT c.channel_id, c.began_at, c.unit,
               max(s.at) FILTER (WHERE s.at = c.ended_at) AS ended_at,
               (array_agg(s.rate ORDER BY s.recorded_at DESC, s.leak_step_id DESC))[1] AS rate
        FROM leak_case c JOIN leak_step s USING (channel_id, episode)
        WHERE c.channel_id = ANY (%(channel_ids)s) AND c.confirmed_at IS NOT NULL
          AND c.began_at < %(end_utc)s AND (c.ended_at IS NULL OR c.ended_at > %(start_utc)s)
          AND s.recorded_at < %(known_at)s
        GROUP BY c.channel_id, c.episode
        HAVING bool_or(s.at >= c.confirmed_at)
    ) known
    ORDER BY channel_id, began_at
    """

    async def leaks(self, channel_ids: Sequence[int], period: Period) -> Sequence[ConfirmedLeak]:
        rows = await self._rows(
            self.LEAKS,
            {
                "channel_ids": Integers.of(channel_ids),
                "start_utc": period.start_utc,
                "end_utc": period.end_utc,
            },
        )
        return [ConfirmedLeak(*row) for row in rows]

    PEAKS = """
    SELECT asked.channel_id, asked.local_day, max(past.peak), count(*)
    FROM unnest(%(channel_ids)s::integer[], %(local_days)s::date[]) AS asked (channel_id, local_day)
    CROSS JOIN LATERAL (
        SELECT DISTINCT ON (d.local_day) d.peak FROM vee_day d
        WHERE d.channel_id = asked.channel_id AND d.local_day >= asked.local_day - %(days)s::integer
          AND d.local_day < least(asked.local_day, %(before)s::date)
          AND d.recorded_at <= %(known_at)s
        ORDER BY d.local_day, d.version DESC
    ) past
    WHERE past.peak IS NOT NULL
    GROUP BY asked.channel_id, asked.local_day
    """

    async def peaks(
        self, channel_days: Sequence[tuple[int, date]], *, before: date, days: int
    ) -> Sequence[PastPeak]:
        rows = await self._rows(
            self.PEAKS, _arrays(channel_days) | {"before": before, "days": days}
        )
        return [PastPeak(*row) for row in rows]

    # Days in a row that nothing is known against: of the people who are there now, with the switch
    # closed.
    IDLE_DAYS = """
    SELECT channel_id, count(*)
    FROM (
        SELECT asked.channel_id, past.local_day,
               row_number() OVER (PARTITION BY asked.channel_id ORDER BY past.local_day DESC) AS n
        FROM unnest(%(channel_ids)s::integer[]) AS asked (channel_id)
        LEFT JOIN channel c USING (channel_id)
        CROSS JOIN LATERAL (
            SELECT DISTINCT ON (d.local_day) d.local_day, d.usage FROM vee_day d
            WHERE d.channel_id = asked.channel_id AND d.local_day < %(before)s::date
              AND d.local_day >= %(before)s::date - %(days_max)s::integer
              AND d.recorded_at <= %(known_at)s
            ORDER BY d.local_day, d.version DESC
        ) past
        CROSS JOIN LATERAL (
            SELECT max(a.start_on) AS since
            FROM meter_installation i JOIN agreement a USING (usage_point_id)
            WHERE i.badge = c.badge AND i.removed_at IS NULL AND a.start_on <= %(before)s::date
              AND NOT EXISTS (
                  SELECT FROM agreement b
                  WHERE (b.usage_point_id, b.account_id, b.end_on)
                      = (a.usage_point_id, a.account_id, a.start_on)
              )
        ) account
        CROSS JOIN LATERAL (
            SELECT max((n.sent_at AT TIME ZONE utility.zone)::date) AS on_day
            FROM control n CROSS JOIN utility
            WHERE n.badge = c.badge AND n.action IN ('reconnect', 'arm')
              AND n.sent_at <= %(known_at)s
        ) switched
        WHERE past.usage = 0 AND past.local_day >= coalesce(account.since, '-infinity')
          AND past.local_day > coalesce(switched.on_day, '-infinity')
    ) idle
    WHERE local_day = %(before)s::date - n::integer
    GROUP BY channel_id
    """

    async def idle_days(
        self, channel_ids: Sequence[int], *, before: date, days_max: int
    ) -> Mapping[int, int]:
        parameters = {
            "channel_ids": Integers.of(channel_ids),
            "before": before,
            "days_max": days_max,
        }
        return dict(await self._rows(self.IDLE_DAYS, parameters))

    USED = """
    SELECT asked.channel_id, coalesce(sum(past.usage), 0)::bigint
    FROM unnest(%(channel_ids)s::integer[], %(local_days)s::date[]) AS asked (channel_id, local_day)
    CROSS JOIN LATERAL (
        SELECT DISTINCT ON (d.local_day) d.usage FROM vee_day d
        WHERE d.channel_id = asked.channel_id AND d.local_day >= asked.local_day
          AND d.local_day < %(before)s::date AND d.recorded_at <= %(known_at)s
        ORDER BY d.local_day, d.version DESC
    ) past
    GROUP BY asked.channel_id
    """

    async def used(self, since: Sequence[tuple[int, date]], *, before: date) -> Mapping[int, int]:
        return dict(await self._rows(self.USED, _arrays(since) | {"before": before}))

    async def _rows(self, statement: LiteralString, parameters: Mapping[str, object]) -> list[Any]:
        known = {**parameters, "known_at": self._known_at}
        return await (await self._connection.execute(statement, known)).fetchall()


def _arrays(channel_days: Sequence[tuple[int, date]]) -> dict[str, object]:
    return {
        "channel_ids": Integers.of([channel for channel, _ in channel_days]),
        "local_days": Dates.of([day for _, day in channel_days]),
    }
