"""List the cells of a suite, and predict what running them takes. Runs nothing, and decodes no image."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlbench.cache.folders import cache_dir
from tlbench.core import plugin_files, selection, settings
from tlbench.core.cell import Cell
from tlbench.core.image_size import brief
from tlbench.core.text import counted
from tlbench.costs.predict import Cost
from tlbench.datasets.locate import folder_of
from tlbench.datasets.registry import DATASETS
from tlbench.execution.absent import absent_weights
from tlbench.execution.predicted import CountsOf, cost_sentences, predicted, told_counts
from tlbench.execution.sharing import estimates, shared_work
from tlbench.host.resources import available_memory
from tlbench.results.record import Record
from tlbench.results.run_folder import RunFolder, runs_under
from tlbench.results.store import Store
from tlbench.session.costs import earlier_records
from tlbench.session.folder import RESULTS, StrPath, as_path, itself_a_run
from tlbench.session.images import Images
from tlbench.session.made import made
from tlbench.suite.expand import expand
from tlbench.suite.load import Suite, load_suite

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Plan:
    """The chosen cells of a suite, and which of them are done.

    Attributes:
        suite: the name of the suite.
        cells: the chosen cells.
        done: the ids of cells that are trained and timed.
        earlier: earlier runs of the suite.
        notes: sentences about how the suite was found, about images that have changed, and about paths and weights
            that are not here.
        untimed: the ids of cells that are trained and only lack step times.
        unsure: the ids of trained cells of which only `run` can tell whether their images are still the same.
    """

    suite: str
    cells: tuple[Cell, ...]
    done: frozenset[str]
    earlier: tuple[RunFolder, ...]
    notes: tuple[str, ...] = ()
    untimed: frozenset[str] = frozenset()
    unsure: frozenset[str] = frozenset()
    _images: Images = field(kw_only=True, repr=False, compare=False)
    _alone: bool = field(kw_only=True, repr=False, compare=False)  # a run that was named takes over nothing

    def __repr__(self) -> str:
        """The name of the suite, with the numbers of cells."""
        return f"<Plan of {self.suite}: {counted(len(self.cells), 'cell')}, {len(self.to_do)} to do>"

    @property
    def to_do(self) -> tuple[Cell, ...]:
        """The chosen cells that are not done."""
        return tuple(cell for cell in self.cells if cell.id not in self.done)

    @cached_property
    def sentences(self) -> tuple[str, ...]:
        """Sentences about what is left to run, its shared work and its cost, and about the cost of earlier runs."""
        if not self.to_do:
            unless = " unless images have changed" if self.unsure & {cell.id for cell in self.cells} else ""
            return (f"Nothing is left to run{unless}.", *estimates(self.cells, self._taken()))
        trials = Counter(map(trials_of, self.to_do))
        of = len(self.to_do)
        tuned = [f"Tuning: {count} trials for {number} of {of} cells." for count, number in trials.items() if count]
        costs = cost_sentences(self.to_do, self.costs, available_memory())
        taken = self._taken()
        return (
            *shared_work(self.to_do, self.untimed),
            *tuned,
            *costs,
            *estimates(self.cells, taken),
            *self._kept(taken),
        )

    def _kept(self, taken: Sequence[Record]) -> list[str]:
        """A sentence on the cells that `run` may take over from earlier runs, without knowing yet what has changed."""
        left = {cell.id for cell in self.to_do} - self.untimed
        many = 0 if self._alone else sum(record.cell_id in left for record in taken)
        if not many:
            return []
        return [
            f"Earlier runs have {counted(many, 'cell')} of them: `run` takes over what was made from the same images "
            "and weights with the same software on this machine, and trains the rest."
        ]

    def _taken(self) -> list[Record]:
        """The newest successful record of each cell, reading no more files than necessary."""
        found: dict[str, Record] = {}
        for store in (Store(folder.path) for folder in self.earlier):
            missing = [cell.id for cell in self.cells if cell.id not in found]
            found |= {one.cell_id: one for one in map(store.read, missing) if one is not None and one.status == "ok"}
        return list(found.values())

    @cached_property
    def costs(self) -> dict[str, Cost]:
        """The predicted costs of cells that are not done, by id; without training if only step times are missing."""
        records = earlier_records()
        in_order = sorted(self.to_do, key=lambda cell: cell.id in self.untimed)  # as `run` does: training comes first
        costs = predicted(in_order, self._counts_of(records), records)
        return {
            cell_id: replace(cost, seconds=0.0, images=0.0, features=0.0) if cell_id in self.untimed else cost
            for cell_id, cost in costs.items()
        }

    def _counts_of(self, records: Sequence[Record]) -> CountsOf:
        """The number of a cell's images: of those that are there, else as far as suite and earlier records tell."""
        images = self._images
        told = told_counts(records, images.stand_ins)
        # Nothing is said of a folder that is missing: the images of an earlier suite with that name may be others.
        return lambda cell: None if images.missing(cell) else images.counts(cell) or told(cell)

    @cached_property
    def frame(self) -> "pd.DataFrame":
        """A data frame with one row per cell.

        Columns: cell_id, backbone, dataset, strategy, head, image_size, train_images (per class; empty: all), epochs,
        learning_rate, trials (empty: nothing is tuned), backend, seed, trained, done (trained and timed).
        """
        import pandas as pd

        return pd.DataFrame([self._row(cell) for cell in self.cells])

    def _repr_html_(self) -> str:
        """The frame, for notebooks."""
        html: str = self.frame.to_html(index=False)
        return html

    def _row(self, cell: Cell) -> dict[str, Any]:
        return {
            "cell_id": cell.id,
            "backbone": cell.backbone.label,
            "dataset": cell.dataset.label,
            "strategy": cell.strategy.label,
            "head": cell.head.label,
            "image_size": cell.image_size if isinstance(cell.image_size, int) else brief(cell.image_size),
            "train_images": cell.limit.train,
            "epochs": cell.train.epochs if cell.train else None,
            "learning_rate": cell.train.learning_rate if cell.train else None,
            "trials": trials_of(cell) or None,
            "backend": cell.backend,
            "seed": cell.seed,
            "trained": cell.id in self.done | self.untimed,
            "done": cell.id in self.done,
        }


