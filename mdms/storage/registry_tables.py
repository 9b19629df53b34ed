"""
The statements that merge a file of the registry into its tables, and that read it back.

Rows come as JSON, a few thousand at a time. A merge changes only what differs, so that it can say
what it did: each returns one row (key, whether it was added) per row it wrote.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mdms.domain.registry import (
    Account,
    Agreement,
    Channel,
    Collector,
    Commodity,
    Contact,
    Premise,
    PremiseKind,
    Transformer,
    UsagePoint,
)


@dataclass(frozen=True, slots=True)
class RegistryTable:
    """
    A file whose rows are the rows of one table.

    Attributes:
        name: The field of `Registry`, and of the file.
        row: What one row is.
        merge: Write %(rows)s where they are new or differ.
        load: Read all, sorted by key; its columns are the row's attributes.
        decode: Types that the driver does not make by itself, by attribute.
    """

    name: str
    row: type
    merge: str
    load: str
    decode: Mapping[str, Callable[[Any], object]] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        """The CSV file that these rows come from."""
        return f"{self.name}.csv"


TRANSFORMERS = RegistryTable(
    "transformers",
    Transformer,
    merge="""
INSERT INTO transformer AS known (transformer_id, feeder_id, kva, latitude, longitude)
SELECT * FROM json_to_recordset(%(rows)s::json) AS r
    (transformer_id text, feeder_id text, kva numeric, latitude float8, longitude float8)
ON CONFLICT (transformer_id) DO UPDATE
SET feeder_id = EXCLUDED.feeder_id, kva = EXCLUDED.kva, latitude = EXCLUDED.latitude,
    longitude = EXCLUDED.longitude
WHERE known IS DISTINCT FROM EXCLUDED
RETURNING transformer_id, xmax = 0
""",
    load="SELECT transformer_id, feeder_id, kva, latitude, longitude FROM transformer ORDER BY 1",
)

PREMISES = RegistryTable(
    "premises",
    Premise,
    decode={"kind": PremiseKind, "flags": tuple},
    merge="""
INSERT INTO premise AS known
    (premise_id, kind, latitude, longitude, transformer_id, water_zone, flags)
SELECT premise_id, kind, latitude, longitude, nullif(transformer_id, ''), water_zone, flags
FROM json_to_recordset(%(rows)s::json) AS r
    (premise_id text, kind text, latitude float8, longitude float8, transformer_id text,
     water_zone text, flags text[])
ON CONFLICT (premise_id) DO UPDATE
SET kind = EXCLUDED.kind, latitude = EXCLUDED.latitude, longitude = EXCLUDED.longitude,
    transformer_id = EXCLUDED.transformer_id, water_zone = EXCLUDED.water_zone,
    flags = EXCLUDED.flags
WHERE known IS DISTINCT FROM EXCLUDED
RETURNING premise_id, xmax = 0
""",
    load="""
SELECT premise_id, kind, latitude, longitude, coalesce(transformer_id, '') AS transformer_id,
       water_zone, flags
FROM premise ORDER BY 1
""",
)

USAGE_POINTS = RegistryTable(
    "usage_points",
    UsagePoint,
    decode={"commodity": Commodity},
    merge="""
INSERT INTO usage_point AS known
    (usage_point_id, premise_id, commodity, service_class, billing_cycle, net_metering, temporary,
     irregular_usage)
SELECT * FROM json_to_recordset(%(rows)s::json) AS r
    (usage_point_id text, premise_id text, commodity text, service_class text,
     billing_cycle integer, net_metering boolean, temporary boolean, irregular_usage boolean)
ON CONFLICT (usage_point_id) DO UPDATE
SET premise_id = EXCLUDED.premise_id, commodity = EXCLUDED.commodity,
    service_class = EXCLUDED.service_class, billing_cycle = EXCLUDED.billing_cycle,
    net_metering = EXCLUDED.net_metering, temporary = EXCLUDED.temporary,
    irregular_usage = EXCLUDED.irregular_usage
WHERE known IS DISTINCT FROM EXCLUDED
RETURNING usage_point_id, xmax = 0
""",
    load="""
SELECT usage_point_id, premise_id, commodity, service_class, billing_cycle, net_metering,
       temporary, irregular_usage
FROM usage_point ORDER BY 1
""",
)

ACCOUNTS = RegistryTable(
    "accounts",
    Account,
    merge="""
