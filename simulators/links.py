"""Who hears whom how well: the stable part of radio, and how often it fades to meet a target."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Int64
from mdms.domain.registry import Commodity
from simulators.arrays import Flags, Floats
from simulators.city import City
from simulators.seeds import generator

NETWORK_LOSS = {Commodity.ELECTRIC: 0.03, Commodity.WATER: 0.06, Commodity.GAS: 0.06}
"""Share of messages of ordinary meters that no collector hears."""
POOR_SHARE = {Commodity.ELECTRIC: 0.005, Commodity.WATER: 0.02, Commodity.GAS: 0.01}
POOR_LOSS = (0.3, 0.6)
SILENT_SHARE = {Commodity.ELECTRIC: 0.001, Commodity.WATER: 0.005, Commodity.GAS: 0.002}
"""Dead, new, or under a lid: never heard."""

FADE_DB = 20.0
FADE_S = 2 * 3600
"""Mean length of a fade; while it lasts every link of the meter is that much weaker."""

_MEAN_RSSI_DBM, _SPREAD_DB = -95.0, 12.0
_RSSI_RANGE_DBM = (-103.0, -55.0)
"""Where a site survey found less, an antenna was added; the network would miss its target."""
_PIT_DB = 6.0
"""Water and gas sit lower than electric meters."""
_EXTRA_LISTENERS = {Commodity.ELECTRIC: 1.5, Commodity.WATER: 1.0, Commodity.GAS: 1.5}
_WEAKER_DB = 5.0
"""How much weaker each further collector hears, on average."""

NOISE_DBM = -117.0
MESSAGE_DB = 4.0
"""A message's strength varies evenly by that much either way."""
SNR_SPREAD_DB = 3.0
_HALF_LOST_DB = 6.0
_SLOPE_PER_DB = math.log(0.98 / 0.02) / (15.0 - _HALF_LOST_DB)
"""Half of the messages are lost at 6 dB, 2 % at 15 dB."""


def link_loss(snr_db: Floats) -> Floats:
    """Return the chance that one collector misses a message."""
    return 1.0 / (1.0 + np.exp(_SLOPE_PER_DB * (snr_db - _HALF_LOST_DB)))


@dataclass(frozen=True, slots=True)
class Links:
    """
    The radio neighbourhood of every meter, in arrays by meter.

    Attributes:
        collector: Collector ids, nearest first, shape (meters, collectors).
        rssi_dbm: Mean strength at each of them, -inf where out of range, same shape.
        extra_loss: Chance that a message is lost before it is sent, 0 for ordinary meters.
        silent: Never heard.
        fading_share: Share of time that the meter fades.
    """

    collector: Int64
    rssi_dbm: Floats
    extra_loss: Floats
    silent: Flags
    fading_share: Floats


def survey(city: City, *, lossless: bool, worse: float = 1.0) -> Links:
    """
    Return the links of a city.

    Args:
        city: Whose meters and collectors.
        lossless: Leave out poor and silent meters and fades.
        worse: How many times the usual share of messages is lost.
    """
    rng = generator(city.seed, "links")
    collectors = city.registry.collectors
    ids = np.array([tower.collector_id for tower in collectors])
    latitude = np.array([site.latitude for site in city.sites])
    longitude = np.array([site.longitude for site in city.sites])
    east = np.cos(np.radians(latitude.mean()))
    distance = np.hypot(
        latitude[:, None] - [tower.latitude for tower in collectors],
        (longitude[:, None] - [tower.longitude for tower in collectors]) * east,
    )
    nearest = ids[np.argsort(distance, axis=1)]

    count = len(city.sites)
    low = np.array([site.commodity is not Commodity.ELECTRIC for site in city.sites])
    listeners = 1 + rng.poisson([_EXTRA_LISTENERS[site.commodity] for site in city.sites])
    best = np.clip(rng.normal(_MEAN_RSSI_DBM, _SPREAD_DB, count) - _PIT_DB * low, *_RSSI_RANGE_DBM)
    weaker = np.cumsum(rng.exponential(_WEAKER_DB, (count, len(ids))), axis=1)
    rssi = best[:, None] - np.concatenate([np.zeros((count, 1)), weaker[:, :-1]], axis=1)
    rssi[np.arange(len(ids)) >= listeners[:, None]] = -np.inf

    poor = _some(city, POOR_SHARE, rng) & (not lossless)
    silent = _some(city, SILENT_SHARE, rng) & (not lossless)
    extra_loss = np.where(poor, rng.uniform(*POOR_LOSS, count), 0.0)
    fading = np.zeros(count) if lossless else _fading_shares(city, rssi, worse)
    return Links(nearest, rssi, extra_loss, silent & ~poor, fading)


def _some(city: City, share: Mapping[Commodity, float], rng: np.random.Generator) -> Flags:
    """Return a share of each commodity's meters; the expected count, rounded up or down."""
    chosen = np.zeros(len(city.sites), np.bool_)
    for commodity, part in share.items():
        members = np.flatnonzero([site.commodity is commodity for site in city.sites])
        count = int(part * len(members) + rng.random())
        chosen[rng.permutation(members)[:count]] = True
    return chosen


def _fading_shares(city: City, rssi_dbm: Floats, worse: float) -> Floats:
    """Return the share of time each meter fades, so that each commodity meets its target."""
    clear, faded = _network_loss(rssi_dbm), _network_loss(rssi_dbm - FADE_DB)
    share = np.zeros(len(city.sites))
    for commodity, target in NETWORK_LOSS.items():
        members = np.array([site.commodity is commodity for site in city.sites])
        if members.any():
            usual, worst = clear[members].mean(), faded[members].mean()
            share[members] = np.clip((worse * target - usual) / (worst - usual), 0.0, 0.5)
    return share


def _network_loss(rssi_dbm: Floats) -> Floats:
    """Return the chance that no collector hears a message of each meter."""
    spread = math.hypot(SNR_SPREAD_DB, MESSAGE_DB / math.sqrt(3))
    offsets, weights = np.polynomial.hermite_e.hermegauss(15)
    snr = rssi_dbm[:, :, None] - NOISE_DBM + spread * offsets
    by_link = link_loss(snr) @ (weights / weights.sum())
    return np.asarray(by_link.prod(axis=1))
