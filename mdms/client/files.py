"""Files that people name."""

from pathlib import Path

from mdms.domain.errors import UsageError


def read_text_file(path: Path) -> str:
    """
    Return what a file says.

    Raises:
        UsageError: It cannot be read, is no text in UTF-8, or says nothing at all.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is no text in UTF-8 (byte {error.start:,} is "
            f"0x{error.object[error.start]:02x}): save it as UTF-8"
        ) from error
    if not text.strip():
        raise UsageError(f"{path} is empty: a file says at least what its columns are")
    return text
