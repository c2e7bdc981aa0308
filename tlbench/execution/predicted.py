"""What a plan's cells will cost, each its part of what they share, and in sentences. Pure."""

from collections.abc import Callable, Hashable, Mapping, Sequence

from tlbench.core.cell import Cell
from tlbench.core.duration import duration
from tlbench.core.text import counted
from tlbench.costs.predict import Cost, Part, cost_of
from tlbench.costs.speeds import fitted, reference
from tlbench.datasets import registry as datasets
from tlbench.datasets import synthetic
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
    """The cost of each of `cells` of which it can be told, by id.

    The first cell of a model bears its building, the first of a backbone and its images their feature pass. counts_of:
    images of a cell by split, None where unknown. records: of this machine, from which its speed is known. alone: each
    bears all of it, as if it were the only one, so that recipes can be held against each other.
    """
    speeds = fitted(records, reference()) if records else reference()
    speeds = speeds if speeds.forward else reference()
    seen: set[Hashable] = set()

    def new(key: Hashable) -> bool:
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
        first = new(("model", structure_key(job)))
        computed = sum(counts.values()) if cell.train and new(("features", features_key(job))) else 0
        steps = [step for step in steps_of(cell) if new(("step", measured_key(cell, step)))] if cell.timing else []
        part = Part(first, computed, [(step.step, step.batch_size) for step in steps])
        if cost := cost_of(cell, counts, part, speeds, reference()):
            costs[cell.id] = cost
    return costs


def told_counts(records: Sequence[Record]) -> CountsOf:
    """Images of a cell as far as its suite tells, a data set has a known number, or earlier `records` say."""
    earlier: dict[Hashable, Counts] = {}
    for record in records:
        if record.data is not None:
            images = {split: sum(of.values()) for split, of in record.data.counts.items()}
            earlier[_images_key(record.cell)] = images

    def counts_of(cell: Cell) -> Counts | None:
        if (known := earlier.get(_images_key(cell))) is not None:
            return known
        like = cell.dataset.args.get("like")
        classes = datasets.classes_of(cell.dataset.name, None if like is None else str(like))
        if classes is None:
            return None
        found = _per_class(cell)
        return {split: len(classes) * number for split, number in found.items()} if all(found.values()) else None

    return counts_of


def _per_class(cell: Cell) -> Counts:
    """Images of one class by split, 0 where it is not known."""
    if cell.dataset.name == datasets.SYNTHETIC:
        return synthetic.counts(cell.limit)
    archive = datasets.get(cell.dataset.name).archive
    all_of = archive.per_class() if archive else {}
    return {split: getattr(cell.limit, split) or all_of.get(split, 0) for split in SPLITS}


SPLITS = ("train", "validation", "test")


def cost_sentences(cells: Sequence[Cell], costs: Mapping[str, Cost], free: int) -> list[str]:
    """Time, memory and disk of all, how far off they may be, and the cells that may not fit into `free` bytes."""
    known = [(cell, costs[cell.id]) for cell in cells if cell.id in costs]
    said = []
    if known:
        of = "" if len(known) == len(cells) else f" for {len(known)} of {len(cells)} cells"
        every = [cost for _, cost in known]
        timing = sum(cost.timing for cost in every)
        steps = f", {duration(timing)} of step times" if timing else ""
        images = {data_key(cell): cost.images for cell, cost in known if cell.train}
        features = {features_key(job_of(cell)): cost.features for cell, cost in known if cell.train}
        disk = sum(images.values()) + sum(features.values())
        said = [
            f"Predicted{of}: {duration(sum(cost.seconds for cost in every))} of training, added up{steps}; at most "
            f"{_size(max(cost.memory for cost in every))} of memory"
            + (f"; {_size(disk)} of images and pooled features on disk." if disk else "."),
            basis(every),
        ]
    unknown = [cell for cell in cells if cell.id not in costs]
    if unknown:
        said.append(
            f"{counted(len(unknown), 'cell')} without a prediction: how many images there are, or how large the "
            "backbone is, is not known before they are read."
        )
    return said + memory_sentences(cells, costs, free)


def basis(costs: Sequence[Cost]) -> str:
    """What the predictions rest on, and their error."""
    kinds = {cost.known for cost in costs}
    factor = max(cost.factor for cost in costs)
    if "reference" in kinds:
        return (
            "No earlier run on this machine is known: predicted for two threads of an AMD EPYC, where nine of ten "
            f"cells were off by a factor of at most {factor:g}; another machine may be further off."
        )
    known = "other backbones" if "machine" in kinds else "the same backbones"
    return f"Known from {known} on this machine: nine of ten cells are off by a factor of at most {factor:g}."


def memory_sentences(cells: Sequence[Cell], costs: Mapping[str, Cost], free: int) -> list[str]:
    """The cells whose predicted memory is more than is `free`, in one sentence; none where all fit."""
    large = [cell for cell in cells if cell.id in costs and costs[cell.id].memory > free]
    if not large:
        return []
    named = [f"{cell.label} ({cell.id}, {_size(costs[cell.id].memory)})" for cell in large[:NAMED]]
    more = f" and {len(large) - NAMED} more" if len(large) > NAMED else ""
    return [
        f"Memory may not be enough for {counted(len(large), 'cell')}, with {_size(free)} free: "
        f"{'; '.join(named)}{more}. A smaller batch_size or image_size takes less."
    ]


NAMED = 5


def taken_sentence(costs: Mapping[str, Cost], records: Sequence[Record]) -> str:
    """The prediction beside what was taken, over the `records` of predicted cells; empty where there are none."""
    both = [(costs[one.cell_id], one) for one in records if one.cell_id in costs and one.status == "ok" and one.phases]
    if not both:
        return ""
    told, took = sum(cost.seconds for cost, _ in both), sum(sum(one.phases.values()) for _, one in both)
    within = sum(
        cost.seconds / cost.factor <= sum(one.phases.values()) <= cost.seconds * cost.factor for cost, one in both
    )
    peaks = [(cost.memory, one.memory.peak) for cost, one in both if one.memory and one.memory.peak]
    most = [_size(max(bytes_)) for bytes_ in zip(*peaks, strict=True)]
    memory = f"; at most {most[0]} and {most[1]} of memory" if peaks else ""
    return (
        f"Predicted and taken: {duration(told)} and {duration(took)} of training, added up over "
        f"{counted(len(both), 'cell')}, {within} of them within the stated error{memory}."
    )


def _size(amount: float) -> str:
    return f"{amount / 1e9:.1f} GB" if amount >= 1e9 else f"{amount / 1e6:.0f} MB"


def _images_key(cell: Cell) -> Hashable:
    return cell.dataset.label, cell.limit
