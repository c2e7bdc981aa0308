"""Find the file of a suite by its path or name, without reading it."""

from dataclasses import dataclass
from pathlib import Path

from tlbench.core.errors import UserError, nearest

IN_A_WHEEL = Path(__file__).parent / "bundled"
IN_A_CHECKOUT = Path(__file__).parents[2] / "suites"


@dataclass(frozen=True)
class SuitePath:
    """The file of a suite, with sentences for the user where another file or folder could have been meant."""

    path: Path
    notes: tuple[str, ...] = ()


def bundled_suites() -> dict[str, Path]:
    """The suites that come with tlbench, by name (``small``, ``lessons/alexnet``)."""
    folder = IN_A_WHEEL if IN_A_WHEEL.is_dir() else IN_A_CHECKOUT
    return {file.relative_to(folder).with_suffix("").as_posix(): file for file in sorted(folder.rglob("*.yaml"))}


def find_suite(word: str | Path) -> SuitePath:
    """The suite file that `word` stands for: an existing file, else the bundled suite of that name.

    A folder does not count, so that the folder of a suite's runs does not hide the bundled suite of the same name.

    Raises:
        UserError: `word` is neither; the message suggests a similar name.
    """
    path, bundled = Path(word), bundled_suites()
    named = bundled.get(str(word))
    if named and path.is_dir():
        note = f"{word}: the suite that tlbench brings is taken; a suite in the folder here needs its file's path"
        return SuitePath(named, (note,))
    if named and path.exists():
        note = f"{word}: the file here is taken, not the suite that tlbench brings; rename the file to have that"
        return SuitePath(path, (note,))
    if path.exists():
        return SuitePath(path)
    if named:
        return SuitePath(named)
    raise UserError(
        f"the suite file {path} does not exist, and tlbench brings no suite of that name; `tlbench init` writes one; "
        f"{nearest(path.stem, list(bundled), 'suites')}"
    )
