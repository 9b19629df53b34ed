import csv
from collections import Counter
from datetime import date

import pytest

from mdms.domain.reading_types import VOLTAGE_CHANNEL
from mdms.domain.registry import Commodity, PremiseKind
from simulators import builder, registry_files
from simulators.city import City
from simulators.premises import MIX, meter_counts

START = date(2026, 11, 3)

COLUMNS = {
    "premises": "premise_id,kind,latitude,longitude,transformer_id,water_zone,flags",
    "transformers": "transformer_id,feeder_id,kva,latitude,longitude",
    "usage_points": "usage_point_id,premise_id,commodity,service_class,billing_cycle,"
    "net_metering,temporary,irregular_usage",
    "accounts": "account_id,master_account_id,customer_type,opened_on,closed_on",
    "agreements": "account_id,usage_point_id,start_on,end_on",
    "meters": "badge,serial,radio_id,usage_point_id,model,installed_at,removed_at,has_switch,"
    "pilot,radio,register_dials,register_resolution,multiplier,key_id",
    "collectors": "collector_id,name,latitude,longitude",
    "channels": "badge,channel,reading_type,interval_s,unit",
    "contacts": "account_id,name,email,phone,address",
}


def city(meters: int = 300, seed: int = 11) -> City:
    return builder.build(meters=meters, start=START, seed=seed)


def test_a_seed_names_a_city():
    assert city().registry == city().registry
    assert city().registry != city(seed=12).registry


@pytest.mark.parametrize("meters", [*range(1, 40), 77, 300, 1000])
def test_a_city_has_exactly_the_meters_asked_for_in_the_known_mix(meters):
    grown = city(meters)

    counts = Counter(site.commodity for site in grown.sites)
    assert counts.total() == len(grown.registry.meters) == meters
    for commodity, share in MIX.items():
        assert abs(counts[commodity] - meters * share / sum(MIX.values())) < 1


def test_counts_of_the_real_city_are_the_real_ones():
    assert meter_counts(sum(MIX.values())) == MIX


def test_every_reference_in_the_registry_leads_somewhere():
    registry = city().registry
    premises = {premise.premise_id for premise in registry.premises}
    points = {point.usage_point_id for point in registry.usage_points}
    accounts = {account.account_id for account in registry.accounts}
    badges = {meter.badge for meter in registry.meters}

    assert {p.transformer_id for p in registry.premises} == {
        t.transformer_id for t in registry.transformers
    }
    assert {point.premise_id for point in registry.usage_points} == premises
    assert {meter.usage_point_id for meter in registry.meters} == points
    assert {a.usage_point_id for a in registry.agreements} == points
    assert {a.account_id for a in registry.agreements} == accounts
    assert {contact.account_id for contact in registry.contacts} == accounts
    assert {channel.badge for channel in registry.channels} == badges


def test_identifiers_are_not_used_twice():
    meters = city(2_000).registry.meters

    for name in ("badge", "serial", "radio_id", "usage_point_id"):
        assert len({getattr(meter, name) for meter in meters}) == len(meters)


def test_some_homes_feed_back_and_have_two_channels():
    grown = city(2_000)
    electric = [site for site in grown.sites if site.commodity is Commodity.ELECTRIC]
    roofs = [site for site in electric if site.net_metered]

    assert len(roofs) == round(0.08 * len(electric))
    assert all(len(site.reading_types) == 2 for site in roofs)
    assert all(site.kind is PremiseKind.SINGLE_FAMILY for site in roofs)
    energy = [each for each in grown.registry.channels if each.channel != VOLTAGE_CHANNEL]
    assert len(energy) == 2_000 + len(roofs)


def test_a_few_homes_on_each_transformer_tell_its_voltage():
    grown = city(2_000)
    registry = grown.registry
    premise = {each.usage_point_id: each.premise_id for each in registry.usage_points}
    transformer = {each.premise_id: each.transformer_id for each in registry.premises}
    telling = [
        (meter, site)
        for meter, site in zip(registry.meters, grown.sites, strict=True)
        if site.reading_types[-1].channel == VOLTAGE_CHANNEL
    ]

    assert not any(site.net_metered or meter.has_switch for meter, site in telling)
    assert all(site.kind is not PremiseKind.COMMERCIAL for _, site in telling)
    told = {transformer[premise[meter.usage_point_id]] for meter, _ in telling}
    assert len(told) > 0.85 * len(registry.transformers)
    assert len(telling) < 0.1 * len(registry.meters)


def test_registers_start_below_their_end_and_one_is_about_to_wrap():
    grown = city()
    moduli = grown.moduli().tolist()

    assert set(moduli) == {10**8, 10**9}
    left = [
        modulus - site.initial[0]
        for site, modulus in zip(grown.sites, moduli, strict=True)
        if site.commodity is Commodity.ELECTRIC
    ]
    assert min(left) == 2_000


def test_homes_share_transformers_and_buildings_share_a_water_meter():
    registry = city(2_000).registry
    per_transformer = Counter(p.transformer_id for p in registry.premises)
    water = Counter(
        point.premise_id for point in registry.usage_points if point.commodity is Commodity.WATER
    )
    electric = Counter(
        point.premise_id for point in registry.usage_points if point.commodity is Commodity.ELECTRIC
    )

    assert max(per_transformer.values()) <= 10
    assert set(water.values()) == {1}
    assert max(electric.values()) > 3


def test_the_files_have_the_documented_columns_and_are_the_same_each_time(tmp_path):
    registry_files.write(city().registry, tmp_path / "a")
    registry_files.write(city().registry, tmp_path / "b")

    for name, columns in COLUMNS.items():
        text = (tmp_path / "a" / f"{name}.csv").read_bytes()
        assert text.split(b"\r\n")[0].decode() == columns
        assert text == (tmp_path / "b" / f"{name}.csv").read_bytes()


def test_cells_are_written_as_the_format_says(tmp_path):
    registry_files.write(city().registry, tmp_path)

    with (tmp_path / "meters.csv").open(newline="", encoding="utf-8") as file:
        meter = next(csv.DictReader(file))
    assert meter["installed_at"] == "2026-11-03T07:55:00Z"
    assert meter["removed_at"] == ""
    assert meter["has_switch"] in {"true", "false"}
    assert meter["radio"] == "on"
