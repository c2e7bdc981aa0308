"""Which to take within limits of cost, for each data set. Pure."""

from collections.abc import Mapping

from tlbench.core.errors import UserError, nearest
from tlbench.reporting.answer import listed, sentence, within
from tlbench.reporting.document import Note, Section
from tlbench.reporting.plots import Choice
from tlbench.reporting.report import Report


def sections(report: Report, limits: Mapping[str, float]) -> list[Section]:
    """The sentence and the names of those that may be as good, of each data set.

    limits: by the key of a cost, or its first word where one device was measured (``inference``). Raises UserError for
    one that nothing was measured of.
    """
    found = []
    for one in report.decisions:
        places = within(one.choice, {_key(one.choice, key): most for key, most in limits.items()})
        lines = filter(None, (sentence(one.choice, places), listed(one.choice, places)))
        found.append(Section(one.title, (Note(tuple(lines)),)))
    if not found:
        raise UserError("--within: nothing was trained here, so that there is nothing to choose from")
    return found


def _key(chosen: Choice, word: str) -> str:
    keys = [axis.key for axis in chosen.scatter.xs]
    fitting = [key for key in keys if word in {key, key.partition("-")[0]}]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise UserError(f"--within: {word} may be {' or '.join(fitting)}; name one of them")
    raise UserError(f"--within: there is no cost {word!r} here; {nearest(word, keys, 'costs')}")
