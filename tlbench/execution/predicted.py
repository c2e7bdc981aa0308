"""Predict the cost of a plan's cells, and describe it in sentences. Pure."""

from collections.abc import Callable, Hashable, Mapping, Sequence

from tlbench.core.cell import Cell
from tlbench.core.duration import duration
from tlbench.core.text import counted, first_of
from tlbench.costs.predict import Cost, Part, cost_of
from tlbench.costs.sizes import size_of
from tlbench.costs.speeds import fitted, reference
from tlbench.costs.work import uses_features
from tlbench.datasets import registry as datasets
from tlbench.datasets import synthetic
from tlbench.datasets.names import SPLITS
from tlbench.execution.groups import features_key, structure_key
from tlbench.execution.inputs import data_key
from tlbench.execution.sharing import job_of, measured_key
from tlbench.measuring.jobs import steps_of
from tlbench.results.record import Record

Counts = Mapping[str, int]
CountsOf = Callable[[Cell], Counts | None]


def predicted(
    cells: Sequence[Cell], counts_of: CountsOf, records: Sequence[Record], *, alone: bool = False
) -> dict[str, Cost]:
    """The predicted costs by cell id, without cells that cannot be predicted.

    Work that cells share is charged to the first of them: building a model, and computing features.

    Args:
        cells: the cells in the order in which they run.
        counts_of: the number of a cell's images by split; None where it is unknown.
        records: records from this machine, from which its speed is estimated.
        alone: charge each cell for shared work too, as if it were the only one, to compare cells with each other.
    """
    speeds = fitted(records, reference()) if records else reference()
    speeds = speeds if speeds.forward else reference()
    seen: set[Hashable] = set()

    def is_charged(key: Hashable) -> bool:
        if key in seen and not alone:
            return False
        seen.add(key)
        return True

    costs = {}
    for cell in cells:
        counts = counts_of(cell) if cell.train else {}
        if counts is None:
            continue
        job = job_of(cell)
        builds = is_charged(("model", structure_key(job)))
        computed = sum(counts.values()) if uses_features(cell) and is_charged(("features", features_key(job))) else 0
        steps = steps_of(cell) if cell.timing else []
        charged = [step for step in steps if is_charged(("step", measured_key(cell, step)))]
        part = Part(builds, computed, [(step.step, step.batch_size) for step in charged])
        if cost := cost_of(cell, counts, part, speeds, reference()):
            costs[cell.id] = cost
    return costs


def told_counts(records: Sequence[Record], stand_ins: CountsOf = lambda cell: None) -> CountsOf:
    """Numbers of images, as far as they are known from earlier records, `stand_ins`, or the suite and the archive."""
    earlier: dict[Hashable, Counts] = {}
    for record in records:
        if record.data is not None:
            images = {split: sum(of.values()) for split, of in record.data.counts.items()}
            earlier[_images_key(record.cell)] = images

    def counts_of(cell: Cell) -> Counts | None:
        if (known := earlier.get(_images_key(cell))) is not None:
            return known
        if (drawn := stand_ins(cell)) is not None:
            return drawn
        classes, found = datasets.classes_of(cell.dataset), _per_class(cell)
        if classes is None:
            return None
        return {split: len(classes) * number for split, number in found.items()} if all(found.values()) else None

    return counts_of


def _per_class(cell: Cell) -> Counts:
    """The images per class by split; 0 where the number is unknown."""
    if cell.dataset.name == datasets.SYNTHETIC:
        return synthetic.counts(cell.limit)
    info = datasets.DATASETS.get(cell.dataset.name)
    all_of = info.archive.per_class() if info and info.archive else {}
    known = {split: (getattr(cell.limit, split), all_of.get(split)) for split in SPLITS}
    return {split: min(filter(None, both), default=0) for split, both in known.items()}


