"""Which Parquet files are which split, by their names. Pure, but for listing them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlbench.core.errors import UserError
from tlbench.core.text import counted
from tlbench.datasets.names import shown, split_of
from tlbench.results.images import SkippedFile

ENDING = ".parquet"
"""File ending of Parquet files."""
SHARD = re.compile(r"(?:(?P<name>.*)[-_.])?(?P<number>\d+)-of-(?P<total>\d+)(?:-[0-9a-f]+)?")
"""A file's stem with a shard number at its end: ``train-00000-of-00002-4e21a3``."""
NUMBERED = re.compile(r"(.*?)([-_.]?)(\d+)$")
"""A file's stem with a number at its end, which is a shard number in ``train_0`` and none in ``val2017``."""
MOST_SHARDS = 100_000
"""A larger total in a name is taken for part of the name."""


@dataclass(frozen=True)
class BySplit:
    """The Parquet files of a data set.

    Attributes:
        splits: the files of each split, in order.
        missing: the first shard of each split that is not there, although the names of others count it.
    """

    splits: Mapping[str, tuple[Path, ...]]
    missing: tuple[SkippedFile, ...]


def files_by_split(place: Path) -> BySplit:
    """The Parquet files below a folder by split.

    Raises:
        UserError: there is none, or more than one configuration.
    """
    files = [
        file
        for file in sorted(place.rglob("*"))
        if file.suffix.lower() == ENDING and file.is_file()
        if not any(part.startswith(".") for part in file.relative_to(place).parts)
    ]
    named = _splits_by_name([file.with_suffix("") for file in files])
    found: dict[Path, dict[str, list[Path]]] = {}
    for file in files:
        split, configuration = named[file.with_suffix("")], file.relative_to(place).parent
        if split_of(split) is None and split_of(configuration.name):
            split, configuration = configuration.name, configuration.parent
        found.setdefault(configuration, {}).setdefault(split, []).append(file)
    if not found:
        raise UserError(f"{shown(str(place))} has no Parquet file; download the data set again")
    if len(found) > 1:
        names = sorted(shown(str(name)) for name in found)
        raise UserError(
            f"{shown(str(place))} has {counted(len(found), 'configuration')}: {', '.join(names)}; give the folder of "
            "one of them as the path"
        )
    ((_, splits),) = found.items()
    if not any(map(split_of, splits)):
        splits = _by_word(splits)
    return BySplit({split: tuple(of) for split, of in splits.items()}, tuple(_missing(place, files)))


def _splits_by_name(files: Sequence[Path]) -> dict[Path, str]:
    """The split of each of some files without their endings: its name without its shard number.

    A bare number at the end is one if the numbers of that name have no gap, from 0 or, behind a separator, from 1.
    """
    numbered: dict[tuple[Path, str, str], dict[Path, int]] = {}
    for file in files:
        if not SHARD.fullmatch(file.name) and (match := NUMBERED.fullmatch(file.name)):
            numbered.setdefault((file.parent, match[1], match[2]), {})[file] = int(match[3])
    splits = {file: match["name"] or "" if (match := SHARD.fullmatch(file.name)) else file.name for file in files}
    for (_, name, separator), of in numbered.items():
        begin = 1 if separator and 0 not in of.values() else 0
        if not name or sorted(of.values()) == list(range(begin, begin + len(of))):
            splits |= dict.fromkeys(of, name)
    return splits


def _by_word(splits: Mapping[str, list[Path]]) -> dict[str, list[Path]]:
    """Files of which no name is that of a split: by the last word of their names, if these are equal but for that and
    every last word is a split of its own, among them train, as in ``cifar10-train`` and ``cifar10-test``; else all for
    training.
    """
    parts = {name: re.fullmatch(r"(.+)[-_. ](.+)", name) for name in splits}
    words = {name: match[2] for name, match in parts.items() if match}
    meant = [split_of(word) for word in words.values()]
    alone = len({match[1] for match in parts.values() if match}) == 1 and len(words) == len(splits)
    if alone and "train" in meant and None not in meant and 1 < len(meant) == len(set(meant)):
        return {words[name]: files for name, files in splits.items()}
    return {"train": [file for files in splits.values() for file in files]}


def _missing(place: Path, files: Sequence[Path]) -> Iterator[SkippedFile]:
    """Where shards are missing. Names as ``train-00000-of-00002``, from 0 or from 1, tell how many there are."""
    there: dict[tuple[Path, str, str], set[int]] = {}
    for file in files:
        if (match := SHARD.fullmatch(file.stem)) and int(match["total"]) <= MOST_SHARDS:
            before = file.stem[: match.start("number")]
            there.setdefault((file.parent, before, match["total"]), set()).add(int(match["number"]))
    for (folder, before, total), numbers in there.items():
        begin = 1 if int(total) in numbers else 0
        if absent := set(range(begin, begin + int(total))) - numbers:
            first = folder / f"{before}{min(absent):0{len(total)}}-of-{total}{ENDING}"
            reason = f"missing: {int(total) - len(absent)} of {int(total)} shards are there"
            yield SkippedFile(split="", path=shown(first.relative_to(place).as_posix()), reason=reason)
