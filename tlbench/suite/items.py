"""Items of a suite's lists: a name, or a mapping with a name and its arguments."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from tlbench.backbones import drawn, saved
from tlbench.backbones import registry as backbones
from tlbench.backbones.spec import Scaling, per_channel
from tlbench.core.cell import FILE, MOST_UNITS, Head, Named, Scalar, Weights
from tlbench.core.errors import UserError, nearest, nearest_pattern
from tlbench.core.value import Value
from tlbench.datasets import registry as datasets
from tlbench.datasets.names import SPLITS, shown
from tlbench.heads import registry as heads
from tlbench.strategies import registry as strategies
from tlbench.suite.fields import check_keys, complain, number, of_percent, one_of, show, whole

PLACES = ("path", "csv", "npz", "parquet")
COLUMNS = ("image", "label")
SPLIT_KEYS = ("validation", "test", "split_seed")


class BackboneItem(Value):
    """The backbones that an item stands for, of which a pattern may name several.

    Attributes:
        backbones: the backbones.
        weights: their initial weights.
        says_weights: whether the suite names the weights, rather than leaving them at the default.
    """

    backbones: tuple[Named, ...]
    weights: Weights
    says_weights: bool


class DatasetItem(Value):
    """A data set, with the path of its folder or file as the suite has it (relative to the suite), if it has one."""

    dataset: Named
    path: str | None


def _split(value: Any, label: str) -> tuple[str, dict[str, Any]]:
    """The name and the arguments of an item."""
    if isinstance(value, str):
        return value, {}
    if not isinstance(value, dict):
        raise complain(f"the name of a {label}, or a mapping with its name, belongs here, not {show(value)}")
    if not isinstance(value.get("name"), str):
        raise complain(f"this {label} has no name; write {{name: ..., ...}}")
    return value["name"], {key: item for key, item in value.items() if key != "name"}


def _scalars(args: dict[str, Any]) -> dict[str, Scalar]:
    for key, value in args.items():
        if isinstance(value, dict | list) or value is None:
            raise complain(f"{key}: a single value belongs here, not {show(value)}", key)
    return args


def _backbone(value: Any, info: ValidationInfo) -> Any:
    name, args = _split(value, "backbone")
    if name == FILE:
        return _saved_model(args, Path((info.context or {}).get("folder", "")))
    names = backbones.expand_pattern(name)
    if not names:
        if any(sign in name for sign in "*?["):
            hint = nearest_pattern(name, list(backbones.names()), "backbones")
            hint = hint if hint.startswith("did you mean") else "`tlbench list backbones` names them"
            raise complain(f"no backbone matches {name!r}; {hint}")
        raise complain(f"there is no backbone {name!r}; {nearest(name, list(backbones.names()), 'backbones')}")
    says_weights = "weights" in args
    weights = one_of("imagenet", "drawn", "random", label="kind of weights")(args.pop("weights", "imagenet"))
    _scalars(args)
    for one in names:
        try:
            backbones.get(one).check_args(args)
        except ValueError as error:
            raise complain(str(error)) from None
        if weights == "drawn" and drawn.find(one, args) is None:
            label = Named(name=one, args=args).label
            raise complain(f"there are no drawn weights of {label}, only of {drawn.known()}", "weights")
    made = tuple(Named(name=one, args=args) for one in names)
    return BackboneItem(backbones=made, weights=weights, says_weights=says_weights)


def _dataset(value: Any) -> Any:
    name, args = _split(value, "data set")
    if name == datasets.IMAGENET:
        if args:
            raise complain(
                "imagenet takes no keys; `--imagenet` or TLBENCH_IMAGENET names its folder", next(iter(args))
            )
        return DatasetItem(dataset=Named(name=name), path=None)
    if name == datasets.SYNTHETIC:
        check_keys(args, ["like"])
        if "like" in args and not (isinstance(args["like"], str) and args["like"] in datasets.DATASETS):
            like, known = args["like"], list(datasets.DATASETS)
            named = isinstance(like, str)
            wrong = f"there is no data set {like!r}" if named else f"a name belongs here, not {show(like)}"
            raise complain(f"like: {wrong}; {nearest(str(like), known, 'data sets')}")
        return DatasetItem(dataset=Named(name=name, args=args), path=None)
    check_keys(args, ["name", *PLACES, *SPLIT_KEYS, "splits", "classes", *COLUMNS])
    path = _place(args)
    if path is None and name not in datasets.DATASETS:
        known = list(datasets.names())
        raise complain(
            f"there is no data set {name!r}; {nearest(name, known, 'data sets')}; a folder of your own needs a path"
        )
    if path is not None and "/" in name:
        raise complain(f"{name!r} is no name; give the folder as path and a short name beside it")
    if path is not None and shown(name) != name:
        raise complain(f"{name!r} is no name since it has control characters; leave them out", "name")
    for key in SPLIT_KEYS:
        if key in args:
            check = whole(0) if key == "split_seed" else number(0, 0.5, open_low=True)
            try:
                args[key] = check(args[key])
            except PydanticCustomError as error:
                raise complain(f"{key}: {error.message()}", key) from None
    if args.get("validation", 0) + args.get("test", 0) >= 1:
        raise complain("validation and test are shares of train and leave nothing of it; lower one of them", "test")
    for key in COLUMNS:
        if key in args and (not isinstance(args[key], str) or not args[key]):
            raise complain(f"{key}: the name of a column belongs here, in quotes, not {show(args[key])}", key)
    if "splits" in args:
        args["splits"] = _folders(args["splits"])
    if "classes" in args:
        args["classes"] = _classes(
            args["classes"], datasets.DATASETS[name].classes if name in datasets.DATASETS else ()
        )
    return DatasetItem(dataset=Named(name=name, args=args), path=path)


def _saved_model(args: dict[str, Any], folder: Path) -> BackboneItem:
    """The backbone of a saved model: a file or a folder with a preset, relative to `folder`.

    A path that does not exist is accepted here; only a run that needs the model rejects it.
    """
    check_keys(args, ["name", "path", "scaling", "weights"])
    path, scaling = args.get("path"), args.get("scaling")
    if not isinstance(path, str) or Path(path).suffix not in ("", saved.SUFFIX):
        raise complain(
            f"path: a file that ends in {saved.SUFFIX}, or keras-hub's preset folder, belongs here, not {show(path)}",
            "path" if path else None,
        )
    scaling = None if scaling is None else read_scaling(scaling)
    weights = one_of(FILE, "random", label="kind of weights")(args.get("weights", FILE))
    if not (folder / path).exists():
        found = saved.missing(Path(path), scaling)
    else:
        try:
            found = saved.backbone(folder / path, scaling)
        except UserError as error:
            raise complain(str(error), "path") from None
    return BackboneItem(backbones=(found,), weights=weights, says_weights="weights" in args)


def read_scaling(value: Any) -> str:
    """The scaling of a saved model's input as a cell's argument: a word, or JSON."""
    return _per_channel(value) if isinstance(value, dict) else one_of(*get_args(Scaling), label="scaling")(value)


def _per_channel(value: dict[str, Any]) -> str:
    """Scale and offset as JSON, because a cell's arguments are scalars."""
    check_keys(value, ["scale", "offset"])
    try:
        found = per_channel(value.get("scale", 1.0), value.get("offset", 0.0))
    except ValueError as error:
        raise complain(f"scaling: {error}", "scaling") from None
    return json.dumps({"scale": found.scale, "offset": found.offset})


