"""What a recommendation rests on, and where it ends, in sentences. Pure."""

from collections.abc import Iterable, Sequence

from tlbench.core.text import counted, first_of, percent
from tlbench.datasets.sentences import repeated, repeated_sentence
from tlbench.regression.best import Contest
from tlbench.regression.contrasts import Recipe
from tlbench.reporting.report import RunRecord
from tlbench.reporting.views import rows
from tlbench.reporting.views.relative import TimeColumns
from tlbench.results.record import Record
from tlbench.statistics.intervals import wilson

FEW_IMAGES = 100
"""With fewer test images, the interval of an accuracy reaches ten points or more to either side."""
ONE_SEED = "With other seeds, models that were trained with one may come in another order."
KEPT_HEAD = "°"
"""In tables, a row whose fine-tuning was thrown away with every seed: what it shows is the solved head."""
MOST_REPEATED = 0.01
"""Up to this share of the test images may be repeated before the answer says so: they can be worth a point."""
NOT_UNSEEN = "accuracies may not be those of unseen images with right labels"
MOST_CLASSES = 4
"""The most classes that a sentence names."""
MOST_NAMED = 6
"""The most models that a sentence names."""


def certainty(found: Contest, group: Sequence[RunRecord], among: Sequence[RunRecord]) -> str:
    """The evidence for the choice of a `group`, in a report on `among`, and its limits."""
    number = len(found.contenders)
    record = group[0].record
    images = record.accuracy.images if record.accuracy else 0
    tested = f"on the same {images} test images{_guessing(record)}"
    parts = []
    if record.data and record.data.source == "synthetic":
        parts.append("These are drawn pictures: nothing here says what is best on photographs.")
    if (kind := rows.stand_in(record)) is not None:
        parts.append(f"{kind.capitalize()} weights stand in for ImageNet's: {rows.WITHOUT_IMAGENET[kind]}")
    if record.data and record.data.unbalanced:
        parts.append("The classes are unbalanced: the tables have the balanced accuracy.")
    if 0 < images < FEW_IMAGES:
        parts.append(few_images(images))
    if images and max(_pictures_repeated(row.record) for row in group) > MOST_REPEATED * images:
        parts.append(f"{repeated_in(group)}: {NOT_UNSEEN}.")
    if any(row.record.timings for row in group) and not TimeColumns.of(group, among).marks:
        parts.append("No step time here is stable.")
    if number == 1:
        return " ".join([*parts, f"Nothing else was tested {tested}."])
    parts.append(f"Compared, with 95 % confidence: {_compared(found)} {tested}.")
    if found.of_models:
        parts.append("For strategies in general, add seeds and run tlbench pairs.")
    if not found.paired:
        parts.append("Answers to single images were not kept of all, so that small leads cannot be seen.")
    return " ".join(parts)


def few_images(images: int) -> str:
    """What so few test images say."""
    low, high = wilson(images / 2, images)
    return (
        f"{counted(images, 'test image')} say little: one more that is right is {100 / images:.1f} points, and an "
        f"accuracy of a half is known to within {50 * (high - low):.0f} points either way."
    )


def repeated_in(group: Sequence[RunRecord]) -> str:
    """How many pictures stand under two labels or in two splits; empty if none does."""
    audits = [row.record.data.audit for row in group if row.record.data and row.record.data.audit]
    return " or ".join(filter(None, dict.fromkeys(map(repeated_sentence, audits))))


def _pictures_repeated(record: Record) -> int:
    audit = record.data.audit if record.data else None
    return sum(repeated(audit)) if audit else 0


def _compared(found: Contest) -> str:
    number, once = len(found.contenders), sum(not each.recipe.judged for each in found.contenders)
    if not found.of_models:
        return f"{number} recipes"
    return f"{number} trained models, {'each' if once == number else f'{once} of them'} with one seed,"


def _guessing(record: Record) -> str:
    """A clause on the accuracy of guessing, to follow the words "test images"."""
    data = record.data
    if data is None or (majority := data.majority) is None:
        return ""
    even = majority * len(data.classes) < 1 + 1e-9
    return (
        f", of which {'guessing' if even else 'always saying the most frequent class'} gets {percent(majority)} right"
    )


def holds(found: Contest) -> str:
    """Whether the choice holds for other trainings and images; empty if nothing is compared."""
    if len(found.contenders) == 1:
        return ""
    return (
        ONE_SEED
        if found.of_models
        else f"This holds for other {_trained_over(found)}, and for other test images of the same kind."
    )


def _trained_over(found: Contest) -> str:
    """What varied between trainings: ``seeds (3 each)``, or the training images of solved heads."""
    seeds = [len(each.recipe.records) for each in found.contenders if not each.recipe.resampled]
    if not seeds:
        return "training images"
    many = str(seeds[0]) if min(seeds) == max(seeds) else f"{min(seeds)} to {max(seeds)}"
    solved = (
        ", for other training images where a head was solved and has no seed"
        if len(seeds) < len(found.contenders)
        else ""
    )
    return f"seeds ({many} each){solved}"


def thrown_away(named: Iterable[tuple[str, Recipe]]) -> str:
    """A sentence on recipes, by name, whose fine-tuning was thrown away (`Record.kept_head`); empty without any."""
    kept = [(name, recipe.kept_heads, len(recipe.records)) for name, recipe in named]
    told = [name if of == 1 else f"{name} ({number} of {of} seeds)" for name, number, of in kept if number]
    if not told:
        return ""
    mark = f" ({KEPT_HEAD})" if any(number == of for _, number, of in kept) else ""
    return (
        f"Fine-tuning was thrown away{mark} in {first_of(told, MOST_NAMED, '; ')}: on the validation images the solved "
        "head was the best of what there was to choose from, and is what is shown."
    )


def never_recognised(name: str, seeds: Sequence[Record]) -> str:
    """A sentence on the classes of which a model recognises no test image with any seed; empty if there are none.

    Args:
        name: the name of the model.
        seeds: its records, one for each seed.
    """
    known = [record.accuracy.per_class for record in seeds if record.accuracy]
    if not known or seeds[0].data is None:
        return ""
    images = seeds[0].data.counts.get("test", {})
    never = [f"{one} (0 of {many})" for one, many in images.items() if all(of.get(one) == 0 for of in known)]
    if not never:
        return ""
    seeded = f" with any of {len(known)} seeds" if len(known) > 1 else ""
    return f"{name} never recognises {first_of(never, MOST_CLASSES)}{seeded}."
