"""The rules that commands are judged by, as files: dated editions, and signed years."""

from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from commands.judgement import Judge
from mdms.domain.errors import UsageError
from mdms.policy.calendars import Calendar
from mdms.policy.rulebook import Rulebook
from mdms.services.customer_rules import CustomerBook
from mdms.settings import Settings, config_dir
from vee.grid.rules import GridRules
from vee.leaks.rules import LeakRules


def texts(folder: Path, pattern: str) -> Mapping[str, str]:
    """
    Return the texts of a folder's files by name.

    Raises:
        UsageError: One cannot be read.
    """
    try:
        return {path.name: path.read_text(encoding="utf-8") for path in folder.glob(pattern)}
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be read: {error.strerror}") from error


def read_leak_rules() -> LeakRules:
    """
    Read what is taken for a leak.

    Raises:
        OperatorError: The file cannot be used.
    """
    ((name, text),) = texts(config_dir() / "vee", "leaks.toml").items()
    return LeakRules.parse(text, name=name)


def read_grid_rules() -> GridRules:
    """
    Read what grid analytics goes by.

    Raises:
        OperatorError: The file cannot be used.
    """
    ((name, text),) = texts(config_dir() / "vee", "grid.toml").items()
    return GridRules.parse(text, name=name)


def rules_folder(settings: Settings) -> Path:
    """Return where the daemon's rules are: `policy/*.toml` and `calendars/*.toml` in there."""
    return Path(settings.commands.rules) if settings.commands.rules else config_dir()


def read_rules(folder: Path, zone: ZoneInfo) -> tuple[Rulebook, Calendar]:
    """
    Read a folder of rules.

    Raises:
        OperatorError: A file cannot be used.
    """
    return (
        Rulebook.parse(texts(folder / "policy", "*.toml")),
        Calendar.parse(texts(folder / "calendars", "*.toml"), zone),
    )


def read_judge(settings: Settings) -> Judge:
    """
    Read the daemon's rules.

    Raises:
        OperatorError: A file cannot be used.
    """
    book, calendar = read_rules(rules_folder(settings), settings.zone)
    return Judge(
        book,
        calendar,
        utility=settings.utility.code,
        remote_open=settings.commands.remote_open,
    )


def read_book(settings: Settings) -> CustomerBook:
    """
    Read the rules between utility and customer.

    Raises:
        OperatorError: A file cannot be used.
    """
    return CustomerBook(*read_rules(rules_folder(settings), settings.zone))
