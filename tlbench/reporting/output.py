"""The output of formats, and writing it: the only side effects of this room."""

from collections.abc import Mapping
from pathlib import Path

from tlbench.core.errors import UserError
from tlbench.core.files import write_output

Made = str | bytes | Mapping[str, str | bytes]
"""The output of a format: text, bytes, or several files by name (without folders)."""


def files(made: Made, name: str) -> dict[str, bytes]:
    """The content of the files by name; a single file is called `name`.

    Raises:
        ValueError: a name has a folder in it.
    """
    if isinstance(made, str | bytes):
        return {name: encoded(made)}
    for inner in made:
        if Path(inner).name != inner or inner == "..":
            raise ValueError(f"{inner!r} is not a file name")
    return {inner: encoded(content) for inner, content in made.items()}


def write(made: Made, path: Path) -> None:
    """Write the output to the file `path`, or several files into the folder `path`, as `write_output` does."""
    folder = path.parent if isinstance(made, str | bytes) else path
    for name, content in files(made, path.name).items():
        write_output(folder / name, content)


def printable(made: Made, name: str) -> str | bytes:
    """The output of the format `name`, to be printed.

    Raises:
        UserError: there are several files.
    """
    if isinstance(made, str):
        return encoded(made).decode()
    if isinstance(made, bytes):
        return made
    raise UserError(
        f"format {name} has several files ({', '.join(made)}); name a folder for them: --format {name}=FOLDER"
    )


def encoded(content: str | bytes) -> bytes:
    """`content` in UTF-8. Lone surrogates, as in a path that is not UTF-8, become escapes, which JSON allows, too."""
    return content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
