"""What a format makes, and how it is printed or written: the only side effects of this room."""

from collections.abc import Mapping
from pathlib import Path

from tlbench.core.errors import UserError
from tlbench.core.files import write_output

Made = str | bytes | Mapping[str, str | bytes]
"""Text, bytes, or several files by their names (no folders)."""


def files(made: Made, name: str) -> dict[str, bytes]:
    """The files, by name: `name` where there is but one. Raises ValueError for a name that is more than one."""
    if isinstance(made, str | bytes):
        return {name: encoded(made)}
    for inner in made:
        if Path(inner).name != inner or inner == "..":
            raise ValueError(f"{inner!r} is no name of a file")
    return {inner: encoded(content) for inner, content in made.items()}


def write(made: Made, path: Path) -> None:
    """Write a file to `path`, or several into a folder there, each as `write_output` does."""
    folder = path.parent if isinstance(made, str | bytes) else path
    for name, content in files(made, path.name).items():
        write_output(folder / name, content)


def printable(made: Made, name: str) -> str | bytes:
    """What can be printed of the format `name`. Raises UserError for several files."""
    if isinstance(made, str):
        return encoded(made).decode()
    if isinstance(made, bytes):
        return made
    raise UserError(
        f"format {name} makes several files ({', '.join(made)}); name a folder for them: --format {name}=FOLDER"
    )


def encoded(content: str | bytes) -> bytes:
    """UTF-8; halves of characters, as in a path that is none, by their numbers (in JSON, too, that is their form)."""
    return content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
