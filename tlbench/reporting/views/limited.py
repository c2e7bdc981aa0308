"""The view of ``report --within``: the recommendation within limits of cost, for each data set. Pure."""

import re
from collections.abc import Mapping

from tlbench.core.errors import UserError, nearest
from tlbench.core.text import listed as listed_words
from tlbench.reporting.answer import listed, sentence, within
from tlbench.reporting.costs import TIMES
from tlbench.reporting.document import Note, Section
from tlbench.reporting.plots import Choice, Reading
from tlbench.reporting.report import Report
from tlbench.reporting.views.certainty import never_recognised
from tlbench.reporting.views.choice import APART

SHOWN = re.compile(r"[\d.,]+[KM]?")
TIMES_OF = {"K": 1e3, "M": 1e6}


def sections(report: Report, limits: Mapping[str, float]) -> list[Section]:
    """For each data set the recommendation and those that may be as good; if nothing fits, the cheapest.

    Args:
        report: the report.
        limits: limits by the key of a cost, or by its first word (``inference``) if one device was measured. A cost
            that is written as 55 is within 55.

    Raises:
        UserError: nothing was trained, or a cost was not measured.
    """
    found = []
    for one in report.decisions:
        keys = {_key(report, one.choice, word): word for word in limits}
        most = {key: _as_measured(one.choice, key, limits[word]) for key, word in keys.items()}
        places = within(one.choice, most)
        said = [sentence(one.choice, places), listed(one.choice, places)]
        if places and one.choice.above_chance(places[0]):
            mark, seeds = one.choice.scatter.marks[places[0]], one.recipes[places[0]]
            said.append(never_recognised(mark.name, [row.record for row in seeds]))
        if not places:
            said[0] = f"Nothing that was tested is within {_limits(limits)}."
            said += [_cheapest(one.choice, key, word) for key, word in keys.items()]
        found.append(Section(one.title, (Note(tuple(filter(None, said))),)))
    if not found:
        raise UserError("--within: nothing was trained, so there is nothing to choose from")
    return found


def _as_measured(chosen: Choice, key: str, most: float) -> float:
    """The limit, raised to the highest cost that is above it only before rounding."""
    costs = [mark.x[key] for mark in chosen.scatter.marks if key in mark.x]
    return max([most, *(cost.value for cost in costs if _written(cost) <= most)])


def _written(cost: Reading) -> float:
    """The number in a text: 55 of ``~55 ms``, 219,000 of ``219K parameters``."""
    number = SHOWN.search(cost.text)
    assert number is not None
    digits = number[0].rstrip("KM").replace(",", "")
    return float(digits) * TIMES_OF.get(number[0][-1], 1)


def _limits(limits: Mapping[str, float]) -> str:
    """The limits as they are given on the command line: ``the limit inference=15``."""
    return f"the limit{'s' * (len(limits) > 1)} {listed_words([f'{word}={most:g}' for word, most in limits.items()])}"


def _cheapest(chosen: Choice, key: str, word: str) -> str:
    """A sentence on the lowest value of a cost. Values that are written alike are equal: then none is the cheapest."""
    marks = [mark for mark in chosen.scatter.marks if key in mark.x]
    lowest = min(marks, key=lambda mark: mark.x[key].value)
    alike = sum(mark.x[key].text == lowest.x[key].text for mark in marks)
    if alike > 1:
        return f"None is the cheapest by {word}: {alike} of {len(marks)} have the lowest, {lowest.x[key].text}."
    return f"The cheapest by {word} is {lowest.name}: {lowest.x[key].text}."


def _key(report: Report, chosen: Choice, word: str) -> str:
    keys = [axis.key for axis in chosen.scatter.xs]
    fitting = [key for key in keys if word in {key, _first(key)}]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise UserError(f"--within: {word} may be {' or '.join(fitting)}; name one of them")
    firsts = [_first(key) for key in keys]
    known = [key if firsts.count(first) > 1 else first for key, first in zip(keys, firsts, strict=True)]
    if word in {part for key in TIMES for part in (key, _first(key))}:
        raise UserError(f"--within {word}: {_why_no_times(report, chosen)} Known costs: {', '.join(sorted(known))}")
    raise UserError(f"--within: there is no cost {word!r} here; {nearest(word, known, 'costs')}")


def _first(key: str) -> str:
    return key.partition("-")[0]


def _why_no_times(report: Report, chosen: Choice) -> str:
    if APART in chosen.certainty:
        return APART
    if any(row.record.timings for row in report.rows):
        return "No such step was timed here."
    return "No step was timed here: `tlbench run` times steps, without --untimed and with `timing` in the suite."
