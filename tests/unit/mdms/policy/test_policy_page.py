"""docs/policy.md names every fact that may be stated, and every code that may be answered."""

import re

from mdms.policy.facts import KINDS
from tests.policy import CONFIG

ROOT = CONFIG.parent
PAGE = (ROOT / "docs" / "policy.md").read_text()
ROWS = {
    "budgets", "engine", "gate", "immediate", "move_out", "nonpay", "notices", "pilot", "radio",
    "reasons", "reconnect",
}  # fmt: skip
CODE = re.compile(r'"((?:RD|NP|MO|RC|AL|HAZARD|THEFT|RADIO|PILOT|CALENDAR|REMOTE)_[A-Z0-9_]+)"')


def test_every_fact_is_documented():
    assert [name for name in KINDS if f"| `{name}` |" not in PAGE] == []


def test_every_code_is_documented():
    sources = [(ROOT / "mdms" / "policy" / f"{name}.py").read_text() for name in ROWS]
    codes = {code for source in sources for code in CODE.findall(source)}

    assert len(codes) > 50
    assert sorted(code for code in codes if f"`{code}`" not in PAGE) == []