def _place(args: dict[str, Any]) -> str | None:
    """Remove the path of the folder or file from `args` and return it; None where there is none."""
    given = [key for key in PLACES if key in args]
    if len(given) > 1:
        raise complain(f"{given[0]} and {given[1]} are two places for the images; write one of them", given[1])
    if not given:
        return None
    (key,) = given
    path = args.pop(key)
    if not isinstance(path, str) or (key != "path" and not path.lower().endswith(f".{key}")):
        what = "folder" if key == "path" else f"file that ends in .{key}"
        raise complain(f"{key}: the path of a {what} belongs here, not {show(path)}", key)
    return path


def _folders(value: Any) -> str:
    """The folder of each split as JSON, or ``none``, because a cell's arguments are scalars."""
    if value == "none":
        return "none"
    if not isinstance(value, dict):
        raise complain(
            f"splits: none, or a mapping {{train: Train, test: Holdout}}, belongs here, not {show(value)}", "splits"
        )
    check_keys(value, SPLITS)
    if "train" not in value:
        raise complain("splits: train is missing; what else is missing is drawn from it", "splits")
    for split, folder in value.items():
        if not isinstance(folder, str) or not folder or "/" in folder:
            raise complain(f"splits: the name of a folder in path belongs to {split}, not {show(folder)}", "splits")
    if len(set(value.values())) < len(value):
        raise complain("splits: two splits have the same folder", "splits")
    return json.dumps({split: value[split] for split in SPLITS if split in value}, ensure_ascii=False)


def _classes(value: Any, known: Sequence[str]) -> str:
    """The classes as a JSON list. `known`: all classes of a built-in data set; empty for a data set of the user's."""
    names = value if isinstance(value, list) else [value]
    for name in names:
        if not isinstance(name, str):
            raise complain(f"classes: the name of a folder belongs here, in quotes, not {show(name)}", "classes")
        if known and name not in known:
            raise complain(f"classes: there is no class {name!r}; {nearest(name, list(known), 'classes')}", "classes")
    if len(set(names)) < max(2, len(names)):
        raise complain("classes: at least two names belong here, each once", "classes")
    return json.dumps(names, ensure_ascii=False)


def _strategy(value: Any) -> Any:
    name, args = _split(value, "strategy")
    if name not in strategies.names():
        raise complain(strategies.STRATEGIES.unknown(name))
    if "trainable" in args:
        args["trainable"] = of_percent(args["trainable"])
    try:
        strategies.make(name, _scalars(args))
    except ValueError as error:
        raise complain(str(error)) from None
    return Named(name=name, args=args)


def _head(value: Any) -> Any:
    name, args = _split(value, "head")
    if name == heads.ORIGINAL:
        check_keys(args, ["name"])
        return Head(name=name)
    if name not in heads.HEADS:
        raise complain(f"there is no head {name!r}; {nearest(name, list(heads.names()), 'heads')}")
    check_keys(args, ["name", "hidden", "dropout", "output"])
    hidden = args.get("hidden", [])
    units = hidden if isinstance(hidden, list) else [hidden]
    return Head(
        name=name,
        hidden=tuple(whole(1, MOST_UNITS)(unit) for unit in units),
        dropout=number(0, 1, open_high=True)(args.get("dropout", 0.0)),
        output="sigmoid"
        if one_of("softmax", "sigmoid", label="output")(args.get("output", "softmax")) == "sigmoid"
        else "softmax",
    )


Backbones = Annotated[BackboneItem, BeforeValidator(_backbone)]
Dataset = Annotated[DatasetItem, BeforeValidator(_dataset)]
Strategy = Annotated[Named, BeforeValidator(_strategy)]
HeadItem = Annotated[Head, BeforeValidator(_head)]
