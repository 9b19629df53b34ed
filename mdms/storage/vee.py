"""Outcomes of validation and estimation, what waits for it, and what waits for a person."""

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from operator import attrgetter

from psycopg import AsyncConnection

from mdms.ports.vee import BILL_RULES, StoredRuleset, VeeDay, VeeException, VeeRun
from mdms.storage.arrays import Dates, Integers


class PostgresVee:
    """
    `mdms.ports.VeeStore` on vee_day, vee_touch, vee_exception and vee_run.

    A run that calls `untouch` before it loads the reads, in one transaction, misses no late read:
    whoever touches the same channel-day meanwhile waits, and touches it again afterwards.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    TAKE_TURN = "SELECT pg_advisory_xact_lock(hashtextextended('mdms vee', 0))"

    async def take_turn(self) -> None:
        await self._connection.execute(self.TAKE_TURN)

    TOUCH = """
    INSERT INTO vee_touch (channel_id, local_day)
    SELECT * FROM unnest(%(channel_ids)s::integer[], %(local_days)s::date[]) AS t (channel, day)
    ORDER BY channel, day
    ON CONFLICT DO NOTHING
    """

    # A frozen window keeps what it says; whether the reads still say so is looked at each night.
    TOUCH_BILLS = """
    INSERT INTO billing_overtaken (window_start, window_end, channel_id)
    SELECT DISTINCT d.window_start, d.window_end, d.channel_id
    FROM unnest(%(channel_ids)s::integer[], %(local_days)s::date[]) AS t (channel, day)
    JOIN billing_determinant d ON d.channel_id = t.channel
         AND t.day BETWEEN d.window_start - 3 AND d.window_end + 3
    WHERE t.day <= (SELECT max(window_end) + 3 FROM billing_window)
    ORDER BY d.window_start, d.window_end, d.channel_id
    ON CONFLICT DO NOTHING
    """

    async def touch(self, channel_days: Iterable[tuple[int, date]]) -> None:
        touched = _arrays(channel_days)
        await self._connection.execute(self.TOUCH, touched)
        await self._connection.execute(self.TOUCH_BILLS, touched)

    # Who has read the horizon holds it: a run that moves it on sees all that was stored by the old.
    HOLD_HORIZON = "SELECT pg_advisory_xact_lock_shared(hashtextextended('mdms vee horizon', 0))"
    MOVE_HORIZON = "SELECT pg_advisory_xact_lock(hashtextextended('mdms vee horizon', 0))"
    HORIZON = "SELECT last_day FROM vee_horizon"
    ADVANCE = """
    INSERT INTO vee_horizon (last_day) VALUES (%(last_day)s)
    ON CONFLICT (only_row) DO UPDATE SET last_day = greatest(vee_horizon.last_day, %(last_day)s)
    """

    async def horizon(self) -> date | None:
        # Two statements: one alone would see what was there before it had to wait.
        await self._connection.execute(self.HOLD_HORIZON)
        row = await (await self._connection.execute(self.HORIZON)).fetchone()
        return None if row is None else row[0]

    async def advance(self, last_day: date) -> None:
        row = await (await self._connection.execute(self.HORIZON)).fetchone()
        if row is None or row[0] < last_day:
            await self._connection.execute(self.MOVE_HORIZON)
            await self._connection.execute(self.ADVANCE, {"last_day": last_day})

    TOUCHED = "SELECT channel_id, local_day FROM vee_touch ORDER BY channel_id, local_day"

    async def touched(self) -> Sequence[tuple[int, date]]:
        return await (await self._connection.execute(self.TOUCHED)).fetchall()

    UNTOUCH = """
    DELETE FROM vee_touch
    USING unnest(%(channel_ids)s::integer[], %(local_days)s::date[]) AS t (channel, day)
    WHERE channel_id = channel AND local_day = day
    """

    async def untouch(self, channel_days: Iterable[tuple[int, date]]) -> None:
        await self._connection.execute(self.UNTOUCH, _arrays(channel_days))

    DAYS = """
    SELECT DISTINCT ON (channel_id, local_day)
           channel_id, local_day, version, recorded_at, ruleset_hash, expected, actual, estimated,
           missing, held, flags, peak, usage
    FROM vee_day
    WHERE local_day BETWEEN %(first)s AND %(last)s
      AND (%(channel_ids)s::integer[] IS NULL
           OR channel_id IN (SELECT unnest(%(channel_ids)s::integer[])))
      AND recorded_at <= coalesce(%(as_of)s, timestamptz 'infinity')
    ORDER BY channel_id, local_day, version DESC
    """

    async def days(
        self,
        first: date,
        last: date,
        *,
        channel_ids: Sequence[int] | None = None,
        as_of: datetime | None = None,
    ) -> Sequence[VeeDay]:
        parameters = {
            "first": first,
            "last": last,
            "channel_ids": None if channel_ids is None else Integers.of(channel_ids),
            "as_of": as_of,
        }
        cursor = await self._connection.execute(self.DAYS, parameters)
        return [VeeDay(*row) for row in await cursor.fetchall()]

    APPEND_DAYS = """
    COPY vee_day (channel_id, local_day, version, recorded_at, ruleset_hash, expected, actual,
                  estimated, missing, held, flags, peak, usage)
    FROM STDIN
    """

    async def append_days(self, days: Sequence[VeeDay]) -> None:
        async with (
            self._connection.cursor() as cursor,
            cursor.copy(self.APPEND_DAYS) as copy,
        ):
            await copy.write("".join(map(_line, days)))

    CLOSE_EXCEPTIONS = """
    UPDATE vee_exception e SET closed_at = %(at)s
    FROM unnest(%(channel_ids)s::integer[], %(local_days)s::date[]) AS judged (channel, day)
    WHERE e.channel_id = judged.channel AND e.local_day = judged.day AND e.closed_at IS NULL
      AND (e.rule = ANY (%(bill_rules)s::text[])) = %(of_bills)s
      AND NOT EXISTS (
          SELECT FROM unnest(%(raised_channel_ids)s::integer[], %(raised_local_days)s::date[],
                             %(raised_rules)s::text[]) AS raised (channel, day, rule)
          WHERE raised.channel = e.channel_id AND raised.day = e.local_day
            AND raised.rule = e.rule
      )
    """

    # What a person answered is not asked again in the same words.
    OPEN_EXCEPTION = """
    INSERT INTO vee_exception (channel_id, local_day, rule, severity, detail, opened_at)
    SELECT %(channel_id)s, %(local_day)s, %(rule)s, %(severity)s, %(detail)s, %(opened_at)s
    WHERE NOT EXISTS (
        SELECT FROM vee_exception e
        WHERE e.channel_id = %(channel_id)s AND e.local_day = %(local_day)s
          AND e.rule = %(rule)s AND e.detail = %(detail)s AND e.answer <> ''
    )
    ON CONFLICT (channel_id, local_day, rule) WHERE closed_at IS NULL DO NOTHING
    """

    async def replace_exceptions(
        self,
        channel_days: Iterable[tuple[int, date]],
        raised: Sequence[VeeException],
        at: datetime,
        *,
        of_bills: bool = False,
    ) -> None:
        parameters = _arrays(channel_days) | {
            "at": at,
            "of_bills": of_bills,
            "bill_rules": sorted(BILL_RULES),
            "raised_channel_ids": [one.channel_id for one in raised],
            "raised_local_days": [one.local_day for one in raised],
            "raised_rules": [one.rule for one in raised],
        }
        await self._connection.execute(self.CLOSE_EXCEPTIONS, parameters)
        rows = [
            {
                "channel_id": one.channel_id,
                "local_day": one.local_day,
                "rule": one.rule,
                "severity": one.severity,
                "detail": one.detail,
                "opened_at": one.opened_at,
            }
            for one in raised
        ]
        async with self._connection.cursor() as cursor:
            await cursor.executemany(self.OPEN_EXCEPTION, rows)

    OPEN_EXCEPTIONS = """
    SELECT channel_id, local_day, rule, severity, detail, opened_at, closed_at
    FROM vee_exception WHERE closed_at IS NULL ORDER BY channel_id, local_day, rule
    """

    async def open_exceptions(self) -> Sequence[VeeException]:
        cursor = await self._connection.execute(self.OPEN_EXCEPTIONS)
        return [VeeException(*row) for row in await cursor.fetchall()]

    RECORD_RUN = """
    INSERT INTO vee_run
        (run_id, started_at, first_day, last_day, ruleset_hash, channel_days, versions,
         finished_at)
    VALUES (%(run_id)s, %(started_at)s, %(first_day)s, %(last_day)s, %(ruleset_hash)s,
            %(channel_days)s, %(versions)s, %(finished_at)s)
    """

    async def record_run(self, run: VeeRun) -> None:
        await self._connection.execute(self.RECORD_RUN, dataclasses.asdict(run))

    LAST_RUN = """
    SELECT run_id, started_at, first_day, last_day, ruleset_hash, channel_days, versions,
           finished_at
    FROM vee_run ORDER BY run_id DESC LIMIT 1
    """

    async def last_run(self) -> VeeRun | None:
        row = await (await self._connection.execute(self.LAST_RUN)).fetchone()
        return None if row is None else VeeRun(*row)

    ADD_RULESET = """
    INSERT INTO vee_ruleset
        (hash, version, effective, approved_by, promoted_by, promoted_at, toml)
    VALUES (%(hash)s, %(version)s, %(effective)s, %(approved_by)s, %(promoted_by)s,
            %(promoted_at)s, %(toml)s)
    """

    async def add_ruleset(self, ruleset: StoredRuleset) -> None:
        await self._connection.execute(self.ADD_RULESET, dataclasses.asdict(ruleset))

    KEEP_SHIPPED = """
    INSERT INTO vee_ruleset_shipped (hash, since, toml) VALUES (%(hash)s, %(at)s, %(toml)s)
    ON CONFLICT (hash) DO NOTHING
    """

    async def keep_shipped(self, hash_: str, toml: str, at: datetime) -> None:
        parameters = {"hash": hash_, "at": at, "toml": toml}
        await self._connection.execute(self.KEEP_SHIPPED, parameters)

    SHIPPED = "SELECT toml FROM vee_ruleset_shipped WHERE hash = %(hash)s"

    async def shipped(self, hash_: str) -> str | None:
        cursor = await self._connection.execute(self.SHIPPED, {"hash": hash_})
        row = await cursor.fetchone()
        return None if row is None else row[0]

    RULESETS = """
    SELECT hash, version, effective, approved_by, promoted_by, promoted_at, toml
    FROM vee_ruleset ORDER BY effective, promoted_at
    """

    async def rulesets(self) -> Sequence[StoredRuleset]:
        cursor = await self._connection.execute(self.RULESETS)
        return [StoredRuleset(*row) for row in await cursor.fetchall()]


_VEE_DAY_ROW = attrgetter(
    "channel_id", "local_day", "version", "recorded_at", "ruleset_hash", "expected", "actual",
    "estimated", "missing", "held", "flags", "peak", "usage",
)  # fmt: skip


def _line(day: VeeDay) -> str:
    """Return an outcome as a line of COPY: nothing in it needs an escape."""
    assert day.ruleset_hash.isalnum(), "a hash is letters and digits"
    return "\t".join([r"\N" if each is None else str(each) for each in _VEE_DAY_ROW(day)]) + "\n"


def _arrays(channel_days: Iterable[tuple[int, date]]) -> dict[str, object]:
    """Return channel-days as two arrays, for unnest()."""
    pairs = list(channel_days)
    return {
        "channel_ids": Integers.of([channel for channel, _ in pairs]),
        "local_days": Dates.of([day for _, day in pairs]),
    }
