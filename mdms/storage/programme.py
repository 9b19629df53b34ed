"""The opt-out programme as rows."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, fields
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row, dict_row

from mdms.domain.programme import (
    BillingEvent,
    EnrolledService,
    Enrolment,
    EnrolmentState,
    Supply,
    Task,
)
from mdms.domain.registry import Account, Commodity, Meter, Premise, PremiseKind, Radio, UsagePoint
from mdms.storage.refusals import refusal_of


class PostgresProgramme:
    """`mdms.ports.ProgrammeStore` on enrolment, billing_event and optout_task."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    ADD = """
    INSERT INTO enrolment
        (enrolment_id, account_id, usage_points, requester, crew_today, reason, requested_by,
         received_at, state, services, approved_by, from_on, until_on, closed_by, closing)
    VALUES
        (%(enrolment_id)s, %(account_id)s, %(usage_points)s, %(requester)s, %(crew_today)s,
         %(reason)s, %(requested_by)s, %(received_at)s, %(state)s, %(services)s::jsonb,
         %(approved_by)s, %(from_on)s, %(until_on)s, %(closed_by)s, %(closing)s)
    """

    async def add(self, enrolment: Enrolment) -> None:
        await self._connection.execute(self.ADD, _row_of(enrolment))

    UPDATE = """
    UPDATE enrolment
    SET state = %(state)s, services = %(services)s::jsonb, approved_by = %(approved_by)s,
        from_on = %(from_on)s, until_on = %(until_on)s, closed_by = %(closed_by)s,
        closing = %(closing)s
    WHERE enrolment_id = %(enrolment_id)s
    """

    async def update(self, enrolment: Enrolment) -> None:
        await self._connection.execute(self.UPDATE, _row_of(enrolment))

    LOCK = "SELECT * FROM enrolment WHERE enrolment_id = %(enrolment_id)s FOR UPDATE"

    async def lock(self, enrolment_id: UUID) -> Enrolment | None:
        found = await self._enrolments(self.LOCK, enrolment_id=enrolment_id)
        return found[0] if found else None

    OF_ACCOUNT = "SELECT * FROM enrolment WHERE account_id = %(account_id)s ORDER BY enrolment_id"

    async def of_account(self, account_id: str) -> Sequence[Enrolment]:
        return await self._enrolments(self.OF_ACCOUNT, account_id=account_id)

    EVERY = "SELECT * FROM enrolment WHERE state = ANY (%(states)s) ORDER BY enrolment_id"

    async def every(self, states: Collection[EnrolmentState]) -> Sequence[Enrolment]:
        return await self._enrolments(self.EVERY, states=[state.value for state in states])

    # An account's own id wins over a badge of the same name.
    LOCK_ACCOUNT = """
    SELECT account_id, master_account_id, customer_type, opened_on, closed_on
    FROM account
    WHERE account_id = %(name)s OR account_id IN (
        SELECT a.account_id
        FROM agreement a
        LEFT JOIN meter_installation i USING (usage_point_id)
        WHERE (a.usage_point_id = %(name)s OR i.badge = %(name)s AND i.removed_at IS NULL)
          AND a.start_on <= %(day)s AND (a.end_on IS NULL OR a.end_on > %(day)s)
    )
    ORDER BY account_id = %(name)s DESC
    LIMIT 1
    FOR UPDATE
    """

    async def lock_account(self, name: str, day: date) -> Account | None:
        async with self._connection.cursor(row_factory=class_row(Account)) as cursor:
            await cursor.execute(self.LOCK_ACCOUNT, {"name": name, "day": day})
            return await cursor.fetchone()

    SUPPLIES = """
    SELECT p.premise_id, p.kind, p.latitude, p.longitude,
           coalesce(p.transformer_id, '') AS transformer_id, p.water_zone, p.flags,
           u.usage_point_id, u.commodity, u.service_class, u.billing_cycle, u.net_metering,
           u.temporary, u.irregular_usage,
           m.badge, m.serial, i.radio_id, m.model, i.installed_at, i.removed_at, m.has_switch,
           i.pilot, i.radio, m.register_dials, m.register_resolution, i.multiplier, m.key_id
    FROM agreement a
    JOIN usage_point u USING (usage_point_id)
    JOIN premise p USING (premise_id)
    JOIN meter_installation i USING (usage_point_id)
    JOIN meter m USING (badge)
    WHERE a.account_id = %(account_id)s
      AND a.start_on <= %(day)s AND (a.end_on IS NULL OR a.end_on > %(day)s)
      AND i.installed_at <= %(at)s AND (i.removed_at IS NULL OR i.removed_at > %(at)s)
    ORDER BY u.usage_point_id
    """

    async def supplies(self, account_id: str, day: date, at: datetime) -> Sequence[Supply]:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(self.SUPPLIES, {"account_id": account_id, "day": day, "at": at})
            return [_supply_of(row) for row in await cursor.fetchall()]

    CHARGE = """
    INSERT INTO billing_event (kind, account_id, subject_id, due_on, amount_usd, clause, at)
    VALUES (%(kind)s, %(account_id)s, %(subject_id)s, %(due_on)s, %(amount_usd)s, %(clause)s,
            %(at)s)
    ON CONFLICT DO NOTHING
    RETURNING number
    """

    async def charge(self, event: BillingEvent) -> bool:
        cursor = await self._connection.execute(self.CHARGE, asdict(event))
        return await cursor.fetchone() is not None

    CHARGED = """
    SELECT kind, account_id, subject_id, due_on, amount_usd, clause, at, number
    FROM billing_event WHERE due_on BETWEEN %(first)s AND %(last)s ORDER BY number
    """

    async def charged(self, first: date, last: date) -> Sequence[BillingEvent]:
        async with self._connection.cursor(row_factory=class_row(BillingEvent)) as cursor:
            await cursor.execute(self.CHARGED, {"first": first, "last": last})
            return await cursor.fetchall()

    RAISE_TASK = """
    INSERT INTO optout_task
        (code, subject, account_id, occasion, clause, cure, found_at, done_at, done_by)
    VALUES (%(code)s, %(subject)s, %(account_id)s, %(occasion)s, %(clause)s, %(cure)s,
            %(found_at)s, %(done_at)s, %(done_by)s)
    ON CONFLICT DO NOTHING
    RETURNING number
    """

    async def raise_task(self, task: Task) -> bool:
        cursor = await self._connection.execute(self.RAISE_TASK, asdict(task))
        return await cursor.fetchone() is not None

    TASKS = """
    SELECT * FROM optout_task WHERE done_at IS NULL OR NOT %(open_only)s ORDER BY number
    """

    async def tasks(self, *, open_only: bool) -> Sequence[Task]:
        return await self._tasks(self.TASKS, open_only=open_only)

    FINISH = """
    UPDATE optout_task SET done_at = %(at)s, done_by = %(by)s
    WHERE number = %(number)s AND done_at IS NULL
    RETURNING *
    """

    async def finish(self, number: int, at: datetime, by: str) -> Task | None:
        found = await self._tasks(self.FINISH, number=number, at=at, by=by)
        return found[0] if found else None

    FINISH_ABOUT = """
    UPDATE optout_task SET done_at = %(at)s, done_by = %(by)s
    WHERE subject = %(subject)s AND done_at IS NULL
    """

    async def finish_about(self, subject: str, at: datetime, by: str) -> None:
        values = {"subject": subject, "at": at, "by": by}
        await self._connection.execute(self.FINISH_ABOUT, values)

    async def _enrolments(self, statement: str, **values: object) -> list[Enrolment]:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement, values)
            return [_enrolment_of(row) for row in await cursor.fetchall()]

    async def _tasks(self, statement: str, **values: object) -> list[Task]:
        async with self._connection.cursor(row_factory=class_row(Task)) as cursor:
            await cursor.execute(statement, values)
            return await cursor.fetchall()


def _row_of(enrolment: Enrolment) -> dict[str, Any]:
    services = [asdict(service) for service in enrolment.services]
    row = {each.name: getattr(enrolment, each.name) for each in fields(Enrolment)}
    return row | {
        "usage_points": list(enrolment.usage_points),
        "state": enrolment.state.value,
        "services": json.dumps(services, default=str),
    }


def _enrolment_of(row: dict[str, Any]) -> Enrolment:
    return Enrolment(
        **row
        | {
            "usage_points": tuple(row["usage_points"]),
            "state": EnrolmentState(row["state"]),
            "services": tuple(
                EnrolledService(
                    **each | {"refusals": tuple(refusal_of(one) for one in each["refusals"])}
                )
                for each in row["services"]
            ),
        }
    )


def _supply_of(row: dict[str, Any]) -> Supply:
    row |= {
        "kind": PremiseKind(row["kind"]),
        "commodity": Commodity(row["commodity"]),
        "radio": Radio(row["radio"]),
        "flags": tuple(row["flags"]),
    }
    premise, point, meter = (
        {each.name: row[each.name] for each in fields(kind)}
        for kind in (Premise, UsagePoint, Meter)
    )
    return Supply(Premise(**premise), UsagePoint(**point), Meter(**meter))
