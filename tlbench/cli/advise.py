"""`tlbench advise`: which strategy to take."""

import json
from pathlib import Path

import click

from tlbench.cli.terminal import say, width
from tlbench.core.errors import UserError
from tlbench.regression.advice import SOURCES, Advice
from tlbench.reporting.render import terminal
from tlbench.reporting.views.advice import blocks, difference, rows
from tlbench.session.advice import advise, training_images


@click.command()
@click.argument("runs", metavar="[RUN]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--images", type=click.IntRange(min=1), help="Training images a class that you have.")
@click.option("--path", type=click.Path(path_type=Path), help="Your images, a folder a class: they are counted.")
@click.option("--similar", help="yes: your classes are like ImageNet's (animals, plants, things); no: they are unlike.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def command(runs: tuple[Path, ...], images: int | None, path: Path | None, similar: str | None, as_json: bool) -> None:
    """Say which strategy the lessons' rule advises, what the runs measured, and what the difference is.

    Of each RUN the comparison with the nearest number of training images counts.

    Example: tlbench advise results/images --images 200 --similar yes
    """
    if (images is None) == (path is None):
        raise UserError("say how many training images a class there are: --images 200, or --path with their folder")
    if similar not in {"yes", "no"}:
        raise UserError(
            f"--similar {similar or 'is missing'}: yes for classes like ImageNet's (animals, plants, things), no for "
            "classes unlike them (X-rays, satellite images, drawings)"
        )
    a_class = float(images) if images is not None else _counted(path)
    advice = advise(a_class, similar == "yes", runs, say=say)
    click.echo(_json(advice) if as_json else terminal.text(*blocks(advice), columns=width()))


def _counted(path: Path | None) -> float:
    assert path is not None
    mean, fewest, most = training_images(path)
    say(f"{path}: {mean:.0f} training images a class" + (f" ({fewest} to {most})" if fewest != most else ""))
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
