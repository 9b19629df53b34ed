"""Rule sets on a real database: promoted from a day on, and tried on past days first."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from mdms.domain.edits import EditOperation
from mdms.domain.errors import UsageError
from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.domain.time import Period, local_midnight, to_epoch_s
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.ports.vee import StoredRuleset
from mdms.services.vee_run import VeeService
from tests.controls import a_registry
from tests.fakes import FakeClock
from tests.integration.services.editing import LAST as WEEK_LAST
from tests.integration.services.editing import STARTS, VALUE, WEEK, a_desk
from vee.rules import RuleSet
from vee.rules_file import written

pytestmark = pytest.mark.db

ZONE = ZoneInfo("America/Los_Angeles")
FILE = Path(__file__).parents[3] / "config/vee/residential.toml"
TEXT = FILE.read_text(encoding="utf-8")
RULES = RuleSet.load(FILE)
FIRST, LAST = date(2026, 11, 3), date(2026, 11, 5)
SLOTS = 96


def text(*changes: tuple[str, str], version: str = "2026.2", effective: str = "2026-11-05") -> str:
    changed = TEXT.replace('version = "2026.1"', f'version = "{version}"')
    changed = changed.replace("effective = 2026-01-01", f"effective = {effective}")
    for old, new in changes:
        assert old in changed
        changed = changed.replace(old, new, 1)
    return changed


async def heard(store: UnitOfWorkFactory, clock: FakeClock) -> VeeService:
    """Three days of channel 1 (E1): the second has a spike that its register does not know."""
    slots = np.arange(3 * SLOTS)
    value = np.full(3 * SLOTS, 200)
    value[SLOTS + 40 : SLOTS + 43] = 4_000, 1_000, 1_000
    start_s = to_epoch_s(local_midnight(FIRST, ZONE)) + 900 * slots
    register = np.concatenate([[0], np.cumsum(value)])[::SLOTS]
    register[2:] -= 3_000
    async with store() as work:
        await work.registry.merge(a_registry())
        await work.readings.append_raw(
            IntervalReads.raw(
                np.ones_like(value), start_s, value, recorded_us=1, source=Source.UPLINK
            ),
            RegisterReads.raw(
                np.ones_like(register), start_s[0] + 86_400 * np.arange(4), register, recorded_us=1,
                source=Source.UPLINK,
            ),
            sure=True,
        )  # fmt: skip
    return VeeService(store, clock, RULES, ZONE)


async def versions(store: UnitOfWorkFactory) -> int:
    async with store() as work:
        return len(await work.readings.intervals(Period.of_days(FIRST, LAST, ZONE)))


async def test_a_shadow_run_says_what_would_change_and_writes_nothing(store):
    vee = await heard(store, FakeClock(datetime(2026, 11, 7, 14, tzinfo=UTC)))
    before = await versions(store)

    shadow = await vee.shadow(
        text(
            ("resolutions = 2 ", "resolutions = 100 "),
            ("usage_per_mille = 1 ", "usage_per_mille = 900 "),
        ),
        FIRST,
        LAST,
        channel_ids=[1],
    )

    changed = {(row["what"], row["name"]): row for row in shadow.rows()}
    assert changed["rules", "V45"]["in_force"] == 1
    assert changed["rules", "V45"]["candidate"] == 0
    assert changed["statuses", "E"]["in_force"] == 1, "one value alone explains the register"
    assert changed["blocked", "sum_check"]["candidate"] == 1
    assert changed["billing", "bills"] == {
        "what": "billing", "name": "bills", "in_force": 1, "candidate": 0,
    }  # fmt: skip
    assert await versions(store) == before
    async with store() as work:
        assert await work.vee.days(FIRST, LAST) == []


async def test_a_shadow_run_judges_each_day_by_the_rules_of_that_day(store):
    clock = FakeClock(datetime(2026, 11, 4, 20, tzinfo=UTC))
    vee = await heard(store, clock)
    lax = ("resolutions = 2 ", "resolutions = 100 "), ("per_mille = 1 ", "per_mille = 900 ")
    await vee.rulesets.promote(text(*lax, effective=f"{LAST}"), by="supervisor")
    clock.advance(timedelta(days=2, hours=18))

    shadow = await vee.shadow(text(version="2026.3"), FIRST, LAST, channel_ids=[1])

    # the register of the day before it was promoted is off by the rules of that day
    assert shadow.in_force.rules["V45"] == 1
    assert shadow.rows() == [row for row in shadow.rows() if row["what"] == "billing"]
    assert shadow.in_force.units == shadow.candidate.units


async def test_a_shadow_run_takes_the_word_of_who_edited(store):
    desk = await a_desk(store)
    await desk.ask(
        EditOperation.SET, 40, 41, values=(9_000,), override_sum="the meter was by-passed"
    )

    shadow = await desk.vee.shadow(
        text(
            ("resolutions = 2 ", "resolutions = 100 "),
            ("usage_per_mille = 1 ", "usage_per_mille = 900 "),
        ),
        FIRST,
        LAST,
        channel_ids=[desk.channel_id],
    )

    assert not [row for row in shadow.rows() if row["what"] in {"rules", "statuses", "exceptions"}]


async def test_a_gap_across_two_editions_adds_up_in_a_shadow_run_as_it_does_in_a_run(store):
    gap = slice(6 * SLOTS - 36, 6 * SLOTS + 4)  # from the fall at 16:00 past the last midnight
    desk = await a_desk(store, heard=gap, registers=False)
    at_s = np.array([STARTS[0], WEEK.end_s])
    register = np.array([0, VALUE.sum()])
    straight = ("references_min = 3 ", "references_min = 30 "), ("h_max = 2.0", "h_max = 12.0")
    newer = RuleSet.parse(text(*straight, effective=f"{WEEK_LAST}"), name="newer")
    async with store() as work:
        await work.readings.append_raw(
            IntervalReads.empty(),
            RegisterReads.raw(
                np.full(2, desk.channel_id), at_s, register, recorded_us=1, source=Source.UPLINK
            ),
            sure=True,
        )
        await work.vee.add_ruleset(a_ruleset(newer))

    shadow = await desk.vee.shadow(TEXT, FIRST, WEEK_LAST, channel_ids=[desk.channel_id])
    await desk.judge(FIRST, WEEK_LAST)

    made = [value for value, _ in await desk.current(gap.start, gap.stop)]
    assert shadow.in_force.energy["E"] == sum(made) == VALUE[gap].sum()


def a_ruleset(rules: RuleSet) -> StoredRuleset:
    return StoredRuleset(
        hash=rules.hash,
        version=rules.edition.version,
        effective=rules.edition.effective,
        approved_by=rules.edition.approved_by,
        promoted_by="supervisor",
        promoted_at=datetime(2026, 11, 4, 20, tzinfo=UTC),
        toml=written(rules),
    )


async def test_a_promoted_rule_set_judges_from_its_day_on_and_never_before(store):
    clock = FakeClock(datetime(2026, 11, 4, 20, tzinfo=UTC))
    vee = await heard(store, clock)
    candidate = text()
    await vee.rulesets.promote(candidate, by="supervisor")
    clock.advance(timedelta(days=2, hours=18))

    await vee.run(FIRST, LAST, channel_ids=[1])

    async with store() as work:
        judged = {day.local_day: day.ruleset_hash for day in await work.vee.days(FIRST, LAST)}
    later = RuleSet.parse(candidate, name="candidate").hash
    assert judged == {
        FIRST: RULES.hash,
        FIRST + timedelta(days=1): RULES.hash,
        LAST: later,
    }
    assert [row["state"] for row in await vee.rulesets.list()] == ["replaced", "in force"]


async def test_the_evening_before_a_promoted_rule_set_is_judged_by_its_own_to_the_last(store):
    clock = FakeClock(datetime(2026, 11, 4, 20, tzinfo=UTC))
    vee = await heard(store, clock)
    lax = ("resolutions = 2 ", "resolutions = 100 "), ("per_mille = 1 ", "per_mille = 900 ")
    await vee.rulesets.promote(text(*lax, effective=f"{LAST}"), by="supervisor")
    clock.advance(timedelta(days=2, hours=18))
    evening = LAST - timedelta(days=1)

    for first, last in ((FIRST, LAST), (LAST, LAST), (evening, evening)):
        await vee.run(first, last, channel_ids=[1])

        async with store() as work:
            (day,) = await work.vee.days(evening, evening)
        # its register is off by these rules, and would not be by those of the next morning
        assert (day.ruleset_hash, day.estimated) == (RULES.hash, 1)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"effective": "2026-11-04"}, "from tomorrow on at the earliest"),
        ({"version": "2026.1"}, "2026.1 is in force or planned"),
    ],
)
async def test_rules_are_not_changed_behind_days_that_have_begun(store, changes, sentence):
    vee = VeeService(store, FakeClock(datetime(2026, 11, 4, 20, tzinfo=UTC)), RULES, ZONE)

    with pytest.raises(UsageError, match=sentence):
        await vee.rulesets.promote(text(**changes), by="supervisor")


async def test_a_candidate_is_compared_key_by_key_and_tried_on_examples(store):
    vee = VeeService(store, FakeClock(datetime(2026, 11, 4, 20, tzinfo=UTC)), RULES, ZONE)
    candidate = text(("excess_per_cent = 180", "excess_per_cent = 201"))

    keys = {row["key"] for row in await vee.rulesets.diff(candidate)}
    silenced = [
        row["example"]
        for row in await vee.rulesets.test(candidate)
        if row["in_force"] and not row["candidate"]
    ]

    assert keys == {"edition.effective", "edition.version", "spike.excess_per_cent"}
    assert "V23 highest 9.0, third 3.0 kWh" in silenced
