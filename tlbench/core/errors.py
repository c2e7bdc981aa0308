"""The one exception whose text is meant for the user."""


class UserError(Exception):
    """Something the user can mend: bad input, a missing folder, an unreadable file.

    The message is one sentence that names the thing, the place and the way out. The command line
    prints it on stderr without a traceback and exits with `exit_code` (64: wrong usage or input).
    """

    exit_code = 64


def nearest(word: str, known: list[str], label: str) -> str:
    """Say which known name `word` comes nearest to.

    Returns a clause to end an error with: ``did you mean 'gap'?`` or ``known heads: flatten, gap``.
    """
    import difflib

    folded = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), list(folded), n=1, cutoff=0.6)
    if close:
        return f"did you mean {folded[close[0]]!r}?"
    return f"known {label}: {', '.join(sorted(known))}"
