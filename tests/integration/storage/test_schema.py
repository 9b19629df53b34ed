"""schema.sql is generated for reading: it must be what the migrations make."""

import os
import re
import subprocess
from pathlib import Path

import pytest

import mdms.storage
from mdms.embedded import software

pytestmark = pytest.mark.db

SCHEMA = Path(mdms.storage.__file__).with_name("schema.sql")
HEADER = """\
-- What the migrations make on plain PostgreSQL, for reading only: change a migration, then run
-- MDMS_WRITE_SCHEMA=1 python -m pytest tests/integration/storage/test_schema.py

"""
NOISE = re.compile(
    r"^(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*)\n", re.MULTILINE
)


@pytest.mark.skipif("MDMS_TEST_DSN" in os.environ, reason="schema.sql shows plain PostgreSQL")
def test_schema_sql_is_what_the_migrations_make(database):
    dump = subprocess.run(
        [software.program("pg_dump"), "--schema-only", "--no-owner", database],
        capture_output=True,
        check=True,
        text=True,
    ).stdout

    made = HEADER + re.sub(r"\n{3,}", "\n\n", NOISE.sub("", dump)).strip() + "\n"
    if os.environ.get("MDMS_WRITE_SCHEMA"):
        SCHEMA.write_text(made, encoding="utf-8")

    assert SCHEMA.read_text(encoding="utf-8") == made
