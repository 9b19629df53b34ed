"""Files that people name."""

from pathlib import Path

from mdms.domain.errors import UsageError


def read_text_file(path: Path) -> str:
    """
    Return what a file says.

    Raises:
        UsageError: It cannot be read, or is no text in UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is no text in UTF-8 (byte {error.start:,} is "
            f"0x{error.object[error.start]:02x}): save it as UTF-8"
        ) from error
