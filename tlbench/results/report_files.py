"""The files of a run's report, by their names. What else is called alike in its folder is the user's, and stays."""

import re
from collections.abc import Collection
from pathlib import Path

PICTURE = "svg"
"""The ending of the files of which a report has several, each with a name of its own."""
OWN = re.compile(
    r"report(?:\.(?:synthetic-data|[a-z]+-weights|batch-\d+-for-\d+))*(?P<name>\.[^.]+)?\.(?P<ending>[^.]+)"
)


def report_file(ending: str, stand_ins: Collection[str]) -> str:
    """``report.md``; with stand-ins among the records ``report.synthetic-data.random-weights.md``."""
    marks = sorted((mark.replace(" ", "-") for mark in stand_ins), reverse=True)
    return ".".join(["report", *marks, ending])


def report_files(folder: Path, endings: Collection[str]) -> list[Path]:
    """The report's files in a folder that have one of `endings`, whatever stand-ins their names tell of."""
    return [path for path in folder.glob("report.*") if _is_own(path.name, endings) and path.is_file()]


def _is_own(name: str, endings: Collection[str]) -> bool:
    found = OWN.fullmatch(name)
    return found is not None and found["ending"] in endings and bool(found["name"]) == (found["ending"] == PICTURE)
