"""Names of folders and files: which mean a split, which belong to the system, and how names are shown. Pure."""

import re
import unicodedata
from collections.abc import Iterable

SPLITS = ("train", "validation", "test")
EVALUATION = "evaluation"
"""A held-out split whose name does not say whether it is for validation or for testing."""

_MEANINGS = {
    "train": ("train", "training", "trainset", "trainingset", "trn"),
    "validation": ("validation", "val", "valid", "validate", "valset", "validationset", "dev", "devset", "development"),
    "test": ("test", "testing", "testset", "testingset", "tst", "holdout", "heldout"),
    EVALUATION: ("eval", "evaluation", "evalset"),
}
_SPLIT_OF = {word: split for split, words in _MEANINGS.items() for word in words}
_FILLING = frozenset({"seg", "set", "data", "dataset", "split", "folder", "image", "images", "img", "imgs", "pictures"})

_SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db", "ehthumbs_vista.db", "icon\r"})
_SYSTEM_FOLDERS = frozenset(
    {"__macosx", "@eadir", "#recycle", "#snapshot", "$recycle.bin", "system volume information", "lost+found"}
    | {"__pycache__"}
)


def split_of(name: str) -> str | None:
    """The split that a name means, ignoring case and digits.

    Returns:
        A split for names such as ``Train``, ``seg_test``, ``dev-set``, ``TestData`` or ``val2017``; `EVALUATION`; None
        for any other name.
    """
    words = re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", one_form(name)).casefold())
    telling = [word for word in words if word not in _FILLING]
    return _SPLIT_OF.get("".join(words)) or (_SPLIT_OF.get(telling[0]) if len(telling) == 1 else None)


def why_never(name: str, *, folder: bool) -> str | None:
    """Why a file or folder of that name is never read; None if it may be."""
    if name.startswith("."):
        return "hidden"
    if name.lower() in (_SYSTEM_FOLDERS if folder else _SYSTEM_FILES):
        return f"{'folder' if folder else 'file'} of the operating system"
    return None


NO_TEXT = re.compile("[\\x00-\\x1f\\x7f-\\x9f\u2028\u2029\\ud800-\\udc7f\\udd00-\\udfff]")
"""Control characters, line separators, and lone surrogates that do not stand for a byte of a file name."""


def shown(name: str) -> str:
    r"""A name as it can be printed on one line: bytes that are not UTF-8 as ``\xe9``, a line feed as ``\n``."""
    text = NO_TEXT.sub(lambda found: found[0].encode("unicode_escape").decode(), name)
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def one_form(name: str) -> str:
    """A canonical form that is equal for names that look the same, whatever Unicode form their accents have (NFC)."""
    return unicodedata.normalize("NFC", shown(name))


def alike(name: str) -> str:
    """A canonical form that is equal for names that look the same except for case."""
    return one_form(name).casefold()


def quoted(name: str, others: Iterable[str]) -> str:
    """A name in quotes, with escapes where it looks like one of `others` without being equal to it."""
    same_look = any(one_form(other) == one_form(name) and other != name for other in others)
    return ascii(name) if same_look else repr(name)


def apart(names: Iterable[str]) -> str:
    """Names in quotes, with escapes where two of them look the same."""
    every = tuple(names)
    return ", ".join(quoted(name, every) for name in every)