INSERT INTO account AS known (account_id, master_account_id, customer_type, opened_on, closed_on)
SELECT * FROM json_to_recordset(%(rows)s::json) AS r
    (account_id text, master_account_id text, customer_type text, opened_on date, closed_on date)
ON CONFLICT (account_id) DO UPDATE
SET master_account_id = EXCLUDED.master_account_id, customer_type = EXCLUDED.customer_type,
    opened_on = EXCLUDED.opened_on, closed_on = EXCLUDED.closed_on
WHERE known IS DISTINCT FROM EXCLUDED
RETURNING account_id, xmax = 0
""",
    load="""
SELECT account_id, master_account_id, customer_type, opened_on, closed_on FROM account ORDER BY 1
""",
)

AGREEMENTS = RegistryTable(
    "agreements",
    Agreement,
    merge="""
INSERT INTO agreement AS known (account_id, usage_point_id, start_on, end_on)
SELECT * FROM json_to_recordset(%(rows)s::json) AS r
    (account_id text, usage_point_id text, start_on date, end_on date)
ON CONFLICT (usage_point_id, start_on) DO UPDATE
SET account_id = EXCLUDED.account_id, end_on = EXCLUDED.end_on
WHERE known IS DISTINCT FROM EXCLUDED
RETURNING (usage_point_id, start_on), xmax = 0
""",
    load="""
SELECT account_id, usage_point_id, start_on, end_on FROM agreement
ORDER BY usage_point_id, start_on
""",
)

COLLECTORS = RegistryTable(
    "collectors",
    Collector,
    merge="""
INSERT INTO collector AS known (collector_id, name, latitude, longitude)
SELECT * FROM json_to_recordset(%(rows)s::json) AS r
    (collector_id bigint, name text, latitude float8, longitude float8)
ON CONFLICT (collector_id) DO UPDATE
SET name = EXCLUDED.name, latitude = EXCLUDED.latitude, longitude = EXCLUDED.longitude
WHERE known IS DISTINCT FROM EXCLUDED
RETURNING collector_id, xmax = 0
""",
    load="SELECT collector_id, name, latitude, longitude FROM collector ORDER BY 1",
)

# Channels are numbered without gaps: a row that only differs is updated, never offered for
# insertion, which would use up a number.
CHANNELS = RegistryTable(
    "channels",
    Channel,
    merge="""
WITH given AS (
    SELECT * FROM json_to_recordset(%(rows)s::json) AS r
        (badge text, channel smallint, reading_type text, interval_s integer, unit text)
), changed AS (
    UPDATE channel known
    SET reading_type = given.reading_type, interval_s = given.interval_s, unit = given.unit
    FROM given
    WHERE known.badge = given.badge AND known.channel = given.channel
      AND (known.reading_type, known.interval_s, known.unit)
          IS DISTINCT FROM (given.reading_type, given.interval_s, given.unit)
    RETURNING known.channel_id
), added AS (
    INSERT INTO channel (badge, channel, reading_type, interval_s, unit)
    SELECT badge, channel, reading_type, interval_s, unit FROM given
    WHERE NOT EXISTS (
        SELECT FROM channel known
        WHERE known.badge = given.badge AND known.channel = given.channel
    )
    ORDER BY badge, channel
    RETURNING channel_id
)
SELECT channel_id, true FROM added UNION ALL SELECT channel_id, false FROM changed
""",
    load="""
SELECT badge, channel, reading_type, interval_s, unit FROM channel ORDER BY badge, channel
""",
)

CONTACTS = RegistryTable(
    "contacts",
    Contact,
    merge="""
INSERT INTO personal.contact AS known (account_id, name, email, phone, address)
SELECT * FROM json_to_recordset(%(rows)s::json) AS r
    (account_id text, name text, email text, phone text, address text)
ON CONFLICT (account_id) DO UPDATE
SET name = EXCLUDED.name, email = EXCLUDED.email, phone = EXCLUDED.phone,
    address = EXCLUDED.address
WHERE known IS DISTINCT FROM EXCLUDED
RETURNING account_id, xmax = 0
""",
    load="SELECT account_id, name, email, phone, address FROM personal.contact ORDER BY 1",
)

WITHOUT_METERS = (
    TRANSFORMERS, PREMISES, USAGE_POINTS, ACCOUNTS, AGREEMENTS, COLLECTORS, CONTACTS,
)  # fmt: skip
"""In the order of their references. Meters are two tables, a device and where it sits, which
`registry.py` merges itself; then come the channels."""
