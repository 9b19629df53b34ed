"""Homes that may lawfully be switched off: what was stated of them, and what they use."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np

from commands.judgement import Judge
from mdms.domain.facts import CisFact, Subject
from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.domain.time import to_epoch_s, to_epoch_us
from mdms.policy.facts import KINDS
from mdms.ports.unit_of_work import UnitOfWorkFactory
from tests.signing import open_rules

UTILITY = "cpau"

MOVED_OUT = {
    "service_end_on": "2026-11-03",
    "move_out_notice_on": "2026-10-28",
    "revert_to_owner": "no",
    "successor_on": "none",
    "service_continues_until": "none",
    "new_application": "no",
    "premise_flags": "none",
}
"""A home that was left on 2026-11-03, with three business days' notice."""

_EMPTY_H = 48


def a_judge(edition: str | None = None, *, remote_open: bool = True) -> Judge:
    """The rules that ship, with a small town's edition over them."""
    rules = open_rules(edition)
    return Judge(rules.rulebook, rules.calendar, utility=UTILITY, remote_open=remote_open)


def said(
    values: Mapping[str, str],
    at: datetime,
    *,
    account: str = "A1",
    premise: str = "P1",
    effective_at: datetime | None = None,
) -> list[CisFact]:
    """Values as the customer system states them at a time."""
    ids = {Subject.ACCOUNT: account, Subject.PREMISE: premise, Subject.UTILITY: UTILITY}
    return [
        CisFact(
            subject=KINDS[name].subject,
            subject_id=ids[KINDS[name].subject],
            fact=name,
            value=value,
            effective_at=effective_at or at,
            known_at=at,
            evidence="E-1",
        )
        for name, value in values.items()
    ]


async def leave_empty(store: UnitOfWorkFactory, at: datetime) -> None:
    """Let all meters be heard until a time, and count nothing: homes are empty."""
    async with store() as work:
        channels = (await work.registry.channels()).channel_id
        end_s = to_epoch_s(at) // 900 * 900
        starts = np.arange(end_s - _EMPTY_H * 3600, end_s, 900)
        intervals = IntervalReads.raw(
            np.repeat(channels, len(starts)),
            np.tile(starts, len(channels)),
            np.zeros(len(starts) * len(channels), np.int64),
            recorded_us=to_epoch_us(at),
            source=Source.UPLINK,
        )
        register = RegisterReads.raw(
            channels,
            np.full(len(channels), end_s),
            np.full(len(channels), 721_345),
            recorded_us=to_epoch_us(at),
            source=Source.UPLINK,
        )
        await work.readings.append_raw(intervals, register, sure=False)


async def move_out(store: UnitOfWorkFactory, at: datetime) -> None:
    """Let the home of a registry be left, so that its supply may be cut off from a time on."""
    await leave_empty(store, at)
    async with store() as work:
        await work.facts.add(said(MOVED_OUT, at - timedelta(hours=1)))
