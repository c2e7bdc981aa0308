"""What no renderer lets through, whatever its language."""

import re

UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""Control characters, those that turn the direction of what follows, and lone surrogates, which no file can hold."""


def one_line(text: str) -> str:
    """`text` on one line: a space for each line break and tab, a question mark � for what cannot be shown."""
    if text.isprintable():
        return text
    return UNPRINTABLE.sub("\ufffd", " ".join(text.splitlines()).replace("\t", " "))
