"""What a meter's answer means for what it was told: pure, headend.md 1.5 and 2.7."""

from commands.codecs import Answer
from mdms.domain.controls import Action, Result, SwitchPosition

_NOTHING_LEARNT = frozenset({Result.NACK_MAC, Result.NACK_EXPIRED, Result.NACK_CLOCK})


def outcome(action: Action, answer: Answer) -> Result:
    """
    Return OK if the meter did what it was told and shows it, else what is wrong.

    A switch counts as moved only where its state and the voltage behind it agree; the word OK
    alone is not enough.
    """
    if answer.result is not Result.OK:
        return answer.result
    match action:
        case Action.DISCONNECT:
            return _opened(answer)
        case Action.RECONNECT:
            return _closed(answer)
        case Action.ARM if answer.switch is SwitchPosition.ARMED:
            return Result.LOAD_SIDE_VOLTAGE if answer.load_side_voltage else Result.OK
        case Action.ARM:
            return _closed(answer)  # the button may have been pressed already
        case Action.RADIO_OFF | Action.RADIO_ON | Action.READ | Action.PING:
            return Result.OK


def proves_counter(answer: Answer) -> bool:
    """Return whether the meter has taken note of the counter: no lower one can act any more."""
    return answer.result not in _NOTHING_LEARNT


def describe(answer: Answer) -> str:
    """Return what the meter said, for people."""
    voltage = "live" if answer.load_side_voltage else "dead"
    return (
        f"{answer.result}, switch {answer.switch.name.lower()}, load side {voltage}, "
        f"line {'present' if answer.line_voltage else 'absent'}, register {answer.register}, "
        f"heard at {answer.heard_dbm} dBm{', told again' if answer.repeated else ''}"
    )


def _opened(answer: Answer) -> Result:
    if answer.switch is not SwitchPosition.OPEN:
        return Result.SWITCH_FAIL_OPEN
    return Result.LOAD_SIDE_VOLTAGE if answer.load_side_voltage else Result.OK


def _closed(answer: Answer) -> Result:
    if answer.switch is SwitchPosition.CLOSED and answer.load_side_voltage:
        return Result.OK
    return Result.SWITCH_FAIL_CLOSE
