"""How long the dispatcher waits for what, and how often it tries."""

from dataclasses import dataclass
from datetime import timedelta

from mdms.domain.controls import EndDeviceControl


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """
    Waits and limits; the defaults are those of headend.md 2.7.

    Attributes:
        collector: For a collector to take a command, before the next one is asked.
        mains: For an electric meter to answer, once a collector took the command.
        battery: For a battery meter: it listens after it has talked.
        mains_silence: Three transmit periods of an electric meter.
        battery_silence: Three transmit periods of a battery meter.
        attempts_max: A command is sent once and repeated twice.
        probes_max: Then the switch state is asked for this often.
        probe_valid: How long a meter may answer that.
    """

    collector: timedelta = timedelta(seconds=10)
    mains: timedelta = timedelta(seconds=60)
    battery: timedelta = timedelta(hours=6)
    mains_silence: timedelta = timedelta(hours=3)
    battery_silence: timedelta = timedelta(hours=12)
    attempts_max: int = 3
    probes_max: int = 3
    probe_valid: timedelta = timedelta(minutes=15)

    def meter(self, control: EndDeviceControl) -> timedelta:
        """Return how long this command's meter may take to answer."""
        return self.mains if control.mains_powered else self.battery

    def silence(self, control: EndDeviceControl) -> timedelta:
        """Return how long this command's meter must be silent to count as switched off."""
        return self.mains_silence if control.mains_powered else self.battery_silence