def cost_sentences(cells: Sequence[Cell], costs: Mapping[str, Cost], free: int) -> list[str]:
    """Sentences about time, memory and disk, their error, and cells that may not fit into `free` bytes of memory."""
    known = [(cell, costs[cell.id]) for cell in cells if cell.id in costs]
    said = []
    if known:
        of = "" if len(known) == len(cells) else f" for {len(known)} of {len(cells)} cells"
        every = [cost for _, cost in known]
        timing = sum(cost.timing for cost in every)
        seconds = sum(cost.seconds for cost in every)
        training = [f"{duration(seconds)} of training, added up"] if seconds or not timing else []
        steps = [f"{duration(timing)} of step times"] if timing else []
        images = {data_key(cell): cost.images for cell, cost in known if cell.train}
        features = {features_key(job_of(cell)): cost.features for cell, cost in known if cost.features}
        disk = sum(images.values()) + sum(features.values())
        memory = _size(max(cost.memory for cost in every))
        said = [
            f"Predicted{of}: {', '.join(training + steps)}; {memory} of memory for the largest cell"
            + (f"; {_size(disk)} of images{' and pooled features' if features else ''} on disk." if disk else "."),
            basis(every),
        ]
    return said + _unpredicted([cell for cell in cells if cell.id not in costs]) + memory_sentences(cells, costs, free)


def _unpredicted(cells: Sequence[Cell]) -> list[str]:
    """One sentence that says why there is no prediction for some cells; none without such cells."""
    if not cells:
        return []
    large = {cell.id for cell in cells if size_of(cell.backbone, cell.image_size) is None}
    backbones = list(dict.fromkeys(cell.backbone.label for cell in cells if cell.id in large))
    sets = list(dict.fromkeys(cell.dataset.label for cell in cells if cell.id not in large))
    why = [f"the size of {first_of(backbones, NAMED)}"] if backbones else []
    why += [f"the number of images of {first_of(sets, NAMED)}"] if sets else []
    verb = "is" if len(why) == 1 else "are"
    return [
        f"{counted(len(cells), 'cell')} without a prediction, since {' and '.join(why)} {verb} not known before `run` "
        "reads them."
    ]


def basis(costs: Sequence[Cost]) -> str:
    """What the predictions are based on, and how large their error is."""
    kinds = {cost.known for cost in costs}
    factor = max(cost.factor for cost in costs)
    if "reference" in kinds:
        return (
            "No earlier run of this machine is in results/: predicted for two threads of an AMD EPYC, where nine of "
            f"ten cells were off by a factor of at most {factor:g}; another machine may be further off."
        )
    known = "other backbones" if "machine" in kinds else "the same backbones"
    return f"Known from {known} on this machine: nine of ten cells are off by a factor of at most {factor:g}."


def memory_sentences(cells: Sequence[Cell], costs: Mapping[str, Cost], free: int) -> list[str]:
    """One sentence about cells that are predicted to need more than `free` bytes of memory; none where all fit."""
    large = [cell for cell in cells if cell.id in costs and costs[cell.id].memory > free]
    if not large:
        return []
    named = [f"{cell.label} ({cell.id}, {_size(costs[cell.id].memory)})" for cell in large]
    return [
        f"Memory may not be enough for {counted(len(large), 'cell')}, with {_size(free)} free: "
        f"{first_of(named, NAMED, '; ')}. A smaller batch_size or image_size takes less."
    ]


NAMED = 5


def taken_sentence(costs: Mapping[str, Cost], records: Sequence[Record]) -> str:
    """Predicted and actual time of training, summed over the records of cells with a prediction; empty without any."""
    both = [(costs[one.cell_id], one) for one in records if one.cell_id in costs and one.status == "ok" and one.phases]
    if not both:
        return ""
    told, took = sum(cost.seconds for cost, _ in both), sum(sum(one.phases.values()) for _, one in both)
    over = f", added up over {len(both)} cells" if len(both) > 1 else ""
    return f"Training was predicted to take {duration(told)} and took {duration(took)}{over}."


def _size(amount: float) -> str:
    return f"{amount / 1e9:.1f} GB" if amount >= 1e9 else f"{amount / 1e6:.0f} MB"


def _images_key(cell: Cell) -> Hashable:
    return cell.dataset.label, cell.limit
