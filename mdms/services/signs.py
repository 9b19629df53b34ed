"""Evidence of tampering by badge: from what is stored to the terms of `vee.grid.signs`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import numpy as np

from mdms.domain.events import EventCode
from mdms.domain.readings import Int64
from mdms.domain.time import to_epoch_s
from mdms.ports.grid import MeterReport
from vee.grid.rules import SignRules
from vee.grid.signs import Evidence, Sign, repeated, tampered_alone

REPORTED: Final = (
    EventCode.LOAD_SIDE_VOLTAGE,
    EventCode.REVERSE_ENERGY,
    EventCode.TAMPER,
    EventCode.TILT,
    EventCode.BACKFLOW,
)
"""Events that are signs, or part of one."""


class Signs:
    """Evidence with badges as rows."""

    def __init__(self) -> None:
        self.badges: list[str] = []
        self.evidence: list[Evidence] = []
        self._row_of: dict[str, int] = {}

    def add(self, sign: Sign, found: Sequence[tuple[str, datetime]]) -> None:
        """Add where a test was true."""
        meter = self._rows([badge for badge, _ in found])
        at_s = np.array([to_epoch_s(at) for _, at in found], np.int64)
        self.evidence.append(Evidence(sign, meter, at_s))

    def add_reports(
        self, reports: Sequence[MeterReport], alone: Sequence[tuple[str, int]], rules: SignRules
    ) -> None:
        """Add what meters reported; `alone` are power failures of one meter only."""
        of = {code: [each for each in reports if each.code is code] for code in REPORTED}
        self.add(Sign.USAGE_WHILE_OPEN, _when(of[EventCode.LOAD_SIDE_VOLTAGE]))
        reverse = [each for each in of[EventCode.REVERSE_ENERGY] if not each.net_metering]
        self.add(Sign.REVERSE_ENERGY, _when(reverse))
        tampers = _when([*of[EventCode.TAMPER], *of[EventCode.TILT]])
        meter = self._rows([badge for badge, _ in tampers])
        at_s = np.array([to_epoch_s(at) for _, at in tampers], np.int64)
        failed = self._rows([badge for badge, _ in alone])
        failed_s = np.array([from_s for _, from_s in alone], np.int64)
        near = tampered_alone(meter, at_s, failed, failed_s, rules)
        self.evidence.append(Evidence(Sign.TAMPER_AND_POWER_FAIL, meter[near], at_s[near]))
        flows = _when(of[EventCode.BACKFLOW])
        meter = self._rows([badge for badge, _ in flows])
        often = repeated(meter, rules.reverse_flows_min)
        at_s = np.array([to_epoch_s(at) for _, at in flows], np.int64)
        self.evidence.append(Evidence(Sign.WATER, meter[often], at_s[often]))

    def _rows(self, badges: Sequence[str]) -> Int64:
        for badge in badges:
            if badge not in self._row_of:
                self._row_of[badge] = len(self.badges)
                self.badges.append(badge)
        return np.array([self._row_of[badge] for badge in badges], np.int64)


def _when(reports: Sequence[MeterReport]) -> list[tuple[str, datetime]]:
    return [(each.badge, each.at) for each in reports]
