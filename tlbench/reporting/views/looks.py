"""How lines of several models look, the same in all pictures of a report. Pure."""

from collections.abc import Sequence

from tlbench.reporting.plots import Look, looks
from tlbench.reporting.report import Report


def backbones(report: Report) -> tuple[str, ...]:
    """In the order of the report, which gives them their colours and shapes."""
    return tuple(dict.fromkeys(row.record.cell.backbone.label for row in report.rows))


def strategies(report: Report) -> tuple[str, ...]:
    """In the order of the report."""
    return tuple(dict.fromkeys(row.record.cell.strategy.label for row in report.rows))


def of_lines(report: Report, things: Sequence[tuple[str, str]]) -> list[Look]:
    """The look of each of `things`, which are backbones and their strategies; no two of the first 64 look alike.

    Of several backbones each has its colour, and each strategy its shape, or, where a backbone is there once, that of
    the backbone. Of one backbone alone strategies have both.
    """
    names, tails = [name for name, _ in things], [tail for _, tail in things]
    of_backbone = looks(names, backbones(report))
    of_strategy = looks(tails, (*strategies(report), *sorted(set(tails))))  # tails may say more than the strategy
    if len(of_backbone) == 1 < len(things):
        found = [of_strategy[tail] for tail in tails]
    elif len(of_backbone) == len(things):
        found = [of_backbone[name] for name in names]
    else:
        found = [Look(of_backbone[name].colour, of_strategy[tail].shape) for name, tail in things]
    return found if len(set(found)) == len(found) else [Look.of(place) for place in range(len(things))]
