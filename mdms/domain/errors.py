"""
What can go wrong, named by who must act.

    MdmsError
    ├── RejectedInputError    the sender or the registry: dead letter, acknowledge, count
    │   └── DecodeError       bytes that no codec can read
    ├── UnavailableError      database or broker: back off, do not acknowledge
    └── OperatorError         the request: one sentence that says what to do
        ├── NotFoundError     what it names does not exist
        ├── ForbiddenError    somebody else may ask for it
        └── UsageError        what it says cannot be meant

Concrete errors sit beside what raises them; an AssertionError is always our own mistake.
"""

from enum import StrEnum


class RejectReason(StrEnum):
    """Why a message or a frame became a dead letter: a closed set, also a metric label."""

    BAD_MAGIC = "bad_magic"
    BAD_VERSION = "bad_version"
    BAD_LENGTH = "bad_length"
    BAD_CRC = "bad_crc"
    BAD_BODY = "bad_body"
    BAD_FLAGS = "bad_flags"
    BAD_HMAC = "bad_hmac"
    BAD_TAG = "bad_tag"
    BAD_TOPIC = "bad_topic"
    WRONG_COLLECTOR = "wrong_collector"
    UNKNOWN_COLLECTOR = "unknown_collector"
    UNKNOWN_SCHEMA = "unknown_schema"
    TOO_LARGE = "too_large"
    UNKNOWN_METER = "unknown_meter"
    BAD_CHANNEL = "bad_channel"
    BAD_INTERVAL = "bad_interval"
    BAD_COUNT = "bad_count"
    BAD_VALUE = "bad_value"
    BAD_ALIGNMENT = "bad_alignment"
    BAD_SEQUENCE = "bad_sequence"
    NOT_INSTALLED = "not_installed"
    TIME_FUTURE = "time_future"
    TIME_PAST = "time_past"
    OPTED_OUT = "opted_out"


class MdmsError(Exception):
    """The base of every error that this system raises on purpose."""


class RejectedInputError(MdmsError):
    """Input that cannot be used; it is kept as a dead letter and counted by reason."""

    def __init__(self, reason: RejectReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class DecodeError(RejectedInputError):
    """Bytes that no codec can read."""


class UnavailableError(MdmsError):
    """The database or the broker is away; try again later, acknowledge nothing."""


class OperatorError(MdmsError):
    """The request cannot be carried out; the message says what to do about it."""


class NotFoundError(OperatorError):
    """What the request names does not exist."""


class ForbiddenError(OperatorError):
    """Who asks has no role for it."""


class UsageError(OperatorError):
    """The request is malformed or contradicts itself."""
