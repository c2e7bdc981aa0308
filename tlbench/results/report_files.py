"""Names of a run's report files. Other files in the folder belong to the user and are never touched."""

import re
from collections.abc import Collection
from pathlib import Path

PICTURE = "svg"
"""Ending of figures, of which a report has several; their names contain the figure's name."""
OWN = re.compile(
    r"report(?:\.(?:synthetic-data|[a-z]+-weights|batch-\d+-for-\d+))*(?P<name>\.[^.]+)?\.(?P<ending>[^.]+)"
)


def report_file(ending: str, stand_ins: Collection[str]) -> str:
    """The name of a report: ``report.md``, or with stand-ins ``report.synthetic-data.random-weights.md``."""
    marks = sorted((mark.replace(" ", "-") for mark in stand_ins), reverse=True)
    return ".".join(["report", *marks, ending])


def report_files(folder: Path, endings: Collection[str]) -> list[Path]:
    """The report files in a folder with one of `endings`, for any stand-ins."""
    return [path for path in folder.glob("report.*") if _is_own(path.name, endings) and path.is_file()]


def _is_own(name: str, endings: Collection[str]) -> bool:
    found = OWN.fullmatch(name)
    return found is not None and found["ending"] in endings and bool(found["name"]) == (found["ending"] == PICTURE)
