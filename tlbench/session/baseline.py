"""Save runs as a baseline: a small text file that can be committed."""

from collections.abc import Sequence
from pathlib import Path

from tlbench.core.errors import NothingThereError, UserError
from tlbench.core.files import replaces
from tlbench.core.text import counted, listed
from tlbench.regression import baseline
from tlbench.regression.side import Side
from tlbench.results.run_folder import RunFolder, is_run, open_run, runs_under
from tlbench.session.side import cells_of, side_of


def save(places: Sequence[Path], file: Path) -> tuple[Side, int]:
    """Save runs of one suite as a baseline. Each run counts as one measurement.

    Of a folder that contains runs, only the cells of its newest run are saved: cells that the suite no longer has would
    be missing in every later comparison.

    Args:
        places: folders of runs, or folders that contain runs.
        file: the baseline to write.

    Returns:
        The saved side, and the number of runs that count in it.

    Raises:
        UserError: there is no run, the runs are of different suites, or `file` has content and is no baseline.
    """
    if replaces(file) and not baseline.is_baseline(file):
        raise UserError(
            f"{file} is no tlbench baseline and would be overwritten; name another file, or remove this one first"
        )
    replaced = _replaced(file)
    by_place = [_runs(place) for place in places]
    cells = {cell for runs in by_place for cell in cells_of(runs)}
    folders = [folder for runs in by_place for folder in runs]
    folders.sort(key=lambda folder: folder.run.created, reverse=True)
    suites = sorted({folder.run.suite for folder in folders})
    if len(suites) > 1:
        raise UserError(f"these are runs of different suites ({', '.join(suites)}); a baseline is of one suite")
    side = side_of(folders, ", ".join(map(str, places)), cells=cells)
    baseline.write(side, file)
    return side.model_copy(update={"notes": (*_mixed(side), *side.notes, *replaced)}), side.taken


def _replaced(file: Path) -> list[str]:
    """A note on the baseline that is in the file already."""
    if not replaces(file):
        return []
    try:
        return [f"replaced {file} (was of {baseline.read(file).created})"]
    except UserError:
        return [f"replaced {file} (was damaged, or of another version of tlbench)"]


def _mixed(side: Side) -> list[str]:
    """A warning if some cells were measured on stand-ins and others were not.

    A later run on either has nothing to compare for the cells of the other.
    """
    entries = [entry for entry in side.entries if entry.ok]
    drawn = [entry for entry in entries if entry.fallbacks]
    if len(drawn) in {0, len(entries)}:
        return []
    kinds = listed(list(dict.fromkeys(kind for entry in drawn for kind in entry.fallbacks)))
    return [
        f"this baseline mixes stand-ins with the real thing: {kinds} in {len(drawn)} of "
        f"{counted(len(entries), 'cell')}. Their accuracies, times and memory can only be compared with runs on the "
        "same stand-ins; to have a baseline of each, save each run to a file of its own"
    ]


def _runs(place: Path) -> list[RunFolder]:
    if not place.exists():
        raise NothingThereError(f"{place} does not exist; `tlbench run SUITE` makes a run")
    folders = [open_run(place)] if is_run(place) or not place.is_dir() else runs_under(place)
    if not folders:
        raise NothingThereError(f"{place} holds no run; `tlbench run SUITE` makes one")
    return folders
