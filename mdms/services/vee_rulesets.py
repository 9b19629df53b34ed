"""Rule sets: which judges when, how a candidate differs, and how it comes into force."""

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from mdms.domain.errors import UsageError
from mdms.domain.time import local_day
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.ports.vee import StoredRuleset
from vee.editions import Editions, differences
from vee.examples import tried
from vee.rules import RuleSet


async def editions(work: UnitOfWork, shipped: RuleSet) -> Editions:
    """Return the rule set that an installation ships with and those promoted since."""
    stored = await work.vee.rulesets()
    return Editions.of(shipped, *(RuleSet.parse(each.toml, name=each.version) for each in stored))


async def judging(work: UnitOfWork, shipped: RuleSet, hash_: str) -> RuleSet | None:
    """Return the rule set of a hash: one in force, or one that the installation once came with."""
    for rules in (await editions(work, shipped)).rulesets:
        if rules.hash == hash_:
            return rules
    kept = await work.vee.shipped(hash_)
    return None if kept is None else RuleSet.parse(kept, name=hash_)


class RulesetService:
    """Lists, compares and promotes rule sets."""

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, clock: Clock, shipped: RuleSet, zone: ZoneInfo
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._shipped = shipped
        self._zone = zone

    async def list(self) -> Sequence[dict[str, object]]:
        """Return every rule set with its days, oldest first, as plain values."""
        async with self._unit_of_work() as work:
            stored = {each.hash: each for each in await work.vee.rulesets()}
            known = await editions(work, self._shipped)
        today = self._today()
        rows: list[dict[str, object]] = []
        for reign in known.reigns():
            rules, promoted = reign.rules, stored.get(reign.rules.hash)
            over, ahead = reign.last < today, reign.first > today
            state = "replaced" if over else "planned" if ahead else "in force"
            rows.append(
                {
                    "version": rules.edition.version,
                    "state": state,
                    "effective": rules.edition.effective.isoformat(),
                    "approved_by": rules.edition.approved_by,
                    "promoted_by": promoted.promoted_by if promoted else "shipped",
                    "hash": rules.hash[:12],
                }
            )
        return rows

    async def diff(self, text: str) -> Sequence[dict[str, object]]:
        """
        Return what a candidate changes of the rules in force, key by key.

        Raises:
            RuleSetError: It cannot be used.
        """
        candidate = RuleSet.parse(text, name="candidate")
        async with self._unit_of_work() as work:
            now = (await editions(work, self._shipped)).on(self._today())
        return [
            {"key": each.key, "in_force": _plain(each.old), "candidate": _plain(each.new)}
            for each in differences(now, candidate)
        ]

    async def test(self, text: str) -> Sequence[dict[str, object]]:
        """
        Try a candidate on worked examples, beside the rules in force.

        Raises:
            RuleSetError: It cannot be used.
        """
        candidate = tried(RuleSet.parse(text, name="candidate"))
        async with self._unit_of_work() as work:
            now = tried((await editions(work, self._shipped)).on(self._today()))
        return [
            {"example": name, "in_force": now[name], "candidate": speaks}
            for name, speaks in candidate.items()
        ]

    async def promote(self, text: str, *, by: str) -> dict[str, object]:
        """
        Put a rule set in force from its effective date on; days already begun keep theirs.

        Raises:
            RuleSetError: It cannot be used.
            UsageError: It begins too early, or it is known already.
        """
        rules, today = RuleSet.parse(text, name="candidate"), self._today()
        if rules.edition.effective <= today:
            raise UsageError(
                f"Rules judge from tomorrow on at the earliest; edition.effective is "
                f"{rules.edition.effective}, today is {today}."
            )
        async with self._unit_of_work() as work:
            known = await editions(work, self._shipped)
            versions = {each.edition.version for each in known.rulesets}
            if rules.edition.version in versions:
                raise UsageError(f"A rule set {rules.edition.version} is in force or planned.")
            await work.vee.add_ruleset(
                StoredRuleset(
                    hash=rules.hash,
                    version=rules.edition.version,
                    effective=rules.edition.effective,
                    approved_by=rules.edition.approved_by,
                    promoted_by=by,
                    promoted_at=self._clock.now(),
                    toml=text,
                )
            )
        return {
            "version": rules.edition.version,
            "effective": rules.edition.effective.isoformat(),
            "hash": rules.hash,
        }

    def _today(self) -> date:
        return local_day(self._clock.now(), self._zone)


def _plain(value: object) -> object:
    """Return a key's value as people write it."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return value if value is None or isinstance(value, bool | int | float) else str(value)
