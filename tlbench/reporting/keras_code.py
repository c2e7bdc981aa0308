"""A program in plain Keras that builds and trains the model of a cell. Pure."""

import re

from tlbench.backbones import registry as backbones
from tlbench.core.image_size import height_width
from tlbench.reporting import keras_images as images
from tlbench.reporting import keras_settings as settings
from tlbench.reporting import keras_snippets as snippets
from tlbench.results.record import Record
from tlbench.results.trained import TrainedPhase
from tlbench.strategies import registry as strategies
from tlbench.strategies.base import Strategy

OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "nadam": "Nadam", "rmsprop": "RMSprop", "sgd": "SGD"}
POOLING = {"gap": "GlobalAveragePooling2D", "flatten": "Flatten"}
PHASES = {"frozen": "head", "scratch": "all", "partial": "head,fine-tuning|all", "full": "head,fine-tuning|all"}
PHASES |= dict.fromkeys(
    ("norm", "bias", "lora", "surgical", "layerwise", "l2_sp", "wise_ft", "ema", "soup"), "head,fine-tuning"
)
PHASES |= {"gradual": r"head(,fine-tuning \d+)+", "interval": "head(,head before)?,fine-tuning(,head after)?"}
"""By strategy, a regular expression for the supported sequences of phases: their names, joined by commas."""
VARIABLES = {
    "norm": 'variable.name in ("gamma", "beta") and "Normalization" in type(layer).__name__',
    "bias": 'variable.name in ("bias", "beta")',
    "lora": 'variable.name.startswith("lora_kernel")',
}
"""By strategy, the condition for the variables that are trained; other strategies train all."""
TRAINING = frozenset({"epochs", "batch_size", "optimizer", "learning_rate"}) | frozenset(
    {"schedule", "warmup", "weight_decay", "label_smoothing", "mixup", "cutmix", "augmentation", "tune"}
    | {"early_stopping", "reduce_lr"}
)
HEAD = frozenset({"name", "hidden", "dropout", "output"})
STRATEGY = frozenset({"trainable", "frozen_layers", "from_layer", "joint", "batch_norm", "solver"}) | frozenset(
    {"frozen_operations", "blocks", "groups", "from_epoch", "until_epoch", "rank", "alpha", "beta", "decay", "best"}
    | {"head_rate", "backbone_rate"}
)
PHASE = frozenset(
    {"name", "solver", "frozen", "trained", "trainable", "epochs", "learning_rate", "batch_norm"}
    | {"path", "tried", "chosen", "seconds", "head_rate", "lowest_rate", "rates"}
)
"""`TRAINING`, `HEAD`, `STRATEGY` and `PHASE` are the fields that programs take into account; see `unsupported`."""


def why_not(record: Record) -> str:
    """The reason why there is no program for a record; empty if there is one."""
    cell = record.cell
    if cell.train is None or record.data is None or not record.training:
        return "nothing was trained in phases"
    if cell.backbone.name not in backbones.names() or backbones.get(cell.backbone.name).module is None:
        return f"{cell.backbone.name} is not a model of keras.applications"
    if cell.head.name not in POOLING:
        return f"head {cell.head.name} is not supported"
    if reason := images.why_not(record.data):
        return reason
    if cell.backbone.name.startswith("ConvNeXt") and cell.strategy.name in {"norm", "lora", "surgical"}:
        return f"{cell.strategy.name} looks into the layers within layers that ConvNeXt has, which takes a page of code"
    names = ",".join(phase.name for phase in record.training)
    if cell.strategy.name == "co_tuning":
        return "co_tuning trains a second head on labels derived from ImageNet's classes, which takes a page of code"
    if not re.fullmatch(PHASES.get(cell.strategy.name, "(?!)"), names):
        return f"strategy {cell.strategy.label} is not supported"
    if any(phase.solver not in {"linear", "gradient"} for phase in record.training):
        return f"solver {record.training[0].solver} of the head is not supported"
    if len(record.training) > 1 and record.training[0].solver == "gradient":
        return "a head that is trained at a constant rate before fine-tuning is not supported"
    if reason := settings.why_not(record):
        return reason
    if more := unsupported(record):
        return f"{', '.join(more)} {'is' if len(more) == 1 else 'are'} not supported"
    if cell.precision != "float32" or cell.train.optimizer not in OPTIMIZERS:
        return f"{cell.precision} with {cell.train.optimizer} is not supported"
    return ""


def unsupported(record: Record) -> list[str]:
    """The settings of a record that are not in its program, including any that this module does not know."""
    cell = record.cell
    asked = [
        (cell.training.model_dump(exclude_defaults=True), TRAINING),
        (cell.head.model_dump(exclude_defaults=True), HEAD),
        (cell.strategy.args, STRATEGY),
        *((phase.model_dump(exclude_defaults=True), PHASE) for phase in record.training),
    ]
    return sorted({name for settings, known in asked for name in settings if name not in known})


