"""Outputs that would overwrite a file of value: an input of the command, a suite, a baseline or a record."""

import re
from collections.abc import Iterable
from pathlib import Path

from tlbench.core import plugin_files
from tlbench.core.errors import UserError
from tlbench.core.files import replaces
from tlbench.regression.baseline import is_baseline
from tlbench.results.owner import OWNER_FILE
from tlbench.results.run_folder import RECORDS, RUN_FILE, SUITE_FILE, is_run
from tlbench.results.spent import BUDGET_FILE
from tlbench.results.store import MODELS, PREDICTIONS

SUITES = (".yaml", ".yml")
SUITE_KEY = re.compile(rb"^[\"']?(?:backbones|datasets|strategies)[\"']?\s*:", re.MULTILINE)
OF_RUN = frozenset({RUN_FILE, SUITE_FILE, BUDGET_FILE, OWNER_FILE, RECORDS, PREDICTIONS, MODELS})
"""The files and folders in the folder of a run that cannot be made again from the others."""
MOST_BYTES = 2**20
"""How much of a file is read to see whether it is a suite."""


def refuse_overwriting(outputs: Iterable[Path | None], *inputs: Path | None) -> None:
    """Refuse outputs that would overwrite a file of value, before anything is read or measured.

    Args:
        outputs: the files to write; None is printed.
        inputs: the files and folders that the command reads; None was not given.

    Raises:
        UserError: a file is one of the inputs or a plugin file, a suite, a baseline, or a file that a run consists of.
    """
    read = [*inputs, *(Path(plugin.path) for plugin in plugin_files.loaded())]
    for file in outputs:
        if file is None or not replaces(file):
            continue
        if any(each is not None and each.is_file() and each.samefile(file) for each in read):
            what = "an input of this command"
        elif is_baseline(file):
            what = "a baseline"
        elif _is_suite(file):
            what = "a suite"
        elif _is_of_run(file):
            what = "a file of a run"
        else:
            continue
        raise UserError(f"{file} is {what} and would be overwritten; name another file for the output")


def _is_suite(file: Path) -> bool:
    if file.suffix.lower() not in SUITES:
        return False
    with file.open("rb") as content:
        return SUITE_KEY.search(content.read(MOST_BYTES)) is not None


def _is_of_run(file: Path) -> bool:
    """Whether a run consists of the file, as of its records. Reports in its folder can be made again."""
    place = file.resolve()
    return any(is_run(folder) and place.relative_to(folder).parts[0] in OF_RUN for folder in place.parents)
