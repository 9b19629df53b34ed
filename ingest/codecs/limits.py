"""Ranges that hold for every kind of frame; headend notes 2.5 and 2.9."""

from typing import Final

LATE_S_MAX: Final = 45 * 86_400
EARLY_S_MAX: Final = 300
REGISTER_END: Final = 1 << 40
