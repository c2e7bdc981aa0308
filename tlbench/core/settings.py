"""What the environment's variables ask for, each read in one way: an empty one is not set."""

import os
from pathlib import Path

from tlbench.core.errors import UserError

YES, NO = ("1", "yes", "true", "on"), ("0", "no", "false", "off")


def text(variable: str) -> str | None:
    """What it says."""
    return os.environ.get(variable) or None


def flag(variable: str) -> bool:
    """Whether it says yes. Raises UserError where it says neither yes nor no."""
    said = (text(variable) or "no").strip().lower()
    if said not in (*YES, *NO):
        raise UserError(f"{variable}={said!r} is neither yes nor no; set it to 1 or 0")
    return said in YES


def folder(variable: str) -> Path | None:
    """The folder it names. Raises UserError."""
    named = text(variable)
    return at_home(named, variable) if named else None


def at_home(written: str | os.PathLike[str], name: str) -> Path:
    """The path that is `written`, with the home folder in the place of a ``~`` that it begins with; in ``./~x``, which
    is the same `Path` as ``~x``, it does not. `name` is where it was written. Raises UserError.
    """
    path = Path(written)
    try:
        return path.expanduser() if os.fspath(written).startswith("~") else path
    except RuntimeError as error:
        raise UserError(f"{name}: {path}: this user has no home folder; name the folder without ~") from error
