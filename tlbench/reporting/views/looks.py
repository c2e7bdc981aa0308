"""Colours and shapes of models, the same in all pictures of a report. Pure."""

from collections.abc import Sequence

from tlbench.reporting.plots import Look, looks
from tlbench.reporting.report import Report


def backbones(report: Report) -> tuple[str, ...]:
    """The backbones in the order of the report, which determines their colours and shapes."""
    return tuple(dict.fromkeys(row.record.cell.backbone.label for row in report.rows))


def strategies(report: Report) -> tuple[str, ...]:
    """The strategies in the order of the report."""
    return tuple(dict.fromkeys(row.record.cell.strategy.label for row in report.rows))


def of_lines(report: Report, things: Sequence[tuple[str, str]]) -> list[Look]:
    """The look of each of `things`, pairs of a backbone and a strategy. The first 64 looks are different.

    With one backbone, the strategy determines colour and shape. If each backbone occurs once, the backbone does. Else
    the backbone determines the colour, and the strategy the shape.
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
