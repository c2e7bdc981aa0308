"""Settings from environment variables. An empty variable counts as not set."""

import os
from pathlib import Path

from tlbench.core.errors import UserError

YES, NO = ("1", "yes", "true", "on"), ("0", "no", "false", "off")


def text(variable: str) -> str | None:
    """The value of `variable`; None where it is not set."""
    return os.environ.get(variable) or None


def flag(variable: str) -> bool:
    """Whether `variable` says yes. Raises UserError where its value is neither yes nor no."""
    said = (text(variable) or "no").strip().lower()
    if said not in (*YES, *NO):
        raise UserError(f"{variable}={said!r} is neither yes nor no; set it to 1 or 0")
    return said in YES


def folder(variable: str, given: str | os.PathLike[str] | None = None) -> Path | None:
    """The folder `given`, else the one that `variable` names; None without either. Raises UserError as `at_home`."""
    named = given or text(variable)
    return at_home(named, variable) if named else None


def at_home(written: str | os.PathLike[str], name: str) -> Path:
    """The path `written`, with a leading ``~`` replaced by the home folder.

    This looks at the text, not at the `Path`: ``./~x`` has no leading ``~``, although ``Path("./~x") == Path("~x")``.

    Args:
        written: the path as the user wrote it.
        name: the option or variable it comes from, for the error message.

    Raises:
        UserError: this user has no home folder.
    """
    path = Path(written)
    try:
        return path.expanduser() if os.fspath(written).startswith("~") else path
    except RuntimeError as error:
        raise UserError(f"{name}: {path}: this user has no home folder; name the folder without ~") from error
