"""Facts of the customer system as rows."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime

from psycopg import AsyncConnection

from mdms.domain.facts import CisFact, Subject


class PostgresFacts:
    """`mdms.ports.FactStore` on cis_fact."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    ADD = """
    INSERT INTO cis_fact (subject, subject_id, fact, value, effective_at, known_at, evidence)
    VALUES (%(subject)s, %(subject_id)s, %(fact)s, %(value)s, %(effective_at)s, %(known_at)s,
            %(evidence)s)
    ON CONFLICT DO NOTHING
    RETURNING cis_fact_id
    """

    async def add(self, facts: Sequence[CisFact]) -> Sequence[CisFact]:
        new = []
        for fact in facts:
            cursor = await self._connection.execute(self.ADD, asdict(fact))
            if await cursor.fetchone() is not None:
                new.append(fact)
        return new

    BEARING = """
    WITH asked (subject, subject_id) AS (
        SELECT * FROM unnest(%(subjects)s::text[], %(subject_ids)s::text[])
    ), known AS (
        SELECT f.subject, f.subject_id, f.fact, f.value, f.effective_at, f.known_at, f.evidence
        FROM cis_fact f JOIN asked USING (subject, subject_id)
        WHERE f.effective_at <= %(at)s AND f.known_at <= %(at)s
    )
    (SELECT DISTINCT ON (subject, subject_id, fact) * FROM known
     ORDER BY subject, subject_id, fact, effective_at DESC, known_at DESC)
    UNION
    (SELECT DISTINCT ON (subject, subject_id, fact) * FROM known
     ORDER BY subject, subject_id, fact, known_at DESC, effective_at DESC)
    ORDER BY subject, subject_id, fact, effective_at, known_at
    """

    async def bearing(
        self, subjects: Collection[tuple[Subject, str]], at: datetime
    ) -> Sequence[CisFact]:
        return await self._facts(
            self.BEARING,
            subjects=[subject.value for subject, _ in subjects],
            subject_ids=[subject_id for _, subject_id in subjects],
            at=at,
        )

    STATED = """
    SELECT subject, subject_id, fact, value, effective_at, known_at, evidence
    FROM cis_fact WHERE fact = ANY (%(facts)s::text[]) AND known_at <= %(at)s
    ORDER BY known_at, cis_fact_id
    """

    async def stated(self, facts: Collection[str], at: datetime) -> Sequence[CisFact]:
        return await self._facts(self.STATED, facts=list(facts), at=at)

    HISTORY = """
    SELECT subject, subject_id, fact, value, effective_at, known_at, evidence
    FROM cis_fact WHERE subject_id = %(subject_id)s ORDER BY known_at, cis_fact_id
    """

    async def history(self, subject_id: str) -> Sequence[CisFact]:
        return await self._facts(self.HISTORY, subject_id=subject_id)

    UNKNOWN = """
    SELECT subject, subject_id
    FROM unnest(%(subjects)s::text[], %(subject_ids)s::text[]) AS asked (subject, subject_id)
    WHERE NOT CASE subject
        WHEN 'account' THEN EXISTS (SELECT FROM account WHERE account_id = subject_id)
        WHEN 'premise' THEN EXISTS (SELECT FROM premise WHERE premise_id = subject_id)
        WHEN 'meter' THEN EXISTS (SELECT FROM meter WHERE badge = subject_id)
        WHEN 'usage_point'
            THEN EXISTS (SELECT FROM usage_point WHERE usage_point_id = subject_id)
        ELSE true
    END
    """

    async def unknown(self, subjects: Collection[tuple[Subject, str]]) -> set[tuple[Subject, str]]:
        cursor = await self._connection.execute(
            self.UNKNOWN,
            {
                "subjects": [subject.value for subject, _ in subjects],
                "subject_ids": [subject_id for _, subject_id in subjects],
            },
        )
        return {(Subject(subject), subject_id) for subject, subject_id in await cursor.fetchall()}

    async def _facts(self, statement: str, **values: object) -> list[CisFact]:
        cursor = await self._connection.execute(statement, values)
        return [
            CisFact(
                subject=Subject(subject),
                subject_id=subject_id,
                fact=fact,
                value=value,
                effective_at=effective_at,
                known_at=known_at,
                evidence=evidence,
            )
            for subject, subject_id, fact, value, effective_at, known_at, evidence in (
                await cursor.fetchall()
            )
        ]
