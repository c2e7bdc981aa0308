"""The recommendation in sentences. Pure. `render/assets/page.js` makes the same sentences in a browser."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from tlbench.core.text import percent
from tlbench.reporting.plots import Choice, Mark, Words

WORDS = Words(
    take="Take {name}: {top1} ({low} to {high}){cost}.",
    within="Within these limits take {name}: {top1} ({low} to {high}){cost}.",
    guess="No model can be recommended by its top-1: the highest, {top1} ({low} to {high}) of {name}, is not clearly "
    "above the {chance} that guessing gets.",
    guess_within="Within these limits no model can be recommended by its top-1: the highest, {top1} ({low} to {high}) "
    "of {name}, is not clearly above the {chance} that guessing gets.",
    nothing="Nothing that was tested is within these limits.",
    alone="It is better than {others}.",
    rivals="{some} may be as good",
    cheaper="the cheapest to run of them is {name}: {top1} ({low} to {high}){cost}",
    cheapest="none of them is cheaper to run",
    cheapest_two="neither is cheaper to run",
    cheaper_one="it is {name}, which is cheaper to run: {top1} ({low} to {high}){cost}",
    cheapest_one="it is not cheaper to run",
    listed="May be as good: {names}.",
    more=", and {number} more",
)
SMALLEST = replace(
    WORDS,
    cheaper="the smallest of them is {name}: {top1} ({low} to {high}){cost}",
    cheapest="none of them is smaller",
    cheapest_two="neither is smaller",
    cheaper_one="it is {name}, which is smaller: {top1} ({low} to {high}){cost}",
    cheapest_one="it is not smaller",
)
"""For a choice without step times, in which size stands for the cost of inference."""

ALONE_ONCE = "As trained here, it is better than {others}."
"""The words for `alone` where some recipe was trained once: another training could come out otherwise."""

MOST_LISTED = 12


def sentence(choice: Choice, among: Collection[int] | None = None) -> str:
    """The recommendation `among` the marks at these places, by default all."""
    words, marks = choice.words, choice.scatter.marks
    places = sorted(range(len(marks)) if among is None else among)
    if not places:
        return words.nothing
    leader, others = places[0], places[1:]
    rivals = [place for place in others if place not in choice.beaten[leader]]
    best = marks[leader]
    everything = len(places) == len(marks)
    if not choice.above_chance(leader):
        return _said(choice, words.guess if everything else words.guess_within, best)
    said = _said(choice, words.take if everything else words.within, best)
    if not others:
        return said
    if not rivals:
        return f"{said} {words.alone.format(others=_others(len(others)))}"
    second = words.rivals.format(some=_some(len(rivals), len(others)))
    if choice.run_cost in best.x:
        second += f"; {_cheapest(choice, best, [marks[place] for place in rivals])}"
    return f"{said} {second}."


def listed(choice: Choice, among: Collection[int] | None = None) -> str:
    """The names of the marks that may be as good; empty if there are none, or if nothing is recommended."""
    places = sorted(range(len(choice.scatter.marks)) if among is None else among)
    if not places or not choice.above_chance(places[0]):
        return ""
    rivals = [choice.scatter.marks[place] for place in places[1:] if place not in choice.beaten[places[0]]]
    if not rivals:
        return ""
    more = choice.words.more.format(number=len(rivals) - MOST_LISTED) if len(rivals) > MOST_LISTED else ""
    return choice.words.listed.format(names=_named(rivals[:MOST_LISTED]) + more)


def _named(marks: Sequence[Mark]) -> str:
    """Names of marks: ``A: full, frozen; B: full``; in full if no group has several, or if a name has more commas."""
    tails: dict[str, list[str]] = {}
    for mark in marks:
        tails.setdefault(mark.group, []).append(mark.name.removeprefix(f"{mark.group}, "))
    if len(tails) == len(marks) or any(", " in tail for several in tails.values() for tail in several):
        return "; ".join(mark.name for mark in marks)
    return "; ".join(f"{group}: {', '.join(several)}" for group, several in tails.items())


def within(choice: Choice, limits: Mapping[str, float]) -> list[int]:
    """The places of the marks within `limits`, which are by the key of an axis; an unknown cost is not within."""
    return [
        place
        for place, mark in enumerate(choice.scatter.marks)
        if all(key in mark.x and mark.x[key].value <= most for key, most in limits.items())
    ]


def _cheapest(choice: Choice, best: Mark, rivals: Sequence[Mark]) -> str:
    cheapest = min(rivals, key=lambda mark: _run_cost(choice, mark))  # of equal ones the more accurate, which is first
    words, alone = choice.words, len(rivals) == 1
    if _run_cost(choice, cheapest) >= _run_cost(choice, best):
        return {1: words.cheapest_one, 2: words.cheapest_two}.get(len(rivals), words.cheapest)
    return _said(choice, words.cheaper_one if alone else words.cheaper, cheapest)


def _said(choice: Choice, words: str, mark: Mark) -> str:
    """`words` with a mark's name, its accuracy and interval, its cost, and the accuracy of guessing filled in."""
    return words.format(
        name=mark.name,
        top1=mark.y.text,
        low=end(mark.y.low),
        high=end(mark.y.high),
        cost=_cost(choice, mark),
        chance=chance(choice),
    )


def chance(choice: Choice) -> str:
    """The accuracy of guessing in per cent; empty if it is unknown."""
    return "" if choice.chance is None else percent(choice.chance)


def _run_cost(choice: Choice, mark: Mark) -> float:
    return mark.x[choice.run_cost].value if choice.run_cost in mark.x else float("inf")


def _cost(choice: Choice, mark: Mark) -> str:
    reading = mark.x.get(choice.run_cost)
    return f", {reading.text}" if reading else ""


def end(value: float | None) -> str:
    """An end of an interval, in whole per cent without the sign; ``?`` if it is unknown."""
    return "?" if value is None else f"{value:.0%}".removesuffix("%")


def _others(number: int) -> str:
    return {1: "the other one", 2: "both others"}.get(number, f"all {number} others")


def _some(rivals: int, others: int) -> str:
    if rivals == others:
        all_of_them = _others(others)
        return all_of_them[0].upper() + all_of_them[1:]
    return f"{rivals} of the {others} others"
