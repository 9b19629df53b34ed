"""
Every validation rule: what it is called, what it means, its keys, and where it is decided.

The table in docs/reference/vee-rules.md is this one; a test holds the two together. A rule's bit in
the masks of values and days has the rule's number.
"""

from dataclasses import dataclass
from typing import Final

from vee.marks import Severity

F, H, W, INFO = Severity.FAIL, Severity.HOLD, Severity.WARN, Severity.INFO


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One rule of vee.md 3.

    Attributes:
        number: Its number, and its bit.
        name: What it is called.
        utilities: E, G and W: whom it concerns.
        severities: What it may mean for a value.
        keys: Keys of the rule set that it reads.
        decided: Modules that decide it, or reject reasons of intake.
        says: What it says, in one sentence.
    """

    number: int
    name: str
    utilities: str
    severities: tuple[Severity, ...]
    keys: tuple[str, ...]
    decided: tuple[str, ...]
    says: str

    @property
    def code(self) -> str:
        """How people and exceptions name it."""
        return f"V{self.number:02}"


_SPIKE = ("spike.excess_per_cent",)
_HISTORY = ("history.days", "history.valid_days_min", "history.max_per_cent")
_SUM = ("sum_check.resolutions", "sum_check.usage_per_mille")
_DAYS, _SCREEN = "vee.day_rules", "vee.screening"
_PERIOD, _BILL = "vee.period", "vee.bill"
_DIALS = "mdms.services.bill_dials"
_SELF_READ = ("mdms.policy.self_read", "mdms.services.self_read_months")
_REGISTERS, _BRACKETS = "vee.kernels.validate_registers", "vee.kernels.brackets"


def _each(key: str) -> tuple[str, ...]:
    return tuple(f"{commodity}.{key}" for commodity in ("electric", "water", "gas"))


RULES = (
    Rule(1, "METER_ID", "EGW", (F,), (), ("unknown_meter", "not_installed", "bad_tag"),
         "The radio is no meter of ours, or was not installed then."),
    Rule(2, "UNIT_CHANNEL", "EGW", (F,), (), ("bad_channel", "bad_interval"),
         "The meter has no such channel, or its intervals have another length."),
    Rule(3, "MULTIPLIER", "EGW", (F,), (), ("bad_value",),
         "The scale is not one that the channel may have; nothing is rescaled silently."),
    Rule(4, "TIME_ALIGN", "EGW", (F, H), ("bookend.align_s",),
         ("bad_alignment", "time_future", "time_past", _SCREEN),
         "Stamped off the grid, in the future, or too long ago."),
    Rule(5, "CLOCK", "EGW", (W, H, F), ("clock.warn_s", "clock.hold_s"),
         ("vee.kernels.clock", "vee.clocks", "bad_alignment"),
         "The meter's clock is off, by its own word or by the age of what it sends."),
    Rule(6, "CONFLICT", "EGW", (INFO, H), _SUM, ("vee.adjudication",),
         "Received again: the same value is dropped, of two values the one stays that adds up."),
    Rule(7, "OVERLAP", "EGW", (H,), (), ("bad_interval",),
         "Intervals of two lengths cannot meet: a channel has one length."),
    Rule(8, "GAP", "EGW", (F,), (), (_SCREEN, "vee.findings"), "An expected interval is missing."),
    Rule(9, "PLACEHOLDER", "EGW", (F,), (), ("ingest.codecs.fnb1_readings",),
         "Sent as missing: the value beside it means nothing."),
    Rule(10, "PART_INT", "EGW", (F,), (), (_SCREEN,),
         "A partial interval; kept as V34 where power had failed."),
    Rule(11, "TEST_MODE", "EGW", (F,), (), (_SCREEN,), "The meter was being tested."),
    Rule(12, "OVERFLOW", "EGW", (F,), (), ("ingest.codecs.fnb1_readings", _SCREEN),
         "The interval counted more than it can hold."),
    Rule(13, "HW_ERROR", "EGW", (F,), (), (_SCREEN,), "The meter reported an error of its own."),
    Rule(14, "NOT_NUMBER", "EGW", (F,), (), ("bad_value", _SCREEN), "It is no number."),
    Rule(20, "NEGATIVE", "EGW", (F, W, H),
         (*_each("reversible"), "reverse_flow.quanta_max", "reverse_flow.day_per_cent_max"),
         (_SCREEN,), "Below zero; water may run backwards a little. Net channels are exempt."),
    Rule(21, "MAX_PHYS", "EGW", (F,), (*_each("classes"), *_each("quanta_per_hour_max")),
         (_SCREEN,), "More than the service can carry."),
    Rule(22, "MAX_HIST", "EGW", (W,), _HISTORY, (_DAYS,),
         "More than ever in the valid days before."),
    Rule(23, "SPIKE", "E", (W,), (*_SPIKE, "spike.floor_w", *_each("spike")), (_SCREEN, _DAYS),
         "The highest interval stands out from the third highest of its day."),
    Rule(24, "SPIKE_FAIL", "EGW", (H,), (*_SPIKE, *_HISTORY, *_each("ordinary_quanta_per_hour")),
         (_DAYS, "vee.adjudication"),
         "V22 and V23 without its floor, at once, beyond what is ordinary; its register decides."),
    Rule(25, "ZERO_RUN", "EGW", (W,), (*_each("zero_days"), *_each("zero_days_summer")), (_DAYS,),
         "A service in use that uses nothing, for days."),
    Rule(26, "STATIC", "E", (W,), ("static.intervals", "static.quanta_min"), (_DAYS,),
         "The same value, again and again."),
    Rule(27, "KVARH", "E", (W,),
         ("reactive.intervals_max", "reactive.power_factor_min", "reactive.load_w_min"), (_DAYS,),
         "Reactive without active energy, or a power factor that cannot be."),
    Rule(28, "STEP", "E", (W,), ("step.rise_per_cent_max",), (_DAYS,),
         "Far from the interval before; off as shipped."),
    Rule(29, "USAGE_DISC", "EGW", (H,), _each("disconnected_quanta_max"),
         (_DAYS, "vee.adjudication"),
         "Energy or volume, whichever way it flows, while the service is confirmed off."),
    Rule(30, "USAGE_INACTIVE", "EGW", (W, H),
         (*_each("inactive_day_quanta_max"), *_each("inactive_quanta_max")), (_DAYS,),
         "Usage that nobody has an account for."),
    Rule(31, "REVERSE_E", "E", (W,), ("received.day_wh_max",), (_DAYS,),
         "Energy from a service that does not generate."),
    Rule(32, "SIBLING", "E", (W,), (), (_DAYS,), "A channel is silent while its sibling is not."),
    Rule(33, "PV_NIGHT", "E", (W,),
         ("received.night_wh_max", "received.night_intervals_max", "received.night_from_h",
          "received.night_until_h"), (_DAYS,), "Energy from the sun at night."),
    Rule(34, "OUTAGE", "E", (INFO,), (), ("ingest.codecs.fnb1_readings",),
         "Power failed: actual, but neither an endpoint nor a reference."),
    Rule(35, "VOLT", "E", (W, H),
         ("voltage.a_low", "voltage.a_high", "voltage.b_low", "voltage.b_high"), (_DAYS,),
         "Outside the ranges of ANSI C84.1; operations are told, billing never waits."),
    Rule(36, "DEMAND_REG", "E", (H, W), ("demand.per_cent_max",), (_REGISTERS, _DIALS),
         "The demand register is not the largest interval, of a bill whose registers were read (W: "
         "they bear its intervals out) or not (H)."),
    Rule(37, "TOU_SUM", "E", (H,), _SUM, (_REGISTERS, _DIALS),
         "The time-of-use registers of a bill do not add up to its total."),
    Rule(40, "ROLLOVER", "EGW", (INFO,), (), (_BRACKETS,), "The register wrapped, plausibly."),
    Rule(41, "REG_DEC", "EGW", (F,), ("bookend.backstep_quanta_max",), (_BRACKETS,),
         "The register decreased, or rose by more than the service can carry."),
    Rule(42, "DIALS", "EGW", (F,), (), (_REGISTERS,),
         "The register has no such digits; of a read by eye, what no dial shows is cut off."),
    Rule(43, "REG_STUCK", "EGW", (F,), _SUM, ("vee.sums",),
         "The register stood still while something flowed."),
    Rule(44, "REG_DELTA", "EGW", (W,), (*_each("bill_ratio_min"), *_each("bill_ratio_max")),
         (_BILL, _PERIOD), "The register moves much faster or slower than before."),
    Rule(45, "SUM_CHECK", "EGW", (H, W), _SUM,
         ("vee.sums", "vee.examination", "vee.adjudication", "vee.culprits"),
         "Intervals and register differ by more than two truncated reads explain; where one value "
         "alone can be why, it is replaced."),
    Rule(46, "SUM_NEG", "EGW", (H,), _SUM, ("vee.sums",),
         "Beside a gap the intervals exceed their register: they are held, nothing is estimated."),
    Rule(50, "HILO_DAY", "EGW", (INFO,), (*_each("day_ratio_min"), *_each("day_ratio_max")),
         (_BILL, _PERIOD), "A day far from the median of its like; counted, never held."),
    Rule(51, "HILO_BILL", "EGW", (H,),
         (*_each("bill_ratio_min"), *_each("bill_ratio_max"), *_each("bill_floor_quanta"),
          "period.reference_days_min", "weather.heating_base_f", "weather.days_min",
          "weather.explained_min", "weather.bill_weather_ratio_min",
          "weather.bill_weather_ratio_max"), (_BILL, _PERIOD),
         "Daily usage far from a year ago, or from the previous period; of gas, from what that was "
         "in such weather, where the utility states how warm its days were."),
    Rule(52, "LOAD_FACTOR", "E", (H,), ("period.load_factor_min", "period.load_factor_max"),
         (_PERIOD,), "Energy and demand do not belong together; for bills that carry a demand."),
    Rule(53, "EST_SHARE", "EGW", (W, H),
         ("period.estimated_share_max", "period.estimated_bucket_share_max",
          "period.estimated_share_hold"), (_BILL, _PERIOD), "Much of the energy is estimated."),
    Rule(54, "PROLONGED_EST", "EGW", (H,),
         ("period.estimated_days_max", "period.estimated_bills_max"), (_BILL, _PERIOD),
         "No actual read for too long: somebody is sent."),
    Rule(55, "BILL_DAYS", "EGW", (W,), ("period.service_days_min", "period.service_days_max"),
         (_BILL, _PERIOD), "A window of unusual length is prorated."),
    Rule(56, "SELF_READ", "EG", (W, H), (), _SELF_READ,
         "The customer did not read, again and again, or nobody else did for a year."),
    Rule(57, "DETERMINANT", "E", (F,), (), (_PERIOD,),
         "Time-of-use units do not add up to the total; for bills that carry them."),
    Rule(58, "FACTOR", "G", (F,), ("period.gas_factor_min", "period.gas_factor_max"), (_PERIOD,),
         "Pressure and therm factor are missing, or cannot be; for bills in therms."),
)  # fmt: skip
"""Every rule, by number."""

RETIRED: Final = frozenset({"period.self_read_misses_max", "period.self_read_days_max"})
"""Keys that judge nothing any more; without them rule sets of before would have another hash."""
