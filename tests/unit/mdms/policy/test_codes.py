"""Every code that a customer may meet is explained, with the decision it stands for."""

import re
from pathlib import Path

from mdms import policy
from mdms.policy.decision import Verdict

MODULES = [
    "access", "portal", "adjustments", "aggregates", "alerts", "bill_dates", "leak_credit",
    "optout", "optout_meters", "reading", "self_read",
]  # fmt: skip
PAGE = Path(__file__).parents[4] / "docs" / "reference" / "customer-codes.md"


def test_the_page_of_codes_is_complete():
    sources = "".join((Path(policy.__path__[0]) / f"{module}.py").read_text() for module in MODULES)
    returned = set(re.findall(r'"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|THEFT|ALERT)"', sources))

    explained = re.findall(r"^\| `([A-Z0-9_]+)` \| (\w+) \|", PAGE.read_text(), re.MULTILINE)

    assert sorted(code for code, _ in explained) == sorted(returned)
    assert {decision for _, decision in explained} <= set(Verdict)
