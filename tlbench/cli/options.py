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
