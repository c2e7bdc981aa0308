"""Options that several commands share."""

from pathlib import Path

import click

data_option = click.option(
    "--data",
    envvar="TLBENCH_DATA",
    show_envvar=True,
    type=click.Path(path_type=Path),
    help="Folder with <data set>/{train,validation,test}/<class>/.",
)

weights_option = click.option(
    "--weights",
    envvar="TLBENCH_WEIGHTS",
    show_envvar=True,
    type=click.Path(path_type=Path),
    help="Folder with weights files under Keras' official names.",
)

imagenet_option = click.option(
    "--imagenet",
    envvar="TLBENCH_IMAGENET",
    show_envvar=True,
    type=click.Path(path_type=Path),
    help="ImageNet's validation images, a folder for each class (n01440764, ...); for original classifiers.",
)


def image_options(data: Path | None, weights: Path | None) -> tuple[str, ...]:
    """The options for a `tlbench run` that finds the same images and weights."""
    found = {"--data": data, "--weights": weights}
    return tuple(word for name, path in found.items() if path for word in (name, str(path.resolve())))
