"""The rules and calendars that ship, as the cases of the policy use them."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from mdms.policy.calendars import Calendar, parse_local
from mdms.policy.rulebook import Rulebook
from mdms.settings import config_dir

ZONE = ZoneInfo("America/Los_Angeles")
TODAY = date(2026, 12, 10)


def _texts(folder: str) -> dict[str, str]:
    return {path.name: path.read_text() for path in (config_dir() / folder).glob("*.toml")}


RULEBOOK = Rulebook.parse(_texts("policy"))
CUSTOMER_RULES = RULEBOOK.customer_at(TODAY)
CALENDAR = Calendar.parse(_texts("calendars"), ZONE)


def local(text: str) -> datetime:
    """Return the UTC instant of a local time like 2026-12-10T10:05."""
    return parse_local(text, ZONE)
