"""The audit as rows: notes are linked to the chain at the end of the transaction they belong to."""

from collections.abc import Sequence

from psycopg import AsyncConnection

from mdms.domain.audit import AuditEntry, AuditHead, AuditRecord, SealedHead, chained


class PostgresAudit:
    """`mdms.ports.AuditStore` on audit_record, audit_head, audit_seal."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._noted: list[AuditEntry] = []

    def note(self, entry: AuditEntry) -> None:
        self._noted.append(entry)

    # The lock is taken last and held for the commit only: nobody who waits for it holds anything
    # that its holder could still want.
    LOCK_HEAD = "SELECT number, hash FROM audit_head FOR UPDATE"

    # In one statement: whoever asks for a command waits for it.
    ADD = """
    WITH moved AS (UPDATE audit_head SET number = %(number)s, hash = %(hash)b)
    INSERT INTO audit_record (number, at, kind, subject, actor, content, hash)
    SELECT * FROM unnest(
        %(numbers)s::bigint[], %(ats)s::timestamptz[], %(kinds)s::text[], %(subjects)s::text[],
        %(actors)s::text[], %(contents)s::bytea[], %(hashes)s::bytea[])
    """

    async def link(self) -> None:
        """Add what was noted to the chain; the transaction commits next."""
        if not self._noted:
            return
        cursor = await self._connection.execute(self.LOCK_HEAD)
        row = await cursor.fetchone()
        assert row is not None, "the migration made the first head"
        records = chained(AuditHead(*row), self._noted)
        entries = self._noted
        await cursor.execute(
            self.ADD,
            {
                "number": records[-1].number,
                "hash": records[-1].hash,
                "numbers": [record.number for record in records],
                "ats": [entry.at for entry in entries],
                "kinds": [entry.kind for entry in entries],
                "subjects": [entry.subject for entry in entries],
                "actors": [entry.actor for entry in entries],
                "contents": [record.content for record in records],
                "hashes": [record.hash for record in records],
            },
        )
        self._noted.clear()

    HEAD = "SELECT number, hash FROM audit_head"

    async def head(self) -> AuditHead:
        cursor = await self._connection.execute(self.HEAD)
        row = await cursor.fetchone()
        assert row is not None, "the migration made the first head"
        return AuditHead(*row)

    AFTER = """
    SELECT number, content, hash FROM audit_record
    WHERE number > %(number)s ORDER BY number LIMIT %(count_max)s
    """

    async def after(self, number: int, count_max: int) -> Sequence[AuditRecord]:
        return await self._records(self.AFTER, number=number, count_max=count_max)

    ABOUT = """
    SELECT number, content, hash FROM audit_record WHERE subject = %(subject)s ORDER BY number
    """

    async def about(self, subject: str) -> Sequence[AuditRecord]:
        return await self._records(self.ABOUT, subject=subject)

    NEWEST = """
    SELECT number, content, hash FROM audit_record
    WHERE (%(subject)s::text IS NULL OR subject = %(subject)s)
      AND (%(before)s::bigint IS NULL OR number < %(before)s)
    ORDER BY number DESC LIMIT %(count_max)s
    """

    async def newest(
        self, *, subject: str | None = None, before: int | None = None, count_max: int
    ) -> Sequence[AuditRecord]:
        return await self._records(self.NEWEST, subject=subject, before=before, count_max=count_max)

    # A link that is no JSON any more breaks the chain, which is looked at first.
    CONTRADICTED = """
    WITH link AS (
        SELECT number, at, kind, subject, actor, convert_from(content, 'UTF8')::jsonb AS said
        FROM audit_record
    ), step AS (
        SELECT link.*, (link.said -> 'detail' ->> 'step')::integer AS step
        FROM link WHERE kind = 'control.step'
    )
    SELECT format('record %s: its own columns tell it otherwise', number)
    FROM link
    WHERE (kind, subject, actor, at)
          IS DISTINCT FROM (said ->> 'kind', said ->> 'subject', said ->> 'actor',
                            (said ->> 'at')::timestamptz)
    UNION ALL
    SELECT format('record %s: the step of the command tells it otherwise', step.number)
    FROM step
    LEFT JOIN control_step s ON s.control_id::text = step.subject AND s.number = step.step
    WHERE (s.at, s.actor, s.event, s.state, s.detail)
          IS DISTINCT FROM (step.at, step.actor, step.said -> 'detail' ->> 'event',
                            step.said -> 'detail' ->> 'state', step.said -> 'detail' ->> 'text')
    UNION ALL
    SELECT format('step %s of command %s: no record tells of it', s.number, s.control_id)
    FROM control_step s
    LEFT JOIN step ON step.subject = s.control_id::text AND step.step = s.number
    WHERE step.number IS NULL
    UNION ALL
    SELECT format('command %s: its steps tell otherwise who asked, or how far it has come',
                  c.control_id)
    FROM control c
    JOIN control_step first ON first.control_id = c.control_id AND first.number = 1
    JOIN LATERAL (
        SELECT state FROM control_step s
        WHERE s.control_id = c.control_id ORDER BY number DESC LIMIT 1
    ) last ON true
    WHERE (c.requested_by, c.state) IS DISTINCT FROM (first.actor, last.state)
    UNION ALL
    SELECT format('record %s: the fact that it tells of is another one now', link.number)
    FROM link
    WHERE link.kind = 'fact' AND link.said -> 'detail' ? 'fact' AND NOT EXISTS (
        SELECT FROM cis_fact f
        WHERE f.subject_id = link.subject
          AND f.subject = link.said -> 'detail' ->> 'subject'
          AND f.fact = link.said -> 'detail' ->> 'fact'
          AND f.value = link.said -> 'detail' ->> 'value'
          AND f.effective_at = (link.said -> 'detail' ->> 'effective_at')::timestamptz
          AND f.known_at = (link.said -> 'detail' ->> 'known_at')::timestamptz)
    """

    async def contradicted(self) -> Sequence[str]:
        cursor = await self._connection.execute(self.CONTRADICTED)
        return [problem for (problem,) in await cursor.fetchall()]

    ADD_SEAL = """
    INSERT INTO audit_seal (number, hash, at, signature, own_number, own_hash)
    VALUES (%(number)s, %(hash)b, %(at)s, %(signature)b, %(own_number)s, %(own_hash)b)
    ON CONFLICT (number, own_number) DO NOTHING
    """

    async def add_seal(self, sealed: SealedHead) -> None:
        await self._connection.execute(
            self.ADD_SEAL,
            {
                "number": sealed.head.number,
                "hash": sealed.head.hash,
                "at": sealed.at,
                "signature": sealed.signature,
                "own_number": sealed.own.number,
                "own_hash": sealed.own.hash,
            },
        )

    SEALS = """
    SELECT number, hash, at, signature, own_number, own_hash FROM audit_seal
    ORDER BY number, own_number
    """

    async def seals(self) -> Sequence[SealedHead]:
        cursor = await self._connection.execute(self.SEALS)
        return [
            SealedHead(AuditHead(number, digest), at, signature, AuditHead(own_number, own_digest))
            for number, digest, at, signature, own_number, own_digest in await cursor.fetchall()
        ]

    async def _records(self, statement: str, **values: object) -> list[AuditRecord]:
        cursor = await self._connection.execute(statement, values)
        return [AuditRecord(*row) for row in await cursor.fetchall()]