def plan(
    suite: StrPath,
    *,
    select: str = "",
    shard: str = "",
    out: StrPath | None = None,
    data: StrPath | None = None,
    weights: StrPath | None = None,
    plugins: Sequence[StrPath] = (),
) -> Plan:
    """List the cells that `run` would train and measure, and which of them are done already.

    Args:
        suite: the suite file.
        select: only these cells, as for `run`.
        shard: only this part of the cells, as for `run`.
        out: the folder of a run in which to look for cells that are done; default: the newest run of the same cells.
        data: the folder of data sets; default: ``$TLBENCH_DATA``.
        weights: the folder of weights; default: ``$TLBENCH_WEIGHTS``.
        plugins: Python files, as for `run`.

    Raises:
        UserError: the suite has a mistake, or no cell is selected.

    Examples:
        >>> import tlbench
        >>> plan = tlbench.plan("suites/small.yaml", select="strategy=frozen")
        >>> [cell.backbone.label for cell in plan.cells if cell.dataset.name == "intel"]
        ['MobileNet (alpha=0.25)', 'MobileNetV2 (alpha=0.35)']
    """
    for plugin in plugins:
        plugin_files.load(Path(plugin))
    read = load_suite(as_path(suite, "suite"))
    cells = expand(read)
    chosen = selection.select(cells, select) if select else cells
    chosen = selection.shard(chosen, shard) if shard else chosen
    earlier = runs_under(RESULTS / read.name)
    root = settings.folder("TLBENCH_DATA", data)
    images = Images(read, root)
    found = made(read, cells, chosen, earlier, as_path(out, "out") if out is not None else None, images)
    left = [cell for cell in chosen if cell.id not in found.done]
    absent = absent_weights(left, settings.folder("TLBENCH_WEIGHTS", weights), read.fallback.weights)
    itself = itself_a_run(read.name) if out is None else ""
    notes = (
        *read.notes,
        *([itself] if itself else []),
        *_nowhere(root),
        *_missing(read),
        *_fetched(read, left, root),
        *_refused(left, images),
        *absent,
        *_by_name(chosen),
        *found.notes,
    )
    return Plan(
        read.name,
        tuple(chosen),
        found.done,
        tuple(earlier),
        notes,
        found.untimed,
        found.unsure,
        _images=images,
        _alone=out is not None,
    )


def _nowhere(root: Path | None) -> list[str]:
    """A sentence if the user's data folder does not exist."""
    return [] if root is None or root.is_dir() else [f"the data folder {root} does not exist; `run` needs it"]


def _missing(suite: Suite) -> list[str]:
    """A sentence for each data set whose path does not exist."""
    absent = {name: path for name, path in suite.dataset_paths.items() if not path.exists()}
    return [suite.misplaced(name) or f"{name}: {path} does not exist; `run` needs it" for name, path in absent.items()]


def _fetched(suite: Suite, cells: Sequence[Cell], root: Path | None) -> list[str]:
    """A sentence for each built-in data set that is in no folder, which `run` may not draw, but downloads, or stops."""
    if suite.fallback.datasets == "synthetic" or (root is not None and not root.is_dir()):
        return []
    sentences = []
    for name in dict.fromkeys(cell.dataset.name for cell in cells if cell.train):
        info = DATASETS.get(name)
        if info is None or name in suite.dataset_paths or folder_of(name, root, cache_dir()) is not None:
            continue
        where = f"{name} is not in {root}" if root else f"{name}: TLBENCH_DATA names no folder"
        if info.archive and not settings.flag("TLBENCH_OFFLINE"):
            then = f"downloads {info.archive.bytes / 2**20:.0f} MiB; `tlbench data get {name}` does so beforehand"
        else:
            then = f"stops; {info.where}"
        sentences.append(f"{where}, nor has it been downloaded; `run` {then}")
    return sentences


def _refused(cells: Sequence[Cell], images: Images) -> list[str]:
    """A sentence for each data set whose folder `run` will refuse, as for a class that it has not."""
    one_of_each = {cell.dataset.model_dump_json(): cell for cell in cells}
    return [f"`run` will stop: {why}" for cell in one_of_each.values() if (why := images.refused(cell))]


def _by_name(cells: Sequence[Cell]) -> list[str]:
    """Notes that layers which strategies name are not checked, because no model is built here."""
    named = dict.fromkeys((cell.backbone.name, cell.strategy.args.get("from_layer")) for cell in cells)
    return [
        f"from_layer: whether {backbone} has a layer {name!r} is seen when `run` builds it; "
        f"`tlbench inspect {backbone} --layers` names them"
        for backbone, name in named
        if name is not None
    ]


def trials_of(cell: Cell) -> int:
    """The number of trials of a cell's grid search; 0 without one."""
    return len(cell.train.tune.trials) if cell.train and cell.train.tune else 0
