"""`tlbench advise`: recommend a strategy."""

import json
from pathlib import Path

import click

from tlbench.cli.options import PLACE, json_option
from tlbench.cli.terminal import say, width
from tlbench.core.errors import UserError
from tlbench.regression.advice import SOURCES, Advice
from tlbench.reporting.render import terminal
from tlbench.reporting.views.advice import blocks, difference, rows
from tlbench.session.advice import advise, training_images


@click.command()
@click.argument("runs", metavar="[RUN]...", nargs=-1, type=PLACE)
@click.option("--images", type=click.IntRange(min=1), help="Training images per class.")
@click.option("--path", type=PLACE, help="Folder of your images, one folder per class, to count instead.")
@click.option("--similar", help="Whether your classes are like ImageNet's (animals, plants, things): yes or no.")
@json_option
def command(runs: tuple[Path, ...], images: int | None, path: Path | None, similar: str | None, as_json: bool) -> None:
    """Recommend a strategy by the textbook rule, and compare the rule with what each RUN measured.

    From each RUN, the comparison with the nearest number of training images is used.

    Example: tlbench advise results/images --images 200 --similar yes
    """
    if (images is None) == (path is None):
        raise UserError("give the number of training images per class: --images 200, or --path with their folder")
    if similar not in {"yes", "no"}:
        raise UserError(
            f"--similar {similar or 'is missing'}: yes for classes like ImageNet's (animals, plants, things), no for "
            "others (X-rays, satellite images, drawings)"
        )
    per_class = float(images) if images is not None else _count(path)
    advice = advise(per_class, similar == "yes", runs, say=say)
    click.echo(_json(advice) if as_json else terminal.text(*blocks(advice), columns=width()))


def _count(path: Path | None) -> float:
    """The mean number of training images per class in a folder, which is printed, too."""
    assert path is not None
    mean, fewest, most = training_images(path)
    say(f"{path}: {mean:.0f} training images per class" + (f" ({fewest} to {most})" if fewest != most else ""))
    return mean


def _json(advice: Advice) -> str:
    content = {
        "images": advice.images,
        "similar": advice.rule.similar,
        "rule": {"strategy": advice.rule.strategy, "why": advice.rule.why, "sources": SOURCES},
        "measured": rows(advice.measured),
        "choice": advice.choice,
        "best_in": advice.best_in,
        "judged": advice.judged,
        "agree": advice.agree,
        "difference": difference(advice) if advice.measured else None,
    }
    return json.dumps(content, indent=1)
