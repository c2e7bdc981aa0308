"""Characters that no renderer may write."""

import re

UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""Control characters, characters that change the direction of text, and lone surrogates, which UTF-8 lacks."""


def one_line(text: str) -> str:
    """`text` on one line: spaces for line breaks and tabs, � for other forbidden characters."""
    if text.isprintable():
        return text
    return UNPRINTABLE.sub("\ufffd", " ".join(text.splitlines()).replace("\t", " "))
