"""The exception whose message is shown to the user, and how its words are chosen."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from fnmatch import fnmatchcase

_as_options: ContextVar[bool] = ContextVar("as_options", default=False)


class UserError(Exception):
    """An error that the user can fix: bad input, a missing folder, an unreadable file.

    The message is one sentence that says what is wrong, where, and what to do about it. The command line prints it on
    stderr without a traceback and exits with `exit_code` (64: wrong usage or input, as EX_USAGE in sysexits.h).
    """

    exit_code = 64


class NothingThereError(UserError):
    """There is no run, record or baseline where one is needed."""

    exit_code = 3


@contextmanager
def as_options() -> Iterator[None]:
    """Name arguments as the command line does, as long as the ``with`` lasts."""
    token = _as_options.set(True)
    try:
        yield
    finally:
        _as_options.reset(token)


def argument(name: str) -> str:
    """The name of an argument as the caller writes it: ``--out`` on the command line, else in backticks."""
    return f"--{name}" if _as_options.get() else f"`{name}`"


def nearest(word: str, known: list[str], label: str) -> str:
    """A hint for the end of an error message about the unknown name `word`.

    Args:
        word: what the user wrote.
        known: the valid names.
        label: what the names are, in the plural.

    Returns:
        ``did you mean 'gap'?`` where a name is similar, else ``known heads: flatten, gap``.
    """
    import difflib

    folded = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), list(folded), n=1, cutoff=0.6)
    if close:
        return f"did you mean {folded[close[0]]!r}?"
    return f"known {label}: {', '.join(sorted(known))}"


def nearest_pattern(pattern: str, known: list[str], label: str) -> str:
    """As `nearest`, for a shell pattern that matches no name: ``did you mean 'MobileNet*'?`` for ``Mobilenet*``."""
    begin = pattern.partition("*")[0]
    if any(sign in begin for sign in "?[") or not begin or begin == pattern:
        return nearest(pattern, known, label)
    alike = next((name for name in known if fnmatchcase(name.lower(), pattern.lower())), "")
    if alike:
        return f"did you mean {alike[: len(begin)] + pattern[len(begin) :]!r}?"
    return nearest(begin, known, label)
