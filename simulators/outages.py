"""Which transformers lose power, and when: as a script says, or once by chance in a longer run."""

from collections import defaultdict
from collections.abc import Sequence

from mdms.domain.errors import UsageError
from mdms.domain.registry import Commodity
from simulators.city import City
from simulators.radio import Faults
from simulators.script import Cut
from simulators.seeds import generator
from simulators.supply import Outage

_DAY_S = 86400
_LONGER_THAN_S = 2 * _DAY_S
_MINUTES = (20, 180)
_METERS_MIN = 3
"""An outage of fewer meters would look like their radios' bad luck."""


def plan_outages(
    city: City, cuts: Sequence[Cut], *, end_s: int, faults: Faults
) -> Sequence[Outage]:
    """
    Return the outages of a run.

    Args:
        city: Whose transformers.
        cuts: What the script wants; without any, a run of more than two days has one by chance.
        end_s: End of the run, seconds since 1970-01-01 UTC.
        faults: A run without faults has none by chance.

    Raises:
        UsageError: The script names a transformer that feeds no meter.
    """
    fed = _fed(city)
    if cuts or faults is Faults.NONE or end_s - city.start_s <= _LONGER_THAN_S:
        return [_outage(fed, cut) for cut in cuts]
    rng = generator(city.seed, "transformer")
    worth = [name for name, meters in fed.items() if len(meters) >= _METERS_MIN]
    name = str(rng.choice(sorted(worth or fed)))
    start_s = int(rng.integers(city.start_s + _DAY_S, end_s - _DAY_S))
    return [Outage(tuple(fed[name]), start_s, start_s + 60 * int(rng.integers(*_MINUTES)))]


def _outage(fed: dict[str, list[int]], cut: Cut) -> Outage:
    if cut.transformer_id not in fed:
        raise UsageError(f"the script cuts {cut.transformer_id}, which feeds no meter")
    meters = tuple(fed[cut.transformer_id])
    return Outage(meters, cut.at_s, cut.at_s + 60 * cut.minutes)


def _fed(city: City) -> dict[str, list[int]]:
    """Return the electric meters on each transformer."""
    registry = city.registry
    premise = {point.usage_point_id: point.premise_id for point in registry.usage_points}
    transformer = {each.premise_id: each.transformer_id for each in registry.premises}
    fed: defaultdict[str, list[int]] = defaultdict(list)
    for number, (meter, site) in enumerate(zip(registry.meters, city.sites, strict=True)):
        if site.commodity is Commodity.ELECTRIC:
            fed[transformer[premise[meter.usage_point_id]]].append(number)
    return dict(fed)