def program(record: Record) -> str:
    """The program for a record. `why_not` must be empty."""
    cell, data = record.cell, record.data
    assert data is not None
    assert cell.train is not None
    gradient = [phase for phase in record.training if phase.solver == "gradient"]
    solved = [phase for phase in record.training if phase.solver == "linear"]
    parts = [
        f"# {cell.label!r},\n"
        f"# as tlbench {record.provenance.tlbench} trained it (cell {record.cell_id}), in plain Keras. "
        "Rounding and the order of\n# batches differ, so accuracies agree only within their interval.",
        _imports(record, bool(solved)),
        f"DATA = Path({cell.dataset.name!r})  # the folder of the data set\n"
        f"{_weights(record)}\n"
        f"CLASSES = {list(data.classes)!r}\n"
        f"LIMIT = {cell.limit.model_dump()!r}  # images per class\n"
        f"SIZE, BATCH, SEED = {height_width(cell.image_size)}, {cell.train.batch_size}, {cell.seed}\n"
        f"{images.constants(data)}",
        images.functions(data, cell.resize),
        _model(record),
        *([_solve(cell.head.output)] if solved else []),
        *([_fit(record)] if gradient else []),
        "\n".join(_call(record, phase) for phase in record.training),
        snippets.TEST,
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _imports(record: Record, solved: bool) -> str:
    assert record.data is not None
    standard = images.imports(record.data)
    standard += ["from importlib.util import find_spec"] if _is_drawn(record) else []
    standard.append("from pathlib import Path")
    others = ["import keras", "import numpy as np"]
    others += ["import tensorflow as tf"] if record.cell.resize == "pad" else []
    others.append("from PIL import Image, ImageOps")
    others += ["from scipy.optimize import minimize"] if solved else []
    return "\n".join([*standard, "", *others])


def _is_drawn(record: Record) -> bool:
    return record.weights is not None and record.weights.source == "drawn"


def _weights(record: Record) -> str:
    if record.cell.strategy.name == "scratch" or record.weights is None or record.weights.source == "random":
        return "WEIGHTS = None  # random"
    if _is_drawn(record):
        path = f'Path(find_spec("tlbench").origin).parent / "backbones/drawn/{record.weights.file}"'
        return f"WEIGHTS = str({path})  # pretrained on synthetic pictures"
    file = record.weights.file
    if record.weights.instead_of or record.weights.as_published is False:
        return f'# The path of this file: "imagenet" would take another one.\nWEIGHTS = {file!r}'
    return f'WEIGHTS = "imagenet"  # tlbench used {file!r}; this may also be a path'


def _model(record: Record) -> str:
    cell = record.cell
    assert record.data is not None
    module, changed = backbones.get(cell.backbone.name).module, cell.training.augmentation
    arguments = "".join(f", {name}={value!r}" for name, value in cell.backbone.args.items())
    lines = [
        "keras.utils.set_random_seed(SEED)",
        f"base = keras.applications.{cell.backbone.name}(",
        f"    include_top=False, weights=WEIGHTS, input_shape=(*SIZE, 3){arguments}",
        ")",
        *([snippets.DROPOUT] if _frees_layers(record) else []),
        "inputs = keras.Input((*SIZE, 3))",
        *(["x = inputs", settings.augmentation_layers(changed)] if changed else []),
        f"x = keras.applications.{module}.preprocess_input({'x' if changed else 'inputs'})",
        f"x = features = keras.layers.{POOLING[cell.head.name]}()(base(x))",
    ]
    lines += [f'x = keras.layers.Dense({units}, activation="relu")(x)' for units in cell.head.hidden]
    if cell.head.dropout:
        lines.append(f"x = keras.layers.Dropout({cell.head.dropout!r})(x)")
    units = 1 if cell.head.output == "sigmoid" else len(record.data.classes)
    lines.append(f'classifier = keras.layers.Dense({units}, activation="{cell.head.output}")')
    lines.append("model = keras.Model(inputs, classifier(x))")
    if all(phase.batch_norm == "inference" for phase in record.training):
        lines.append(snippets.KEEP)
    elif cell.strategy.name == "scratch":
        lines.append(snippets.FOLLOW)
    return "\n".join(lines)


def _frees_layers(record: Record) -> bool:
    """Whether `train_layers` frees whole layers, whose dropout it switches on and off."""
    return record.cell.strategy.name not in VARIABLES and any(one.solver == "gradient" for one in record.training)


def _solve(output: str) -> str:
    one_unit = "    kernel, bias = kernel[:, 1:] - kernel[:, :1], bias[1:] - bias[:1]\n" if output == "sigmoid" else ""
    return snippets.SOLVE + one_unit + "    classifier.set_weights([kernel, bias])\n"


def _fit(record: Record) -> str:
    """The function `train_layers`, and the definitions that it needs."""
    train, name, fine = record.cell.training, record.cell.strategy.name, _is_tuned(record)
    asked = strategies.make(name, record.cell.strategy.args)
    best = fine and name != "wise_ft" and settings.keeps_best(train)
    scheduled, rate = settings.schedule(train, tuned=fine)
    own_rates = settings.has_rates(record)
    doc = "Train the head and the layers of the base from index `frozen` on"
    doc += ", at most `most` of those with weights." if name == "surgical" else "."
    optimizer = "AtRates" if own_rates else f"keras.optimizers.{OPTIMIZERS[train.optimizer]}"
    average = f", use_ema=True, ema_momentum={getattr(asked, 'decay', None)!r}" if name == "ema" else ""
    parts = [
        *settings.labels(record),
        *([scheduled] if scheduled else []),
        *([snippets.AT_RATES.replace("OPTIMIZER", OPTIMIZERS[train.optimizer])] if own_rates else []),
        *([settings.by_validation(one, record) for one in _callback(name, asked)] if best else []),
        *([snippets.PULL] if name == "l2_sp" else []),
        *([snippets.ADAPT.replace("RANK", str(getattr(asked, "rank", "")))] if name == "lora" else []),
        "\n".join(
            [
                f'def train_layers({_arguments(record)}):\n    """{doc}"""',
                _free(name).strip("\n"),
                *([_held(asked)] if name == "l2_sp" else []),
                *([settings.rates(record)] if own_rates else []),
                *([rate] if rate else []),
                f"    optimizer = {optimizer}(rate{average}{settings.arguments(train)})",
                *(["    optimizer.multiples = multiples"] if own_rates else []),
                *([snippets.SPARED] if train.weight_decay is not None else []),
                f'    model.compile(optimizer=optimizer, loss={settings.loss_of(record)}, metrics=["accuracy", LOSS])',
                *(["    before = model.get_weights()"] if name == "wise_ft" else []),
                f"    model.fit({settings.images_of(record)}{settings.callbacks(train, best)})",
                *([_between(record.training[-1])] if name == "wise_ft" else []),
            ]
        ),
    ]
    return "\n\n\n".join(part.strip("\n") for part in parts)


def _arguments(record: Record) -> str:
    """The parameters of `train_layers`."""
    names = ["frozen", *(["most"] if record.cell.strategy.name == "surgical" else []), "epochs", "rate"]
    names += ["head_rate"] if any(phase.head_rate is not None for phase in record.training) else []
    return ", ".join([*names, *(["rates"] if any(phase.rates for phase in record.training) else [])])


def _is_tuned(record: Record) -> bool:
    return any(phase.solver == "gradient" and phase.name not in {"head", "all"} for phase in record.training)


def _callback(name: str, asked: Strategy) -> list[str]:
    if name == "wise_ft":
        return []
    special = {"ema": snippets.AVERAGED, "soup": snippets.SOUP.replace("SOUP", str(getattr(asked, "best", "")))}
    return [snippets.LOOK, special.get(name, snippets.BEST.replace("SEEN", snippets.OF_EPOCH))]


def _free(name: str) -> str:
    if name in VARIABLES:
        return snippets.FREE_VARIABLES.replace("WANTED", VARIABLES[name])
    return snippets.FREE_SOME if name == "surgical" else snippets.FREE


def _held(asked: Strategy) -> str:
    alpha, beta = getattr(asked, "alpha", 0.0), getattr(asked, "beta", 0.0)
    return (
        "    held = {id(variable) for variable in base.trainable_variables}\n"
        "    for variable in model.trainable_variables:\n"
        f"        pull = ({alpha!r}, keras.ops.copy(variable.value)) if id(variable) in held else ({beta!r}, 0.0)\n"
        "        variable.regularizer = Pull(*pull)"
    )


def _between(phase: TrainedPhase) -> str:
    assert phase.chosen is not None
    share = phase.tried[phase.chosen].setting
    return (
        f"    share = {share!r}  # of {len(phase.tried)}, the best on validation\n"
        "    after = model.get_weights()\n"
        "    model.set_weights([(1 - share) * a + share * b for a, b in zip(before, after)])"
    )


def _call(record: Record, phase: TrainedPhase) -> str:
    if phase.solver == "linear":
        assert phase.chosen is not None
        return f"solve_head(l2={phase.tried[phase.chosen].setting!r})  # of {len(phase.tried)}, the best on validation"
    given: dict[str, object] = {"frozen": phase.frozen, "epochs": phase.epochs, "rate": phase.learning_rate}
    given |= {"most": _layers(phase)} if record.cell.strategy.name == "surgical" else {}
    given |= {"head_rate": phase.learning_rate if phase.head_rate is None else phase.head_rate, "rates": phase.rates}
    rate = record.search if record.search and record.search.varied == "learning_rate" else None
    chosen = f"  # of {len(rate.trials)} rates, the best on validation" if rate else ""
    told = ", ".join(f"{name}={_number(given[name])}" for name in _arguments(record).split(", "))
    return f"train_layers({told}){chosen}"


def _number(value: object) -> str:
    """`value` in Python, with a line for each pair of a tuple."""
    if not isinstance(value, tuple):
        return repr(value)
    return "[\n" + "".join(f"    ({first}, {rate!r}),\n" for first, rate in value) + "]"


def _layers(phase: TrainedPhase) -> int:
    """The number of layers with weights that a phase trained, from its description."""
    found = re.match(r"\d+", phase.trained or "")
    assert found
    return int(found[0])
